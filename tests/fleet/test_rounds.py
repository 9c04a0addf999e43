from dataclasses import replace

import numpy as np
import pytest

from metabot.fleet import Closed, Extended, Identity, Rejected, RoundConfig, RoundKeeper, Update, weighted_mean
from metabot.params import Layout

LAYOUT = Layout.of({"x": (3,)})
IDENTITY = Identity.of("maml", {"inner_step": 0.1}, {"family": "drive-goal"}, LAYOUT)
ROBOTS = ("robot_1", "robot_2", "robot_3")


def keeper(**config: object) -> RoundKeeper:
    made = RoundKeeper(RoundConfig(robots=ROBOTS, deadline_s=10.0, alive_s=2.0, **config), IDENTITY, LAYOUT.size)  # type: ignore[arg-type]
    made.open(5, now=0.0)
    return made


def update(robot: str = "robot_1", **changes: object) -> Update:
    fields: dict[str, object] = {
        "robot": robot,
        "version": 5,
        "identity": IDENTITY,
        "delta": np.ones(3, np.float32),
        "weight": 8.0,
    }
    return Update(**{**fields, **changes})  # type: ignore[arg-type]


def test_round_closes_at_once_when_all_have_answered() -> None:
    made = keeper()
    for robot in ROBOTS:
        assert made.poll(1.0) is None
        made.receive(update(robot), 1.0)
    closed = made.poll(1.5)
    assert isinstance(closed, Closed)
    assert closed.missing == () and closed.wall_s == 1.5 and len(closed.updates) == 3


def test_a_living_robot_is_waited_for_until_the_deadline() -> None:
    made = keeper()
    for robot in ROBOTS[:2]:
        made.receive(update(robot), 1.0)
    for now in (1.0, 5.0, 9.9):
        made.heard("robot_3", now)
        assert made.poll(now) is None
    made.heard("robot_3", 10.0)
    closed = made.poll(10.0)
    assert isinstance(closed, Closed) and closed.missing == ("robot_3",)


def test_a_silent_robot_is_not_waited_for() -> None:
    made = keeper()
    made.heard("robot_3", 0.5)
    for robot in ROBOTS[:2]:
        made.receive(update(robot), 1.0)
    assert made.poll(2.4) is None
    assert isinstance(made.poll(2.6), Closed)


def test_a_dead_robot_costs_time_in_one_round_only() -> None:
    made = keeper()
    made.heard("robot_3", 0.5)
    for version, now in ((5, 3.0), (6, 3.1), (7, 3.2)):
        if version > 5:
            made.open(version, now)
        for robot in ROBOTS[:2]:
            made.receive(update(robot, version=version), now)
        assert isinstance(made.poll(now), Closed)


def test_an_update_is_a_sign_of_life() -> None:
    made = keeper()
    for robot in ROBOTS:
        made.receive(update(robot), 10.5)
    made.open(6, now=11.0)
    for robot in ROBOTS[:2]:
        made.receive(update(robot, version=6), 11.5)
    assert made.poll(11.6) is None
    assert isinstance(made.poll(12.6), Closed)


def test_without_a_quorum_the_round_goes_on() -> None:
    made = keeper()
    made.receive(update("robot_1"), 1.0)
    extended = made.poll(10.0)
    assert isinstance(extended, Extended)
    assert extended.received == ("robot_1",) and extended.needed == 2
    assert made.poll(11.0) is None
    made.receive(update("robot_2"), 12.0)
    assert isinstance(made.poll(12.1), Closed)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (update(delta=np.array([1, np.nan, 1], np.float32)), "1 numbers are NaN or infinite"),
        (update(delta=np.full(3, np.inf, np.float32)), "3 numbers are NaN or infinite"),
        (update(delta=np.ones(2, np.float32)), "2 numbers, layout .* has 3"),
        (update(identity=replace(IDENTITY, layout="beef")), f"layout beef is not the fleet's {LAYOUT.hash}"),
        (update(identity=replace(IDENTITY, method="reptile")), "method reptile is not the fleet's maml"),
        (update(identity=replace(IDENTITY, settings="beef")), "settings beef is not the fleet's"),
        (update(identity=replace(IDENTITY, distribution="")), r"distribution \(none\) is not the fleet's"),
        (update(version=4), "for the old version 4, the round is 5"),
        (update(version=9), "for the future version 9"),
        (update(weight=0.0), "weight 0.0 is not positive"),
        (update(weight=float("nan")), "weight nan"),
        (update(weight=1e30), "weight 1e\\+30 is not positive, or above 1000000 tasks"),
        (update(success_after=float("nan")), "success rates 0.0 and nan"),
        (update(env_steps=2**63), "9223372036854775808 control steps"),
        (update(delta=np.array([0, 3e38, 0], np.float32)), r"changes a parameter by 3e\+38, allowed 1000"),
        (update("a\nb" * 100), r"^(a\?b){21}a: not a robot"),
        (update("stranger"), "not a robot of this fleet"),
    ],
)
def test_a_harmful_update_is_refused_and_noted(bad: Update, reason: str) -> None:
    made = keeper()
    with pytest.raises(Rejected, match=reason):
        made.receive(bad, 1.0)
    assert made.received == () and len(made.rejected) == 1
    for robot in ROBOTS:
        made.receive(update(robot), 2.0)
    closed = made.poll(2.0)
    assert isinstance(closed, Closed) and len(closed.rejected) == 1


def test_a_second_update_does_not_count_twice() -> None:
    made = keeper()
    made.receive(update(), 1.0)
    with pytest.raises(Rejected, match="a second update for version 5"):
        made.receive(update(delta=np.full(3, 9, np.float32)), 1.0)
    made.receive(update("robot_2"), 1.0)
    closed = made.poll(10.0)
    assert isinstance(closed, Closed)
    assert np.array_equal(weighted_mean(closed.updates), np.ones(3))


def test_a_babbling_robot_does_not_fill_the_memory() -> None:
    made = keeper()
    for _ in range(1000):
        with pytest.raises(Rejected):
            made.receive(update(version=1), 1.0)
    assert len(made.rejected) == 100


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"robots": ()}, "robots"),
        ({"robots": ROBOTS, "quorum": 4}, "quorum: 4"),
        ({"robots": ROBOTS, "deadline_s": 0}, "deadline_s"),
    ],
)
def test_an_impossible_configuration_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RoundConfig(**fields)


def test_mean_is_weighted_and_does_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(0)
    deltas = rng.standard_normal((3, 1000)).astype(np.float32)
    updates = [update(robot, delta=row, weight=w) for robot, row, w in zip(ROBOTS, deltas, (1, 2, 5), strict=True)]
    assert np.allclose(weighted_mean(updates), np.array([1, 2, 5]) @ deltas.astype(np.float64) / 8)
    # Two that cancel leave the third's rounding to the order of the sum.
    large = np.float32(2.0**80)
    deltas[:, :500] = np.array([large, -large / 2, 1.0])[:, None]
    updates = [update(robot, delta=row, weight=w) for robot, row, w in zip(ROBOTS, deltas, (1, 2, 5), strict=True)]
    for order in ([2, 1, 0], [1, 2, 0], [2, 0, 1]):
        assert np.array_equal(weighted_mean(updates), weighted_mean([updates[index] for index in order]))
