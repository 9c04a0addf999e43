"""The pages about families in ``docs/families``: written from the code, so that they cannot lie."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metabot.task import Interval, RobotDynamics
from metabot_sim.env import FleetEnv
from metabot_sim.families.base import SPLITS, Family
from metabot_sim.families.registry import available
from metabot_sim.families.registry import family as family_of
from metabot_sim.rewards import ALWAYS, REWARD_TERMS

_OBJECT_MEANING = {
    "object_mass_kg": "mass of each object, in kg",
    "object_size": "factor on the size of each object",
    "object_friction": "sliding friction of each object",
}


def page_name(name: str) -> str:
    """File of a family's page."""
    return f"{name.replace(':', '-').replace('/', '-')}.md"


def picture_name(name: str) -> str:
    """File of a family's picture."""
    return f"{page_name(name).removesuffix('.md')}.png"


def page(name: str, checked: Mapping[str, Any] | None = None, steps: Sequence[Mapping[str, Any]] = ()) -> str:
    """The page of one family, in Markdown.

    Args:
        name: the family's.
        checked: the rows of ``metabot sim check --json`` by split, for the table of measured success.
        steps: its rows of convergence.
    """
    family = family_of(name)
    env = FleetEnv(name, 1)
    spec = env.spec
    fewest, usual, most = family.robots
    kinds = ", ".join(dict.fromkeys(robot.kind for robot in spec.robots))
    lines = [
        f"# {name}",
        "",
        f"{_sentence(family.summary)}.",
        "",
        f"![{name}](pictures/{picture_name(name)})",
        "",
        f"The picture: `metabot sim video {name} --picture docs/families/pictures/{picture_name(name)}`.",
        "",
        *([about, ""] if (about := _about(family)) else []),
        _success(_prose(type(env.rules))),
        "",
        "| | |",
        "|---|---|",
        f"| mode | {family.mode} |",
        f"| robots | {fewest} to {most}, usually {usual} ({kinds}) |",
        f"| episode | {spec.horizon_s:g} s at {spec.control_hz} Hz, physics at {spec.simulation_hz} Hz |",
        "",
        "## Hidden dynamics",
        "",
        "Drawn for each task; no robot observes them. The splits train, validation and test draw from the same",
        "ranges with other seeds.",
        "",
        "| name | in training | held out | what it is |",
        "|---|---|---|---|",
        *_dynamics(family),
        "",
        "## What a robot observes and commands",
        "",
        *_interface(env),
        "",
        "## Reward",
        "",
        "| term | weight by default | what it rewards |",
        "|---|---|---|",
        *_reward(env),
        "",
    ]
    if checked:
        lines += [
            "## Measured",
            "",
            "Share of episodes in which the expert, a random policy and an idle one succeed"
            f" (`metabot sim check {name}`):",
            "",
            "| split | expert | random | idle |",
            "|---|---|---|---|",
            *(
                f"| {split} | {row['expert']:.1%} | {row['random']:.1%} | {row['idle']:.1%} |"
                for split in SPLITS
                if (row := checked.get(split))
            ),
            "",
        ]
        lines += _convergence(steps)
    return "\n".join(lines)


