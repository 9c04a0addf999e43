"""`metabot train`: make the learned parts that come with metabot."""

from __future__ import annotations

import typer

from metabot.language.cli import train_language

train = typer.Typer(help="Train the models that come with metabot.", no_args_is_help=True)
train.command("language")(train_language)


@train.callback()
def _group() -> None:
    """Keep `language` a word of its own, although it is the only one yet."""
