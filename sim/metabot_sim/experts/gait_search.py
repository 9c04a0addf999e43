"""Search for the half cheetah's gait: `python -m metabot_sim.experts.gait_search --seed 0`.

The cross-entropy method (Rubinstein 1999): draw gaits, run each under several hidden dynamics, draw
the next ones around the best. A gait is worth mostly its worst distance.
"""

from __future__ import annotations

import argparse

import numpy as np

from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.experts import gaits

FAMILY = "gymnasium:mamujoco/HalfCheetah-2x3-v1"
_CANDIDATES, _DYNAMICS, _BEST = 32, 8, 8
_SMALLEST_STD = 0.03


def search(seed: int, rounds: int) -> np.ndarray:
    """The mean of the last round's best gaits, (19,)."""
    rng = np.random.default_rng(seed)
    envs = [
        FleetEnv(FAMILY, _CANDIDATES * _DYNAMICS, split=split, autoreset=Autoreset.DISABLED)
        for split in ("train", "held-out")
    ]
    six = np.ones(gaits.MOTORS)
    mean = np.concatenate([[2.5], 0.0 * six, 0.7 * six, rng.uniform(-np.pi, np.pi, gaits.MOTORS)])
    std = np.concatenate([[0.8], 0.2 * six, 0.3 * six, 1.5 * six])
    for count in range(rounds):
        drawn = mean + std * rng.standard_normal((_CANDIDATES, len(mean)))
        drawn[0] = mean
        each = np.repeat(drawn, _DYNAMICS, axis=0)
        distance = np.concatenate([_distances(env, each, seed + count) for env in envs], axis=1)
        worth = 0.3 * distance.mean(axis=1) + 0.7 * distance.min(axis=1)
        best = drawn[np.argsort(-worth)[:_BEST]]
        mean = 0.3 * mean + 0.7 * best.mean(axis=0)
        std = np.maximum(0.3 * std + 0.7 * best.std(axis=0), _SMALLEST_STD)
        print(f"round {count + 1}: best {worth.max():.2f} m, mean gait of the round {worth[0]:.2f} m", flush=True)
    return mean


def _distances(env: FleetEnv, each: np.ndarray, seed: int) -> np.ndarray:
    """How far the gaits lead, (candidates, dynamics) metres."""
    env.reset(seed)
    motors = env.world.group("part").actuators
    for step in range(env.horizon):
        time = np.full(env.num_sims, step / env.spec.control_hz)
        env.world.step(gaits.run(time, motors, env.episodes.robot_dynamics, each))
    return env.world.positions()[:, 0, 0].reshape(_CANDIDATES, _DYNAMICS)


def main() -> None:
    """Search and print a gait to put into `gaits.HALF_CHEETAH`."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rounds", type=int, default=60)
    given = options.parse_args()
    print(np.array2string(search(given.seed, given.rounds), precision=3, separator=", "))


if __name__ == "__main__":
    main()
