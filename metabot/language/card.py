"""The model card: what a reader of the model folder has to know, from its own figures."""

from __future__ import annotations

import math
from typing import Any

_SPLITS = {
    "in_distribution": "missions, trained phrases",
    "held_out_phrases": "missions with at least one unseen phrase",
    "held_out_everything": "missions, every possible phrase unseen",
    "unsupported": "not a mission, trained phrases",
    "unsupported_held_out": "not a mission, at least one unseen phrase",
    "contradictory": "numbers that contradict each other (never trained)",
}


def model_card(metrics: dict[str, Any]) -> str:
    """The README of a model folder."""
    run, splits = metrics["run"], metrics["splits"]
    seconds, versions = metrics["run"]["wall_s"], ", ".join(f"{name} {at}" for name, at in metrics["versions"].items())
    calibration = metrics["calibration"]
    options = " ".join(f"--{name} {run[name]:g}" for name in ("seed", "steps", "minutes", "threads"))
    odds = {name: f"{calibration[name]:.3f}" for name in calibration if name.startswith("auroc")}
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# task-lm: a sentence to a mission

A Llama-shaped language model of {metrics["parameters"]:,} parameters that turns an English sentence into the
JSON of a `metabot.task.Mission`, or into `{{"unsupported": reason}}`. Read it through
`metabot.language.TaskReader`, which decodes greedily under the JSON schema, holds colours, numbers, times and
robots named one by one against the sentence, and abstains when the smallest token probability is below
{math.exp(metrics["threshold"]):.3f}.

```python
from metabot.language import TaskReader

print(TaskReader.load().read("three robots drive to the red, green and blue pads without touching each other"))
```

## How it was made

    metabot train language {options}

{run["done"]} steps of {run["batch"]} sentences, {seconds:.0f} s with {run["threads"]} thread(s), {metrics["date"]}.
Versions: {versions}.
{_ended(run)}
Trained from scratch on this project's own synthetic sentences (`metabot/language/corpus.py`) alone, the loss on
the answer tokens only.

SHA-256 of `model.safetensors`: `{metrics["sha256"]}`

The prompt is `<|begin|>sentence<|answer|>`, the answer ends with `<|end|>`. Before that, code and not the model
turns spelled-out numbers into digits (`metabot/language/numerals.py`) and puts robots named one by one in the order
of their numbers where the words leave no doubt (`metabot/language/order.py`). The tokenizer drops blanks and has
one token for every whole number up to 199: colours and times are copied from the sentence, not spelled.

## Figures

No measured sentence was trained on. *Exact*: the model's answer alone, nothing abstained (for sentences that are
no mission: also the right reason). *Right*, *wrong*, *abstains*: what `TaskReader` gives. A wrong mission is
another one than asked for, or any where none was asked for.

{_table(splits, _SPLITS)}

Unseen phrases by kind (the only unseen phrase of the sentence):

{_table(metrics["held_out_phrases_by_kind"])}

The smallest token probability tells right missions from wrong ones with an AUROC of
{odds["auroc_raw_missions"]} before the grammar's mask and {odds["auroc_masked_missions"]} after it, and right
answers of any kind from wrong ones with {odds["auroc_raw_all"]} and {odds["auroc_masked_all"]}, on
{calibration["sentences"]:.0f} validation sentences, half of them with unseen phrases, other ones than those
measured above. The threshold is the loosest that keeps wrong missions at {calibration["max_wrong_accept"]:.0%} of
them or fewer. Everything is in `metrics.json`.

## Limits

- English, one task family (`drive-goal`), six colours, one to six robots, 5 to 120 s.
- The sentences are synthetic. Wording far from the corpus is abstained on more often than understood, and the
  figures for unseen phrases above, which the same grammar made, are kinder than real people will be.
- An unknown verb in front of "to the red pad" is taken for a way of driving; an unknown verb right in front of
  "the red pad" is refused. A verb of motion that no robot here can do and that training never named can
  therefore be accepted.
- Without a word about it, contact is forbidden and the limit is 30 s; an unusual permission to touch may be
  missed, which is the safe side.

Licence: Apache-2.0.
"""


def _ended(run: dict[str, Any]) -> str:
    if run["interrupted"]:
        return "Training was interrupted."
    if run["timed_out"]:
        return "The minutes ended training before the steps did, so the command gives like weights, not the same ones."
    return "The same command with the same versions gives the same weights."


def _table(rows: dict[str, dict[str, float]], names: dict[str, str] | None = None) -> str:
    lines = ["| sentences | number | exact | right | wrong | abstains |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for key, row in rows.items():
        shares = " | ".join(
            f"{100 * row[name]:.1f} %" for name in ("exact", "accepted_right", "wrong_accept", "abstained")
        )
        lines.append(f"| {(names or {}).get(key, key)} | {row['sentences']:.0f} | {shares} |")
    return "\n".join(lines)
