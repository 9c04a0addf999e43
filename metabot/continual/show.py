"""A comparison of continual learners as a table for the terminal and as a picture."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from metabot.continual.comparison import Comparison
from metabot.params.atomic import atomic_file

_COLUMNS = {
    "average": "in the end",
    "learned": "when learned",
    "backward": "backward transfer",
    "forward": "forward transfer",
    "forgetting": "forgetting",
}


def table(result: Comparison) -> Table:
    """Every method's measures, mean over seeds with the standard error."""
    config = result.config
    seeds = f"{config.seeds} seed{'s' * (config.seeds > 1)}"
    made = Table(
        title=f"{config.family}: {result.score}, {config.tasks} tasks × {config.steps} steps, {seeds}",
        title_justify="left",
    )
    made.add_column("method", no_wrap=True)
    for heading in _COLUMNS.values():
        made.add_column(heading, justify="right")
    for method in sorted(config.methods, key=lambda method: -result.summary(method)["average"][0]):
        found = result.summary(method)
        made.add_row(method, *(_cell(*found[name], result.share) for name in _COLUMNS))
    return made


def _cell(mean: float, error: float, share: bool) -> str:
    if share:
        return f"{100.0 * mean:.0f} [dim]±{100.0 * error:.0f}[/]"
    return f"{mean:.1f} [dim]±{error:.1f}[/]"


def plot(result: Comparison, path: Path) -> None:
    """Draw every method's scores, task × time, mean over seeds.

    Args:
        result: what to draw.
        path: a .png file, written whole or not at all.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    config = result.config
    means = {method: result.scores[method].mean(0).T for method in config.methods}
    low = 0.0 if result.share else min(float(mean.min()) for mean in means.values())
    high = 1.0 if result.share else max(float(mean.max()) for mean in means.values())
    figure, panels = pyplot.subplots(
        1, len(means), figsize=(3.4 * len(means) + 1.0, 3.0), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, (method, mean) in zip(panels[0], means.items(), strict=True):
        # The first column is before the stream: half a look to the left of it.
        extent = (-1.0 / config.looks, config.tasks, config.tasks + 0.5, 0.5)
        image = panel.imshow(mean, aspect="auto", extent=extent, vmin=low, vmax=high, interpolation="nearest")
        for change in range(config.tasks):
            panel.axvline(change, color="white", linewidth=0.6)
            panel.add_patch(
                pyplot.Rectangle((change, change + 0.5), 1.0, 1.0, fill=False, edgecolor="white", linewidth=1.6)
            )
        average = result.summary(method)["average"][0]
        panel.set_title(f"{method}: {average:.0%} in the end" if result.share else f"{method}: {average:.1f}")
        panel.set_xlabel("time, in tasks")
        panel.set_yticks(range(1, config.tasks + 1))
    panels[0][0].set_ylabel("task")
    figure.colorbar(image, ax=panels[0].tolist(), label=result.score)
    with atomic_file(path) as file:
        figure.savefig(file, format="png", dpi=120, metadata={"Software": "metabot, with Matplotlib"})
    pyplot.close(figure)
