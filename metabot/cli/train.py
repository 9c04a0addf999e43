"""`metabot train`: meta-train a method on a family, or make the learned parts that come with metabot."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_folder
from metabot.language.cli import train_language

if TYPE_CHECKING:
    from metabot.task import TaskSpec

Settings = Annotated[
    list[str] | None, typer.Option("--set", help="A field of the method's configuration: name=value; repeat for more.")
]
Family = Annotated[
    str | None,
    typer.Option(help="Tasks to train on; see `metabot sim list`. drive-goal, or the family of --spec, by default."),
]
Spec = Annotated[
    Path | None,
    typer.Option(
        "--spec",
        metavar="FILE",
        help="A TaskSpec in JSON: its scene, robots and reward; places and hidden dynamics are drawn.",
    ),
]
Threads = Annotated[int, typer.Option(min=1, help="Simulation threads; results do not depend on them.")]


class _Methods(TyperGroup):
    """Every meta-learner is a word after `train`, beside the commands written out here."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; any other name is taken for a method."""
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, "METHOD")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Hand the method's name on as the first argument."""
        name = args[0]
        if name.startswith("-") or super().get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        return name, self.get_command(ctx, name), args


train = typer.Typer(
    cls=_Methods,
    help="Meta-train a method on a family of tasks (`metabot train meta-sgd --family drive-goal`), "
    "or make the models that come with metabot.",
    no_args_is_help=True,
)
train.command("language")(train_language)


@train.command("METHOD")
def train_method(
    method: Annotated[str, typer.Argument(help="Which meta-learner; `metabot methods` lists them.")],
    family: Family = None,
    spec: Spec = None,
    robots: Annotated[int | None, typer.Option(help="Robots per episode; the family's fewest by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of parameters, tasks and exploration.")] = 0,
    env_steps: Annotated[int, typer.Option(min=1, help="Budget of simulated control steps.")] = 1_000_000,
    tasks: Annotated[int, typer.Option(min=1, help="Tasks of an update.")] = 16,
    episodes: Annotated[int, typer.Option(min=1, help="Adaptation episodes of each task in training.")] = 8,
    settings: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of the training; runs/train/METHOD-FAMILY-seed-SEED by default."),
    ] = None,
    threads: Threads = 1,
) -> None:
    """Meta-train one method: progress, TensorBoard files, a checkpoint that is always whole.

    Ctrl-C keeps what was learned; the same command goes on from there, and ends with the same
    parameters as a training that was not stopped. With more --env-steps a finished training goes on.
    A folder in which another training is running is refused.
    """
    family, scene = read_family(family, spec)
    folder = out or Path("runs/train") / f"{method}-{family.replace(':', '-')}-seed-{seed}"
    running: list[Any] = []

    def stopped() -> str:
        if running and running[0].updates:
            return f"stopped after {running[0].updates} updates; they are kept in {folder}, the same command goes on"
        return "stopped; nothing was learned yet"

    with one_line_errors(ValueError, OSError, stopped=stopped):
        check_folder("out", folder)
        from metabot.harness import Training, TrainingConfig
        from metabot.policy.threads import one_torch_thread

        one_torch_thread()
        config = TrainingConfig(
            method=method,
            family=family,
            robots=robots,
            seed=seed,
            env_steps=env_steps,
            tasks=tasks,
            episodes=episodes,
            settings=read_settings(settings),
            spec=scene,
        )
        training = Training(config, folder, threads)
        with training.alone():
            running.append(training)
            _show(training, folder)


def _show(training: Any, folder: Path) -> None:
    from rich.console import Console

    from metabot.cli.progress import bar
    from metabot.meta import expert_acts
    from metabot.meta.dagger_schedule import helped_by

    console = Console(stderr=True, highlight=False)
    if training.updates:
        console.print(f"going on after {training.updates} updates of {folder}", soft_wrap=True)
    goal = training.config.env_steps
    judged = "success" if training.problem.has_success else "return"
    helped = partial(expert_acts, training.config.method, training.config.settings)
    with bar(console) as progress:
        task = progress.add_task(f"{training.config.method} on {training.config.family}", total=goal, detail="")

        def told(update: Any) -> None:
            before, after = (update.metrics[f"{judged}_{part}"] for part in ("before", "after"))
            shown = f"{before:.1f} → {after:.1f}"
            if judged == "success":
                shown = f"{before:.0%} → {after:.0%}{helped_by(helped(update.number - 1))}"
            progress.update(task, completed=min(goal, update.env_steps), detail=f"{judged} {shown}")
            if not console.is_terminal and update.number % 10 == 0:
                console.print(f"update {update.number}, {update.env_steps:,} steps: {judged} {shown}")

        training.run(told)
    typer.echo(
        f"{training.config.method} on {training.config.family}: {training.updates} updates,"
        f" {training.env_steps:,} steps, {training.seconds:.0f} s; in {folder}"
    )
    print(f"curves: tensorboard --logdir {folder}", file=sys.stderr)


def read_spec(path: Path) -> TaskSpec:
    """The specification that a file holds.

    Raises:
        ValueError: if it holds none; one line.
    """
    from metabot.task import SpecError, TaskSpec

    try:
        return TaskSpec.read(path)
    except (SpecError, UnicodeDecodeError) as problem:
        raise ValueError(f"spec: {path}: {problem}") from None


def read_family(family: str | None, spec: Path | None, usual: str = "drive-goal") -> tuple[str, dict[str, Any] | None]:
    """The family's name and, where a file states one, its scene as JSON has it; errors end the command."""
    with one_line_errors(ValueError, OSError):
        if spec is None:
            return family or usual, None
        found = read_spec(spec)
        if family not in (None, found.family):
            raise ValueError(f"family: {family}, but {spec} is of {found.family}; allowed: one of the two options")
        return found.family, found.model_dump(mode="json")


def read_settings(words: list[str] | None) -> dict[str, str]:
    """Settings from words of the form name=value.

    Raises:
        ValueError: if a word has another form.
    """
    settings = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ValueError(f"set: {word!r} is not of the form name=value")
        settings[name.replace("-", "_")] = value
    return settings
