"""drive-formation: the fleet succeeds together, and only if everybody keeps up."""

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv, Transition
from metabot_sim.families import drive_formation
from metabot_sim.families.registry import family


def play(env: FleetEnv, act) -> Transition:
    env.reset(seed=0)
    for _ in range(env.horizon):
        step = env.step(act(env))
    return step


def fleet(robots: int, sims: int, split: str = "train") -> FleetEnv:
    return FleetEnv("drive-formation", sims, robots=robots, split=split, autoreset=Autoreset.DISABLED)  # type: ignore[arg-type]


@pytest.mark.parametrize(("robots", "sims", "split"), [(3, 48, "train"), (3, 48, "held-out"), (8, 8, "held-out")])
def test_the_expert_keeps_the_formation(robots: int, sims: int, split: str) -> None:
    assert play(fleet(robots, sims, split), FleetEnv.expert).success.all(axis=1).mean() >= 0.95


def test_standing_still_or_driving_at_random_keeps_none() -> None:
    draw = np.random.default_rng(0)
    assert not play(fleet(2, 48), lambda _: np.zeros((48, 2, 2))).success.any()
    assert not play(fleet(2, 48), lambda _: draw.uniform(-1, 1, (48, 2, 2))).success.any()


def test_one_who_lags_behind_spoils_it_for_all() -> None:
    def lagging(env: FleetEnv) -> np.ndarray:
        actions = env.expert()
        actions[:, 2] *= 0.0 if env._steps[0] < 100 else 1.0
        return actions

    assert not play(fleet(3, 16), lagging).success.any()


def test_it_is_decided_in_the_last_step_only() -> None:
    env = fleet(2, 8)
    env.reset(seed=0)
    for step in range(env.horizon):
        result = env.step(env.expert())
        assert result.success.any() == result.arrived.any() == (step == env.horizon - 1)
    assert result.truncated.all() and not result.terminated.any()


def test_the_reward_is_the_teams() -> None:
    env = fleet(3, 8)
    env.reset(seed=0)
    draw = np.random.default_rng(0)
    for _ in range(20):
        rewards = env.step(draw.uniform(-1, 1, (8, 3, 2))).rewards
    assert np.array_equal(rewards, np.repeat(rewards[:, :1], 3, axis=1))
    assert (rewards < 0.0).all()


def test_the_leader_goes_from_the_first_pad_to_the_last_and_slots_turn_with_it() -> None:
    env = fleet(4, 8)
    env.reset(seed=0)
    rules = env.rules
    assert isinstance(rules, drive_formation.DriveFormationRules)
    first, last = rules.leader(np.zeros(8)), rules.leader(np.full(8, env.horizon))
    assert np.allclose(first[:, :2], env.episodes.pads[:, 0]) and np.allclose(last[:, :2], env.episodes.pads[:, 2])
    assert np.allclose(rules.slots, env.episodes.spawns[..., :2])
    before = rules.slots.copy()
    for _ in range(env.horizon):
        env.step(env.expert())
    turned = last[:, 2] - first[:, 2]
    arm, moved = before[:, 1] - before[:, 0], rules.slots[:, 1] - rules.slots[:, 0]
    angle = np.arctan2(moved[:, 1], moved[:, 0]) - np.arctan2(arm[:, 1], arm[:, 0])
    assert np.allclose(np.exp(1j * angle), np.exp(1j * turned))
    assert np.abs(drive_formation.shapes(4)).max() < 2.5


@pytest.mark.parametrize("robots", [2, 3, 5, 16])
def test_places_of_a_shape_are_apart(robots: int) -> None:
    for shape in drive_formation.shapes(robots):
        gaps = np.hypot(*np.moveaxis(shape[:, None] - shape[None], -1, 0)) + 10.0 * np.eye(robots)
        assert gaps.min() >= 0.74


def test_a_path_of_four_pads_is_refused() -> None:
    spec = family("drive-formation").spec(2).model_dump()
    spec["pads"] = [*spec["pads"], {"color": "purple", "x": 0.0, "y": 0.0}]
    with pytest.raises(SpecError, match="pads: 4 cannot say where the leader goes; allowed: 3"):
        FleetEnv(TaskSpec.parse(spec))