def _convergence(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    if not steps:
        return []
    rows = []
    for row in steps:
        place = " | ".join(f"{100 * value:.1f} cm" for value in row["position_m"])
        turn = " | ".join(f"{value:.3f} rad" for value in row["yaw_rad"]) if row["yaw_rad"] else "– | –"
        rows.append(f"| {row['kind']} | {row['simulation_hz']} | {place} | {turn} |")
    return [
        "How far a robot that is alone is from itself at physics steps of 1 ms, after 4 s of random commands, each",
        f"held for half a second ({steps[0]['draws']} draws of the training dynamics; the same command):",
        "",
        "| robot | steps a second | median | 95th percentile | turn, median | turn, 95th percentile |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]


def index() -> str:
    """The page that lists all families."""
    rows = []
    for name in available():
        family = family_of(name)
        fewest, _, most = family.robots
        rows.append(f"| [{name}]({page_name(name)}) | {fewest} to {most} | {family.mode} | {family.summary} |")
    return "\n".join(
        [
            "# Families of tasks",
            "",
            "Each family is a scene, rules, a distribution of hidden dynamics with train, validation, test and",
            "held-out splits, and a scripted expert. These pages are written by `metabot sim pages`.",
            "",
            "| family | robots | mode | what is to be done |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def write(
    folder: Path, checked: Path | None = None, more: Callable[[str], Sequence[str]] = lambda name: ()
) -> list[Path]:
    """Write all pages.

    Args:
        folder: where to.
        checked: a file of ``metabot sim check --all --json``.
        more: further lines of a family's page, below what is measured here.

    Returns:
        The files.
    """
    measured: dict[str, dict[str, Any]] = {}
    steps: dict[str, list[Any]] = {}
    if checked is not None:
        found = json.loads(checked.read_text())
        for row in found["rows"]:
            measured.setdefault(row["family"], {})[row["split"]] = row
        for row in found.get("convergence", []):
            steps.setdefault(row["family"], []).append(row)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"README.md": index()}
    for name in available():
        lines = [page(name, measured.get(name), steps.get(name, [])), *more(name)]
        texts[page_name(name)] = "\n".join(lines)
    files = []
    for name, text in texts.items():
        files.append(folder / name)
        files[-1].write_text(text)
    return files


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _success(text: str) -> str:
    if text.startswith("Success"):
        return f"**Success**{text.removeprefix('Success')}"
    return f"**Success**: {text[:1].lower()}{text[1:]}"


def _about(family: Family) -> str:
    """What the family's class says beyond its summary."""
    about = _prose(type(family))
    first, _, rest = about.partition("\n\n")
    return rest if first.rstrip(".").lower() == family.summary.lower() else about


def _prose(kind: type) -> str:
    """A class's docstring up to its list of attributes."""
    text = inspect.getdoc(kind) or ""
    return text.split("\n\nAttributes:")[0].replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")


def _range(interval: Interval | None) -> str:
    if interval is None:
        return "as in training"
    if interval.low == interval.high:
        return f"{interval.low:g}"
    return f"{'±' if interval.signed else ''}[{interval.low:g}, {interval.high:g}]"


def _dynamics(family: Family) -> list[str]:
    rows = []
    for name in dict.fromkeys([*family.dynamics, *family.held_out]):
        meaning = _OBJECT_MEANING.get(name)
        if meaning is None:
            described = RobotDynamics.model_fields[name].description or ""
            meaning = (described[:1].lower() + described[1:]).rstrip(".").replace("\n", " ")
        training = _range(family.dynamics[name]) if name in family.dynamics else "healthy"
        rows.append(f"| `{name}` | {training} | {_range(family.held_out.get(name))} | {meaning} |")
    for name, place in family.places.items():
        kept = None if place.held_out == place.training else place.held_out
        rows.append(f"| `{name}` | {_range(place.training)} | {_range(kept)} | {place.meaning} |")
    return rows


def _interface(env: FleetEnv) -> list[str]:
    lines, seen = [], set()
    for group in env.world.groups:
        robot = int(group.indices[0])
        kind = env.spec.robots[robot].kind
        if kind in seen:
            continue
        seen.add(kind)
        observed = ", ".join(f"`{name}`" for name in env.observation_names[robot])
        commands = ", ".join(f"`{name}`" for name in group.action_names)
        lines += [f"- **{kind}** observes {len(env.observation_names[robot])} numbers: {observed}."]
        lines += [f"- **{kind}** commands {len(group.action_names)} numbers in [-1, 1]: {commands}."]
    return lines


def _reward(env: FleetEnv) -> list[str]:
    provided = env.family.provides | ALWAYS
    rows = []
    for name, term in REWARD_TERMS.items():
        if term.needs in provided:
            weight = env.spec.reward.get(name)
            rows.append(f"| `{name}` | {'–' if weight is None else f'{weight:g}'} | {term.summary} |")
    return rows
