"""`metabot sim view`: a simulation on a web page."""

from __future__ import annotations

from typing import Annotated

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.policies import AdaptOption, PolicyOption, drivers


def view(
    family: Annotated[str, typer.Argument(help="Which family; see `metabot sim list`.")],
    policy: PolicyOption = "expert",
    adapt: AdaptOption = 0,
    robots: Annotated[int | None, typer.Option(help="How many robots; the family's usual number by default.")] = None,
    split: Annotated[str, typer.Option(help="Which tasks: train, validation, test or held-out.")] = "train",
    task: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Number of the first task.")] = 0,
    seed: Annotated[int, typer.Option(help="Of places and random commands.")] = 0,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of the page; by default the first free one from 8080 on.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines look.")] = "127.0.0.1",
    speed: Annotated[float, typer.Option(min=0.01, max=100.0, help="Simulated seconds per second.")] = 1.0,
    paused: Annotated[bool, typer.Option("--paused", help="Stand still at first.")] = False,
) -> None:
    """Watch a simulation in a browser, choose who drives, and change what is hidden from the robots.

    Needs the extra `view`, and no screen. Ctrl-C ends it.
    """
    with one_line_errors(ValueError, OSError, ImportError):
        from metabot_sim.view import DEFAULT_PORT, View
        from metabot_sim.view.serve import check_installed
        from metabot_sim.view.session import Session

        check_installed()
        name, others, trained_with = drivers(family, policy, adapt, seed)
        session = Session(
            family,
            robots=trained_with if robots is None else robots,
            split=split,  # type: ignore[arg-type]
            task=task,
            seed=seed,
            driver=name,
            others=others,
        )
        with View(session, host=host, port=port, speed=speed, paused=paused) as page:
            if port is None and page.port != DEFAULT_PORT:
                typer.echo(f"port {DEFAULT_PORT} is taken; {page.port} is free")
            typer.echo(f"{family} at {page.url} (Ctrl-C ends it)")
            page.run()
