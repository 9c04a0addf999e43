"""The `metabot` command: one typer app; imports happen inside the commands, so that help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from metabot import __version__
from metabot.cli.adapt import adapt
from metabot.cli.bench import bench
from metabot.cli.board import board
from metabot.cli.continual import continual
from metabot.cli.demo import demo
from metabot.cli.demos import demos
from metabot.cli.evaluate import evaluate, methods
from metabot.cli.export import export
from metabot.cli.learn import learn
from metabot.cli.release import release
from metabot.cli.sim import sim
from metabot.cli.train import train

app = typer.Typer(
    name="metabot",
    help="A fleet of robots that learns how to learn.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bench)
app.add_typer(train, name="train")
app.command()(adapt)
app.command()(export)
app.command()(learn)
app.command()(evaluate)
app.command()(methods)
app.command()(board)
app.command()(release)
app.command()(continual)
app.add_typer(sim, name="sim")
app.command()(demos)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A fleet of robots that learns how to learn."""


@app.command()
def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Say what was found on this machine, and how to mend what is missing."""
    from metabot.setup.doctor import run_doctor

    raise typer.Exit(run_doctor(json))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
