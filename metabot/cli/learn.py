"""`metabot learn`: a base learner on one task, without meta-learning."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, is_parameters
from metabot.cli.train import Settings, Threads, read_settings


def learn(
    learner: Annotated[str, typer.Argument(help="ppo, q-learning; of teams: ippo, mappo, vdn, qmix, self-play.")],
    family: Annotated[str, typer.Option(help="Where the task comes from; see `metabot sim list`.")] = "drive-push",
    robots: Annotated[int | None, typer.Option(help="Robots per episode; the family's fewest by default.")] = None,
    split: Annotated[str, typer.Option(help="train, validation, test or held-out.")] = "train",
    task: Annotated[int, typer.Option(min=0, help="Which task: the seed of its draw.")] = 0,
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

    Figures are success and return of fresh episodes without exploring, before and after. In
    self-play they are of the seats of all robots against the policy it began with, success the win rate.
    """
    with one_line_errors(ValueError, OSError, stopped=lambda: "stopped; nothing is kept"):
        import numpy as np
        import torch

        from metabot.base.registry import base_learner
        from metabot.base.self_play import SelfPlay
        from metabot.meta.config import configured
        from metabot.params import save_checkpoint
        from metabot.policy.threads import one_torch_thread
        from metabot.problems import SPLITS, make_problem

        entry = base_learner(learner)
        config = configured(entry.config, read_settings(settings))
        if out is not None:
            check_file("out", out, is_parameters, "learned parameters")
        if split not in SPLITS:
            raise ValueError(f"split: no {split!r}; allowed: {', '.join(SPLITS)}")
        one_torch_thread()
        problem = make_problem(family, robots=robots, threads=threads)
        base = entry.make(problem, config)
        rows = problem.sample(np.random.default_rng([task, 20]), 1, split)
        start = torch.from_numpy(base.initial(np.random.default_rng([seed, 0])))[None]
        started = time.monotonic()
        learned = _run(base, problem, rows, start, episodes, np.random.default_rng([seed, 1]))
        seconds = time.monotonic() - started

        def judged(parameters: torch.Tensor) -> tuple[float, float | None]:
            rng = np.random.default_rng([seed, 2])
            if isinstance(base, SelfPlay):
                return float(base.win_rate(problem, rows, parameters, start, trials, rng).mean()), None
            success, returns = base.play(problem, rows, parameters, trials, rng)
            return float(success.mean()), float(returns.mean())

        before, after = judged(start), judged(learned)
        facts: dict[str, Any] = {
            "learner": learner,
            "family": family,
            "robots": problem.agents,
            "split": split,
            "task": task,
            "seed": seed,
            "episodes": episodes,
            "trials": trials,
            "seconds": round(seconds, 1),
        }
        for when, (success, gained) in (("before", before), ("after", after)):
            facts[f"success_{when}"] = success
            facts[f"return_{when}"] = gained
        if out is not None:
            save_checkpoint(out, learned[0].numpy(), base.layout, facts)
            facts["parameters"] = str(out)
        if json:
            typer.echo(json_module.dumps(facts, indent=2))
            return
        typer.echo(f"{learner} on {split} task {task} of {family}: {episodes} episodes, {seconds:.0f} s")
        typer.echo(f"{'wins' if after[1] is None else 'success'} {before[0]:.0%} before, {after[0]:.0%} after")
        if after[1] is not None:
            typer.echo(f"return {before[1]:.2f} before, {after[1]:.2f} after")


def _run(base: Any, problem: Any, rows: Any, start: Any, episodes: int, rng: Any) -> Any:
    """Learn, with a bar; lines now and then where there is no terminal."""
    from rich.console import Console

    from metabot.cli.progress import bar

    console = Console(stderr=True, highlight=False)
    shown = [0]
    with bar(console) as progress:
        job = progress.add_task(f"{base.name} on {problem.name}", total=episodes, detail="")

        def told(done: int, success: float) -> None:
            progress.update(job, completed=done, detail=f"success {success:.0%}")
            if not console.is_terminal and (done - shown[0]) * 10 >= episodes:
                shown[0] = done
                console.print(f"{done} episodes: success {success:.0%}")

        return base.learn(problem, rows, start, episodes, rng, told)
