"""`metabot export`: a trained policy as an ONNX file, and what an ONNX file is."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.tasks import SplitOption, StatedOption, TaskOption, chosen
from metabot.cli.train import Threads

if TYPE_CHECKING:
    from metabot.deploy.contract import PolicyContract
    from metabot.deploy.export import Exported
    from metabot.problems import Problem
    from metabot.task import Term


def export(
    context: typer.Context,
    source: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of a training or of a model, or parameters that `metabot adapt` or `metabot learn` wrote.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The ONNX file to write.")] = Path("policy.onnx"),
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write nothing: say what an ONNX file is, or what is wrong.")
    ] = None,
    episodes: Annotated[
        int, typer.Option(min=0, help="Adapt to --task for so many episodes first; 0 exports the policy as it starts.")
    ] = 0,
    split: SplitOption = "held-out",
    task: TaskOption = 0,
    spec: StatedOption = None,
    robot: Annotated[
        int, typer.Option(min=1, help="Whose observations and commands the file describes, where kinds differ.")
    ] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    threads: Threads = 1,
) -> None:
    """Export a policy to ONNX, and prove that the file acts as the policy did.

    A policy with a memory carries it in and out of the graph, and goes on adapting inside the file. The file
    says itself what it observes and commands, in which units and how often: `--check` prints it. Before it is
    written, PyTorch and ONNX Runtime see the same 1,000 observations step by step and drive the same 128 episodes.
    """
    with one_line_errors(ValueError, OSError):
        if (source is None) == (check is None):
            raise ValueError("source: name a training, a model or adapted parameters, or give --check FILE; not both")
        if check is not None:
            _check(check, json)
            return
        assert source is not None
        from metabot.cli.progress import steps_shown
        from metabot.harness.exporting import export_trained, source_of
        from metabot.harness.learned import Learned, holds_learned
        from metabot.policy.threads import one_torch_thread
        from metabot.problems import check_split

        check_split(split)
        if source.suffix == ".onnx":
            raise ValueError(f"source: {source} is exported already; allowed: --check {source} says what it is")
        one_torch_thread()
        if holds_learned(source):
            for name in ("episodes", "split", "task", "spec"):
                origin = context.get_parameter_source(name)
                if origin is not None and origin.name == "COMMANDLINE":
                    raise ValueError(f"{name}: {source} is one learned task; allowed: without --{name}")
            learned = Learned.load(source, threads)
            with steps_shown() as told:
                done = learned.export(out, robot - 1, told=lambda what: told(what, 0.0))
            _say(out, done, learned.learner.name, learned.task.family, learned.named, learned.problem, json)
            return
        training, parameters, named = source_of(source, threads)
        problem, row = training.problem, None
        if parameters is not None and episodes:
            raise ValueError(f"episodes: {source} is adapted already; allowed: 0, or the folder of its training")
        if episodes:
            problem, row, named = chosen(training, source, split, task, spec, threads)
            named += f", {episodes} episodes"
        elif spec is not None:
            raise ValueError("spec: a policy that does not adapt has no task; allowed: with --episodes")
        with steps_shown() as told:
            done = export_trained(
                training,
                out,
                problem=problem,
                task=row,
                named=named,
                episodes=episodes,
                parameters=None if parameters is None else parameters.numpy(),
                robot=robot - 1,
                seed=task,
                told=lambda what: told(what, 0.0),
            )
        _say(out, done, training.config.method, training.config.family, named, problem, json)


def _say(out: Path, done: Exported, method: str, family: str, named: str, problem: Problem, json: bool) -> None:
    proof = done.proof
    assert proof is not None
    facts = {
        "path": str(out),
        "sha256": done.sha256,
        "bytes": out.stat().st_size,
        "method": method,
        "family": family,
        "adapted": named,
        "observations": proof.observations,
        "parity_max_abs": done.parity_max_abs,
        "episodes": proof.episodes,
        "success_pytorch": proof.success[0],
        "success_onnx": proof.success[1],
    }
    if json:
        typer.echo(json_module.dumps(facts, indent=2))
        return
    typer.echo(f"{out}: {method} on {family}, {named or 'as it starts'}")
    shared = ""
    if problem.has_success:
        shared = f"; {proof.success[1]:.0%} of {proof.episodes} episodes in closed loop, as with PyTorch"
    typer.echo(f"at most {done.parity_max_abs:.1e} apart over {proof.observations:,} observations{shared}")


def _check(path: Path, json: bool) -> None:
    from metabot.deploy.runtime import PolicySession

    session = PolicySession(path, "cpu")
    contract = session.contract
    if json:
        facts: dict[str, Any] = json_module.loads(contract.to_json())
        typer.echo(json_module.dumps({"path": str(path), "sha256": session.sha256, **facts}, indent=2))
        return
    for line in _told(path, contract):
        typer.echo(line)


def _told(path: Path, contract: PolicyContract) -> list[str]:
    made = ", ".join(f"{name} {number}" for name, number in contract.made_with.items())
    lines = [
        f"{path}: a policy for {contract.robot_kind or 'no kind of robot'}, {contract.control_hz} Hz",
        f"  learned    {contract.method or 'by hand'} on {contract.family or '?'}, version {contract.version}"
        f", {contract.adapted or 'as it starts'}",
    ]
    if made:
        lines.append(f"  made with  {made}")
    memory = sum(_numbers(entry.shape) for entry in contract.state)
    lines.append(f"  memory     {f'{memory:,} numbers' if memory else 'none'}")
    lines.append(f"  inputs     {', '.join([*contract.inputs, *(entry.name for entry in contract.state)])}")
    for what, terms in (("observes", contract.robot.observation), ("commands", contract.robot.action)):
        lines += [f"  {what if not number else '':9}  {_term(term)}" for number, term in enumerate(terms)]
    return lines


def _numbers(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _term(term: Term) -> str:
    if not term.unit:
        return term.name
    if term.unit == "1":
        return f"{term.name:24} as it is"
    shifted = f" from {term.offset:g}" if term.offset else ""
    return f"{term.name:24} in {term.scale:g} {term.unit}{shifted}{f', frame {term.frame}' if term.frame else ''}"
