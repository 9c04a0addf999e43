"""Experience: episodes of many tasks as one rectangle of arrays, and what follows from them."""

from metabot.experience.advantage import advantages
from metabot.experience.episodes import Episodes

__all__ = ["Episodes", "advantages"]
