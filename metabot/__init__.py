"""metabot: a fleet of robots that learns how to learn.

Importing this package imports nothing else, so that `python -m metabot.setup`
runs before any dependency is installed.
"""

__version__ = "0.1.0"
