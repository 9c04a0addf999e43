"""Language: sentences become missions, by a small model that knows when it does not understand.

Importing this package is cheap; torch is loaded by `TaskReader.load`.
"""

from metabot.language.reader import DEFAULT_MODEL, TaskReader
from metabot.language.reading import POSSIBLE, Reading

__all__ = ["DEFAULT_MODEL", "POSSIBLE", "Reading", "TaskReader"]
