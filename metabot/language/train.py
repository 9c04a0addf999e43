"""Making the task language model: tokenizer, training, calibration, figures, one folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from metabot.language.batches import Batch, batches
from metabot.language.evaluate import Figures, evaluate, held_for_measuring
from metabot.language.model import model_config
from metabot.language.save import Run, save
from metabot.language.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

STEPS = 2600
MINUTES = 7.8
BATCH = 32
LEARNING_RATE = 8e-3
EMBEDDING_RATE = 3e-3
WARMUP_STEPS = 50
GRACE = 0.1
"""Share of the minutes in which a slow start does not touch the learning rate, to keep runs repeatable."""


@dataclass(frozen=True)
class Progress:
    """Where training stands."""

    step: int
    fraction: float
    """0..1: of the steps or of the minutes, whichever is further."""
    loss: float
    """Mean cross-entropy of the answer tokens, in nats, smoothed."""
    exact: float
    """Share of answers with every token right, fed the right prefix, smoothed."""
    elapsed_s: float


@dataclass(frozen=True)
class Trained:
    """What a training run left."""

    folder: Path
    steps: int
    wall_s: float
    loss: float
    interrupted: bool
    figures: Figures


def train(
    output: Path,
    *,
    steps: int = STEPS,
    minutes: float = MINUTES,
    seed: int = 0,
    threads: int = 1,
    samples: int = 1000,
    progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train on the synthetic corpus and save a folder that `TaskReader.load` reads.

    The learning rate falls to zero by the last step or the last minute, whichever comes first:
    a slow machine ends with a finished, less trained model. The same seed, steps and threads
    give the same weights as long as the minutes suffice. Ctrl-C ends training early and still
    calibrates and saves what was learned.

    Args:
        output: folder to write; replaced only when the new model is complete.
        steps: optimizer steps of `BATCH` sentences.
        minutes: longest training time, without calibration and measuring (about half a minute).
        seed: of the corpus, the weights and the batches.
        threads: torch threads; another number changes the last bits of the weights.
        samples: sentences per measured split.
        progress: called after every step.
    """
    from transformers import LlamaForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    begun = time.monotonic()
    tokenizer = train_tokenizer(seed)
    held = held_for_measuring(seed, samples)
    model = LlamaForCausalLM(model_config(tokenizer))
    stream = batches(tokenizer, seed, BATCH, exclude=held.sentences)
    step, loss, exact, interrupted, timed_out = 0, float("nan"), 0.0, False, False
    update = _Optimizer(model)
    try:
        while step < steps:
            late = ((time.monotonic() - begun) / (60 * minutes) - GRACE) / (1 - GRACE)
            timed_out |= late > step / steps
            fraction = max(step / steps, late)
            if fraction >= 1.0:
                break
            step_loss, step_exact = update(next(stream), fraction)
            step += 1
            loss = step_loss if step == 1 else 0.98 * loss + 0.02 * step_loss
            exact = 0.98 * exact + 0.02 * step_exact
            if progress:
                progress(Progress(step, fraction, loss, exact, time.monotonic() - begun))
    except KeyboardInterrupt:
        interrupted = True
    wall_s = time.monotonic() - begun
    model.eval()
    figures = evaluate(model, tokenizer, held, seed=seed)
    run = Run(
        seed=seed,
        steps=steps,
        done=step,
        batch=BATCH,
        threads=threads,
        wall_s=wall_s,
        loss=loss if step else None,
        minutes=minutes,
        interrupted=interrupted,
        timed_out=timed_out,
    )
    save(output, model, tokenizer, figures, run)
    return Trained(output, step, wall_s, loss, interrupted, figures)


class _Optimizer:
    """Muon for the matrices, Adam for embeddings and norms (Jordan et al. 2024, "Muon").

    On this task Muon needs a third of the steps that Adam alone needs for the same loss.
    """

    def __init__(self, model: LlamaForCausalLM) -> None:
        self.model = model
        matrices: list[torch.nn.Parameter] = []
        others: list[torch.nn.Parameter] = []
        for name, parameter in model.named_parameters():
            (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.Muon(matrices, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"), LEARNING_RATE),
            (torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0), EMBEDDING_RATE),
        ]
        self.steps = 0

    def __call__(self, batch: Batch, fraction: float) -> tuple[float, float]:
        """One step; the loss and the share of exactly right answers of the batch."""
        self.steps += 1
        scale = min(1.0, self.steps / WARMUP_STEPS) * (1.0 - fraction)
        loss, exact = answer_loss(self.model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer, rate in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
            optimizer.step()
            optimizer.zero_grad()
        return loss.item(), exact


def answer_loss(model: LlamaForCausalLM, batch: Batch) -> tuple[torch.Tensor, float]:
    """Mean cross-entropy of the answer tokens (nats) and the share of answers all right.

    Rows are padded on the right, so causal attention needs no mask; only answer positions go
    through the output layer.
    """
    hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state
    wanted = batch.answer[:, 1:]
    logits = model.lm_head(hidden[:, :-1][wanted])
    targets = batch.ids[:, 1:][wanted]
    right = torch.ones_like(wanted)
    right[wanted] = logits.argmax(-1) == targets
    return F.cross_entropy(logits, targets), right.all(1).float().mean().item()
