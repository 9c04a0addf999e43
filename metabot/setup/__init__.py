"""Set-up from a clean clone: `python3 -m metabot.setup` makes `.venv` ready.

Everything here runs on the standard library alone, because it runs before
anything is installed. `__main__` and `preflight` also run on Python 3.6, so
that an old Python gets a sentence and not a syntax error.
"""
