"""``python -m metabot.cli`` is the `metabot` command."""

from metabot.cli import main

main()
