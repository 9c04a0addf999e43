"""Experience: episodes or samples of many tasks as one rectangle of arrays, and what follows from them."""

from metabot.experience.advantage import advantages
from metabot.experience.episodes import Episodes
from metabot.experience.samples import Samples
from metabot.experience.stream import Stream
from metabot.experience.transitions import Transitions

__all__ = ["Episodes", "Samples", "Stream", "Transitions", "advantages"]
