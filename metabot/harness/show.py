"""An evaluation as a table for the terminal and as a picture."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from metabot.harness.evaluation import Evaluation, Row
from metabot.harness.measure.contestants import NO_ADAPTATION
from metabot.harness.statistics import Interval
from metabot.params.atomic import atomic_file


def table(result: Evaluation) -> Table:
    """Every contestant on every split: interquartile mean and 95 % interval after each number of episodes."""
    what = "success" if result.has_success else "return"
    title = f"{result.config.family}: {what} after adaptation episodes, {_seeds(result)}"
    made = Table(title=title, title_justify="left", caption_justify="left", caption=_bounds(result))
    for heading in ("split", "method", "kind"):
        made.add_column(heading, no_wrap=True)
    for episodes in result.config.episodes:
        made.add_column(str(episodes), justify="right", no_wrap=True)
    if gains := any(row.kind == NO_ADAPTATION for row in result.rows):
        made.add_column("gained", justify="right", no_wrap=True)
    made.add_column("steps", justify="right", no_wrap=True)
    made.add_column("train s", justify="right", no_wrap=True)
    for split in result.config.splits:
        for row in sorted(
            _of(result, split), key=lambda row: -_values(result, row)[len(result.config.episodes) - 1].iqm
        ):
            values = _values(result, row)[: len(result.config.episodes)]
            cells = [_cell(value, result.has_success) for value in values]
            if gains:
                gain = result.gained(row)
                cells.append("" if gain is None else f"{100 * gain:+.0f}")
            made.add_row(split, row.name, row.kind, *cells, f"{row.env_steps:,}", f"{row.train_s:.0f}")
        made.add_section()
    return made


def scratch_table(result: Evaluation) -> Table | None:
    """What learning from scratch reaches with more episodes; None if that was not measured."""
    rows = [row for row in result.rows if len(row.episodes) > len(result.config.episodes)]
    if not rows:
        return None
    made = Table(title="more episodes, from scratch", title_justify="left")
    made.add_column("episodes", justify="right")
    for row in rows:
        made.add_column(row.split, justify="right", no_wrap=True)
    for index in range(len(result.config.episodes), len(rows[0].episodes)):
        cells = [_cell(_values(result, row)[index], result.has_success) for row in rows]
        made.add_row(f"{rows[0].episodes[index]:,}", *cells)
    return made


def plot(result: Evaluation, path: Path) -> None:
    """Draw the curves, one panel for each split; bands are 95 % intervals.

    Args:
        result: what to draw.
        path: a .png file, written whole or not at all.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    splits = result.config.splits
    figure, panels = pyplot.subplots(
        1, len(splits), figsize=(5.2 * len(splits), 4.2), sharey=True, squeeze=False, layout="constrained"
    )
    longest = max(row.episodes for row in result.rows)
    # Numbers of episodes double: what the eye compares are their logarithms, with room for zero.
    place = {episodes: index for index, episodes in enumerate(longest)}
    for panel, split in zip(panels[0], splits, strict=True):
        for index, row in enumerate(_of(result, split)):
            values = _values(result, row)
            at = [place[episodes] for episodes in row.episodes]
            line = {"baseline": "--", NO_ADAPTATION: "-."}.get(row.kind, "-")
            style = {"color": f"C{index}", "linestyle": line, "marker": "o", "markersize": 4}
            panel.plot(at, [value.iqm for value in values], label=row.name, **style)
            panel.fill_between(
                at, [v.low for v in values], [v.high for v in values], color=f"C{index}", alpha=0.15, lw=0
            )
        if split in result.expert:
            bound = result.expert[split][0 if result.has_success else 1]
            panel.axhline(bound, color="0.4", linestyle=":", label="expert that knows the task")
        panel.set_title(f"{result.config.family}, {split} tasks")
        panel.set_xticks(range(len(longest)), [str(episodes) for episodes in longest])
        panel.set_xlabel("adaptation episodes")
        panel.grid(alpha=0.25)
        if result.has_success:
            panel.set_ylim(-0.03, 1.03)
    panels[0][0].set_ylabel("success" if result.has_success else "return")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False)
    with atomic_file(path) as file:
        figure.savefig(file, format="png", dpi=120, metadata={"Software": "metabot, with Matplotlib"})
    pyplot.close(figure)


def _of(result: Evaluation, split: str) -> list[Row]:
    return [row for row in result.rows if row.split == split]


def _values(result: Evaluation, row: Row) -> list[Interval]:
    return row.success if result.has_success else row.returns


def _cell(value: Interval, share: bool) -> str:
    if share:
        return f"{100 * value.iqm:.0f} [dim]{100 * value.low:.0f}-{100 * value.high:.0f}[/]"
    return f"{value.iqm:.1f} [dim]±{(value.high - value.low) / 2:.1f}[/]"


def _seeds(result: Evaluation) -> str:
    config = result.config
    return f"{config.seeds} seed{'s' * (config.seeds > 1)} × {config.tasks} tasks × {config.trials} trials"


def _bounds(result: Evaluation) -> str:
    lines = []
    if result.expert:
        index = 0 if result.has_success else 1
        parts = (f"{split} {bound[index]:.0%}" if result.has_success else f"{split} {bound[index]:.1f}"
                 for split, bound in result.expert.items())  # fmt: skip
        lines.append("An expert that knows the task: " + ", ".join(parts))
    for split in result.config.splits:
        if best := result.best_unadapted(split):
            lines.append(f"Gained: points of the mean over {best.name} ({best.success[0].mean:.0%}) on {split} tasks")
    if result.config.rivals != "none" and result.best_unadapted(result.config.splits[0]) is None:
        lines.append("Without adaptation nobody was tried: that is for one robot with something to be mastered")
    for method, found in result.cross.items():
        lines.append(
            f"Cross matrix of {method}: {found['diagonal']['mean']:.0%} on the task adapted to, "
            f"{found['off']['mean']:.0%} on others, at most {found['largest']:.0%}"
        )
    return "\n".join(lines)
