"""Training of any method: it can be stopped, gone on with, and never mixes with another."""

from pathlib import Path

import numpy as np
import pytest

from metabot.harness.training import CHECKPOINT, Training, TrainingConfig, load_trained
from metabot.meta import META_LEARNERS
from metabot.params import CheckpointError, load_checkpoint, save_checkpoint

SMALL = {"family": "drive-goal", "tasks": 2, "episodes": 2, "env_steps": 2 * 2 * 2 * 80 * 3}
LEAN: dict[str, dict] = {
    "es-maml": {"pairs": 1, "judged": 1},
    "population": {"members": 2, "judged": 1},
    "pearl": {"outer_steps": 20},
    "siamese": {"encoder_steps": 5},
}
"""Settings of methods whose updates would not fit into so small a budget, or time, otherwise."""


@pytest.mark.parametrize("method", sorted(META_LEARNERS))
def test_a_training_that_was_stopped_ends_with_the_same_parameters_bit_by_bit(method: str, tmp_path: Path) -> None:
    config = TrainingConfig(method, **SMALL, settings=LEAN.get(method, {}))
    whole = Training(config)
    whole.run()
    assert whole.updates >= 2
    stopped = Training(config, tmp_path)
    stopped.step()
    with pytest.raises(KeyboardInterrupt):
        interrupted(stopped).run()
    again = Training(config, tmp_path)
    assert again.updates == 1
    again.run()
    assert again.updates == whole.updates and again.env_steps == whole.env_steps <= config.env_steps
    assert np.array_equal(again.meta.numpy(), whole.meta.numpy())


def test_a_training_that_was_interrupted_goes_on_bit_by_bit() -> None:
    config = TrainingConfig("maml", **SMALL)
    whole, disturbed = Training(config), Training(config)
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        interrupted(disturbed).run()
    del disturbed.learner.update
    disturbed.run()
    assert np.array_equal(disturbed.meta.numpy(), whole.meta.numpy())


def interrupted(training: Training) -> Training:
    """The same, with an interrupt at the worst moment: the learner has changed, and nobody knows of it."""
    update = training.learner.update

    def cut_short(*arguments: object) -> None:
        update(*arguments)
        raise KeyboardInterrupt

    training.learner.update = cut_short
    return training


def test_an_interrupt_keeps_what_was_learned_and_tensorboard_reads_the_curves(tmp_path: Path) -> None:
    def interrupt(update: object) -> None:
        raise KeyboardInterrupt

    training = Training(TrainingConfig("fomaml", **SMALL), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        training.run(interrupt)
    kept = load_checkpoint(tmp_path / CHECKPOINT)
    assert kept.info["updates"] == 1 and np.array_equal(kept.vector, training.meta.numpy())
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [point.step for point in events.Scalars("success_after")] == [training.env_steps]


def test_a_finished_training_goes_on_with_a_larger_budget_and_only_that_may_change(tmp_path: Path) -> None:
    Training(TrainingConfig("fomaml", **SMALL), tmp_path).run()
    longer = Training(TrainingConfig("fomaml", **{**SMALL, "env_steps": 2 * SMALL["env_steps"]}), tmp_path)
    assert longer.updates == 3 and not longer.finished
    for change, line in (
        ({"seed": 1}, "was trained with seed 0, not 1"),
        ({"tasks": 3}, "was trained with tasks 2, not 3"),
        ({"settings": {"inner_step": 0.1}}, r"was trained with settings {}, not {'inner_step': 0.1}"),
        ({"family": "navigation-2d"}, "was made by family drive-goal, not navigation-2d"),
    ):
        with pytest.raises(CheckpointError, match=line):
            Training(TrainingConfig("fomaml", **{**SMALL, **change}), tmp_path)
    with pytest.raises(CheckpointError, match="was made by method fomaml, not maml"):
        Training(TrainingConfig("maml", **SMALL), tmp_path)


def test_a_damaged_checkpoint_gives_way_to_the_previous_one_and_another_format_is_refused(tmp_path: Path) -> None:
    training = Training(TrainingConfig("fomaml", **SMALL), tmp_path)
    training.step()
    training.save()
    first = training.meta.numpy().copy()
    training.step()
    training.save()
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:200])
    assert np.array_equal(load_trained(tmp_path).meta.numpy(), first)
    found = load_checkpoint(path)
    save_checkpoint(path, found.vector, found.layout, {**found.info, "format": 99})
    with pytest.raises(CheckpointError, match="training format 99, this metabot writes 1"):
        load_trained(tmp_path)
    with pytest.raises(CheckpointError, match=r"has no meta\.checkpoint"):
        load_trained(tmp_path / "empty")


def test_a_budget_below_one_update_is_refused_and_one_update_is_kept(tmp_path: Path) -> None:
    fields = {**SMALL, "env_steps": 2 * 2 * 2 * 80}
    Training(TrainingConfig("fomaml", **fields), tmp_path / "kept").run()
    assert load_checkpoint(tmp_path / "kept" / CHECKPOINT).info["env_steps"] == 640
    short = Training(TrainingConfig("fomaml", **{**fields, "env_steps": 639}), tmp_path / "refused")
    with pytest.raises(ValueError, match=r"env-steps: one update of fomaml takes 640 steps .* 639 were given"):
        short.run()
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"method": "magic"}, "algorithm: no meta-learner 'magic'; allowed: "),
        ({"family": "flying"}, "family: no 'flying'; allowed: .*drive-goal"),
        ({"env_steps": 0}, "env-steps: 0 is below 1"),
        ({"robots": 99}, "robots: 99 cannot play drive-goal; allowed: "),
        ({"settings": {"magic": 1}}, "magic: no such setting; allowed: "),
    ],
)
def test_an_impossible_training_is_refused_before_it_starts(fields: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Training(TrainingConfig(**{"method": "maml", "family": "drive-goal", **fields}))
