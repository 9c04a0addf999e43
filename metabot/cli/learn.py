"""`metabot learn`: a base learner on one task, without meta-learning."""

from __future__ import annotations

import json as json_module
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, is_parameters
from metabot.cli.tasks import StatedOption
from metabot.cli.train import Settings, Threads, read_family, read_settings

if TYPE_CHECKING:
    from metabot.harness.learned import Learned


def learn(
    learner: Annotated[
        str, typer.Argument(help="ppo, imitation, q-learning; of teams: ippo, mappo, vdn, qmix, self-play.")
    ],
    family: Annotated[
        str | None,
        typer.Option(help="Where the task comes from; see `metabot sim list`. drive-push, or the family of --spec."),
    ] = None,
    spec: StatedOption = None,
    robots: Annotated[int | None, typer.Option(help="Robots per episode; the family's fewest by default.")] = None,
    split: Annotated[str | None, typer.Option(help="train (by default), validation, test or held-out.")] = None,
    task: Annotated[int | None, typer.Option(min=0, help="Which task: the seed of its draw; 0 by default.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to learn from.")] = 256,
    trials: Annotated[int, typer.Option(min=1, help="Fresh episodes for each figure.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Of parameters, starts and exploration.")] = 0,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Checkpoint file for what was learned; none by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    threads: Threads = 1,
) -> None:
    """Learn one task from nothing, and say what that brought.

    `imitation` asks the expert; a team learns a network for each of its robots. What --out keeps leaves
    as ONNX by `metabot export FILE`, of a team with --robot.

    Figures are success and return of fresh episodes without exploring, before and after. In
    self-play they are of the seats of all robots against the policy it began with, success the win rate.
    """
    with one_line_errors(ValueError, OSError, stopped=lambda: "stopped; nothing is kept"):
        import numpy as np

        from metabot.base.self_play import SelfPlay
        from metabot.harness.learned import Learned, SingleTask
        from metabot.policy.threads import one_torch_thread

        for name, given in (("robots", robots), ("split", split), ("task", task)):
            if given is not None and spec is not None:
                raise ValueError(f"{name}: --spec says it; allowed: one of the two options")
        if out is not None:
            check_file("out", out, is_parameters, "learned parameters")
        one_torch_thread()
        family, scene = read_family(family, spec, "drive-push")
        single = SingleTask(family, robots, split or "train", task or 0, scene)
        begun = Learned.begun(learner, read_settings(settings), single, seed, threads)
        base, problem, rows = begun.learner, begun.problem, begun.rows
        started = time.monotonic()
        learned = _run(begun, episodes, seed)
        seconds = time.monotonic() - started

        def judged(these: Learned) -> tuple[float, float | None]:
            rng, parameters = np.random.default_rng([seed, 2]), these.parameters[None]
            if isinstance(base, SelfPlay):
                start = begun.parameters[None]
                return float(base.win_rate(problem, rows, parameters, start, trials, rng).mean()), None
            success, returns = base.play(problem, rows, parameters, trials, rng)
            return float(success.mean()), float(returns.mean())

        before, after = judged(begun), judged(learned)
        told: dict[str, Any] = {"seed": seed, "trials": trials, "seconds": round(seconds, 1)}
        for when, (success, gained) in (("before", before), ("after", after)):
            told[f"success_{when}"] = success
            told[f"return_{when}"] = gained
        facts = {**learned.facts(), **told}
        if out is not None:
            learned.save(out, told)
            facts["parameters"] = str(out)
        if json:
            typer.echo(json_module.dumps(facts, indent=2))
            return
        typer.echo(f"{learner} on {single.named} of {family}: {episodes} episodes, {seconds:.0f} s")
        typer.echo(f"{'wins' if after[1] is None else 'success'} {before[0]:.0%} before, {after[0]:.0%} after")
        if after[1] is not None:
            typer.echo(f"return {before[1]:.2f} before, {after[1]:.2f} after")


def _run(begun: Learned, episodes: int, seed: int) -> Learned:
    """Learn, with a bar; lines now and then where there is no terminal."""
    from rich.console import Console

    from metabot.cli.progress import bar

    console = Console(stderr=True, highlight=False)
    shown = [0]
    with bar(console) as progress:
        job = progress.add_task(f"{begun.learner.name} on {begun.task.family}", total=episodes, detail="")

        def told(done: int, success: float) -> None:
            said = "the expert helps" if math.isnan(success) else f"success {success:.0%}"
            progress.update(job, completed=done, detail=said)
            if not console.is_terminal and (done - shown[0]) * 10 >= episodes:
                shown[0] = done
                console.print(f"{done} episodes: {said}")

        return begun.after(episodes, seed, told)
