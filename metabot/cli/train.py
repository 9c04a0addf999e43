"""`metabot train`: make the learned parts that come with metabot."""

from __future__ import annotations

import typer

train = typer.Typer(help="Train the models that come with metabot.", no_args_is_help=True)
