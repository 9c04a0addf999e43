"""A checkout's own `FleetEnv` in a process of its own: a line in, the seconds that a block of env steps took out.

Run by benchmarks/sim.py with the checkout first on PYTHONPATH. Uses only what every build of the
simulator has.
"""

import sys
import time
from pathlib import Path

import numpy as np

import metabot
import metabot_sim
from metabot_sim.env import Autoreset, FleetEnv

root, family, policy = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
sims, threads, warm_up, block = (int(argument) for argument in sys.argv[4:])
for module in (metabot, metabot_sim):
    if not Path(module.__file__ or "").resolve().is_relative_to(root.resolve()):
        sys.exit(f"{module.__name__} comes from {module.__file__}")
whole = policy == "episodes"
env = FleetEnv(family, sims, robots=1, threads=threads, autoreset=Autoreset.DISABLED if whole else Autoreset.NEXT_STEP)
env.reset(seed=0)
random = np.random.default_rng(0)


def step() -> float:
    """One step of all simulations; only the environment is timed."""
    actions = random.uniform(-1.0, 1.0, (sims, 1, env.max_action_size)) if policy == "random" else env.expert()
    started = time.perf_counter()
    env.step(actions)
    return time.perf_counter() - started


def episodes() -> float:
    """Episodes of all simulations from start to end: what as many steps as a block has took on average."""
    env.reset()
    return sum(step() for _ in range(env.horizon)) * block / env.horizon


for _ in range(warm_up):
    step()
print("ready", flush=True)
for _ in sys.stdin:
    print(episodes() if whole else sum(step() for _ in range(block)), flush=True)
