"""`metabot release`: a trained method becomes an artefact with a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from metabot.cli.errors import one_line_errors


def release(
    folder: Annotated[Path, typer.Argument(help="Folder of a training, as `metabot train` or `evaluate` wrote it.")],
    evaluation: Annotated[Path, typer.Option(help="What `metabot evaluate --json` wrote of this method.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to; models/METHOD-FAMILY by default.")
    ] = None,
) -> None:
    """Write a trained method for others to use: parameters, and a card with command, seed, figures and hash."""
    with one_line_errors(ValueError, OSError):
        from metabot.harness.evaluation import Evaluation
        from metabot.harness.release import release as write
        from metabot.harness.training import load_trained

        training = load_trained(folder)
        try:
            found = json.loads(evaluation.read_text())
            result = Evaluation.from_dict(found)
            made_by = {name: found[name] for name in ("date", "machine", "versions", "command")}
        except (ValueError, KeyError) as error:
            raise ValueError(f"evaluation: {evaluation}: {error}") from None
        config = training.config
        target = out or Path("models") / f"{config.method}-{config.family.replace(':', '-')}"
        write(training, target, result, made_by)
        typer.echo(f"{config.method} on {config.family}: {target}")
