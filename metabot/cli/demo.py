"""`metabot demo`: the main job from one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.train import read_settings, read_spec
from metabot.demo.config import DEFAULT_TASK, DemoConfig
from metabot.fleet import FleetError

if TYPE_CHECKING:
    from metabot.demo.run import Demo


def demo(
    task: Annotated[
        str | None,
        typer.Argument(help="What the fleet is to do, in a sentence.", show_default=DEFAULT_TASK),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(help="Play a task of this family in place of a sentence; `metabot sim list` lists them."),
    ] = None,
    robots: Annotated[
        int | None, typer.Option(help="Robots in that world; as many as are usual by default.", min=1)
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The world in place of a sentence: a TaskSpec in JSON, faults included."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of placement, tasks and learning.")] = 0,
    method: Annotated[
        str | None,
        typer.Option(
            help="How the fleet learns to learn; `metabot methods` lists the meta-learners."
            f" {DemoConfig.method} by default, or what --resume was learned with."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A field of its configuration: name=value; repeat for more.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Meta-training rounds.")] = DemoConfig.rounds,
    tasks: Annotated[int, typer.Option(help="Tasks per robot and round.")] = DemoConfig.tasks,
    practice: Annotated[
        int, typer.Option(help="Episodes of each of them before, and after, adaptation.")
    ] = DemoConfig.practice,
    episodes: Annotated[int, typer.Option(help="Adaptation episodes of a robot with a fault.")] = DemoConfig.episodes,
    trials: Annotated[int, typer.Option(help="Fresh trials for every success rate.")] = DemoConfig.trials,
    runs: Annotated[Path, typer.Option(help="Folder in which the run gets a folder of its own.")] = DemoConfig.runs,
    domain: Annotated[int | None, typer.Option(help="ROS domain; a free one is picked by default.")] = None,
    distribution: Annotated[
        Path | None, typer.Option(help="JSON file of the tasks to learn from: ranges, horizon, reward weights.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Folder of an earlier run, a training or a released model to go on learning from."),
    ] = None,
    baselines: Annotated[bool, typer.Option(help="Train and measure the baselines.")] = True,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Adapt, drive and report alone: no baselines, no drive before adaptation, no further faults to tell"
            " apart.",
        ),
    ] = False,
    video: Annotated[bool, typer.Option(help="Render a video where an off-screen GL is present.")] = True,
) -> None:
    """Read the sentence, meta-train a fleet on real ROS 2, adapt to faults, deploy, report.

    Everything is written to a folder below `--runs`: summary.json, report.html, the video, the
    ONNX policies, the meta-parameters and every node's log. Ctrl-C ends every process and keeps
    what was learned; `--resume` goes on from there.
    """
    running: list[Demo] = []

    def stopped() -> str:
        return running[0].stopped() if running else "stopped"

    with one_line_errors(ValueError, OSError, FleetError, stopped=stopped):
        from metabot.demo.config import resumed
        from metabot.demo.run import Demo

        # What a run goes on from says how it was learned; what is typed beside it counts all the same.
        chosen: dict[str, Any] = {} if resume is None else resumed(resume)
        if method is not None:
            chosen["method"] = method
        if distribution is not None:
            chosen["distribution"] = distribution
        family = family or _unspoken(chosen, task, spec)
        chosen["settings"] = {**chosen.get("settings", {}), **read_settings(settings)}
        config = DemoConfig(
            sentence=task,
            family=family,
            robots=robots,
            spec=None if spec is None else read_spec(spec),
            seed=seed,
            rounds=rounds,
            tasks=tasks,
            practice=practice,
            episodes=episodes,
            trials=trials,
            runs=runs,
            domain=domain,
            resume=resume,
            baselines=baselines,
            quick=quick,
            video=video,
            **chosen,
        )
        running.append(Demo(config))
        idle = [robot.name for robot in running[0].run().robots if not robot.reached]
    if idle:
        typer.echo(f"metabot: {', '.join(idle)} did not do what the fleet was asked to", err=True)
        raise typer.Exit(1)


def _unspoken(chosen: dict[str, Any], task: str | None, spec: Path | None) -> str | None:
    """The family of what a run goes on from, where it is none that sentences ask for and nobody says what to do."""
    from metabot.demo.config import SPOKEN

    learned = getattr(chosen.get("distribution"), "family", None)
    return learned if task is None and spec is None and learned not in SPOKEN else None
