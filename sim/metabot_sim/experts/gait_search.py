"""Search for a body's gait: `python -m metabot_sim.experts.gait_search gymnasium:mamujoco/Ant-2x4-v1`.

The cross-entropy method (Rubinstein 1999): draw gaits, run each under several hidden dynamics, draw
the next ones around the best. A gait is worth mostly its worst distance.
"""

from __future__ import annotations

import argparse

import numpy as np

from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.experts.gaits import GAITS, WEAKEST, Gait
from metabot_sim.robots.part import Part
from metabot_sim.robots.part.animals import ANIMALS, ANT, Body

_CANDIDATES, _BEST = 32, 8
_SMALLEST_STD = 0.03
_TWINS: dict[Body, tuple[tuple[int, int, float], ...]] = {
    ANT: ((2, 0, -1.0), (3, 1, 1.0), (4, 6, -1.0), (5, 7, 1.0)),
}
"""A motor, its twin on the other side, and the sign of the twin's turn in the mirror.

A twin does the same half a stride later, so that the body goes straight on; only the motors named
first are searched for. Those of bodies not named here are all searched for.
"""


def search(family: str, seed: int, rounds: int, dynamics: int, strides_hz: float) -> np.ndarray:
    """The mean of the last round's best gaits, (1 + 4 m,), see `Gait.waves`.

    Args:
        family: of `metabot_sim.robots.part.animals.ANIMALS`.
        seed: of the candidates, the hidden dynamics and the starts.
        rounds: how often candidates are drawn.
        dynamics: how many hidden dynamics of each split a candidate runs under.
        strides_hz: strides per second of the first candidates.
    """
    rng = np.random.default_rng(seed)
    envs = [
        FleetEnv(family, _CANDIDATES * dynamics, split=split, autoreset=Autoreset.DISABLED)
        for split in ("train", "held-out")
    ]
    body = ANIMALS[family].body
    twins, spring, damper = _TWINS.get(body, ()), GAITS[body].spring, GAITS[body].damper
    model = envs[0].world.model
    ones = np.ones(model.nu)
    # A spring pulls to the middle of the joint's range, a wave as far as its ends.
    low, high = model.jnt_range[model.actuator_trnid[:, 0]].T
    middle = spring * (low + high) / 2
    amplitude = np.minimum(spring * (high - low) / 2, WEAKEST) if spring else WEAKEST * ones
    mean = np.concatenate([[strides_hz], middle, amplitude, rng.uniform(-np.pi, np.pi, len(ones)), 0.0 * ones])
    std = np.concatenate([[0.3 * strides_hz], 0.2 * ones, 0.4 * amplitude, 1.5 * ones, 0.3 * ones])
    for count in range(rounds):
        drawn = mean + std * rng.standard_normal((_CANDIDATES, len(mean)))
        drawn[0] = mean
        each = Gait(np.repeat(_mirrored(drawn, twins), dynamics, axis=0), spring, damper)
        distance = np.concatenate([_distances(env, each, seed + count) for env in envs], axis=1)
        worth = 0.3 * distance.mean(axis=1) + 0.7 * distance.min(axis=1)
        best = drawn[np.argsort(-worth)[:_BEST]]
        mean = 0.3 * mean + 0.7 * best.mean(axis=0)
        std = np.maximum(0.3 * std + 0.7 * best.std(axis=0), _SMALLEST_STD)
        print(f"round {count + 1}: best {worth.max():.2f} m, mean gait of the round {worth[0]:.2f} m", flush=True)
    return _mirrored(mean, twins)


def _mirrored(waves: np.ndarray, twins: tuple[tuple[int, int, float], ...]) -> np.ndarray:
    """The waves, (..., 1 + 4 m), with twins made to do what their motors do."""
    result = waves.copy()
    middle, amplitude, phase, steering = np.split(result[..., 1:], 4, axis=-1)
    for motor, twin, sign in twins:
        middle[..., twin], amplitude[..., twin] = sign * middle[..., motor], sign * amplitude[..., motor]
        phase[..., twin], steering[..., twin] = phase[..., motor] + np.pi, -sign * steering[..., motor]
    return result


def _distances(env: FleetEnv, each: Gait, seed: int) -> np.ndarray:
    """How far the gaits lead, (candidates, dynamics) metres."""
    env.reset(seed)
    part = env.world.group("part")
    assert isinstance(part, Part)
    for step in range(env.horizon):
        steps = np.full(env.num_sims, step)
        env.world.step(each.command(steps, 1.0 / env.spec.control_hz, part, env.episodes.robot_dynamics))
    return env.world.positions()[:, 0, 0].reshape(_CANDIDATES, -1)


def main() -> None:
    """Search and print waves to put into `gaits.GAITS`."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("family")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rounds", type=int, default=60)
    options.add_argument("--dynamics", type=int, default=8)
    options.add_argument("--strides-hz", type=float, default=2.5)
    given = options.parse_args()
    found = search(given.family, given.seed, given.rounds, given.dynamics, given.strides_hz)
    print(np.array2string(found, precision=3, separator=", "))


if __name__ == "__main__":
    main()
