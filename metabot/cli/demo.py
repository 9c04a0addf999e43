"""`metabot demo`: the main job from one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.train import read_settings
from metabot.demo.config import DEFAULT_TASK, DemoConfig
from metabot.fleet import FleetError

if TYPE_CHECKING:
    from metabot.demo.run import Demo


def demo(
    task: Annotated[
        str, typer.Argument(help="What the fleet is to do, in a sentence.", show_default=True)
    ] = DEFAULT_TASK,
    seed: Annotated[int, typer.Option(help="Seed of placement, tasks and learning.")] = 0,
    algorithm: Annotated[
        str | None,
        typer.Option(
            help="How the fleet learns to learn; `metabot methods` lists the meta-learners."
            f" {DemoConfig.algorithm} by default, or what --resume was learned with."
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
        if algorithm is not None:
            chosen["algorithm"] = algorithm
        if distribution is not None:
            chosen["distribution"] = distribution
        chosen["settings"] = {**chosen.get("settings", {}), **read_settings(settings)}
        config = DemoConfig(
            sentence=task,
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
            video=video,
            **chosen,
        )
        running.append(Demo(config))
        running[0].run()
