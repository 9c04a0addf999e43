"""EnvPool's Ant-v4 in a process of its own: a line in, the seconds that a block of steps took out.

Run by benchmarks/sim.py with the interpreter of an environment where EnvPool is installed.
"""

import sys
import time

import envpool
import numpy as np

sims, threads, block = (int(argument) for argument in sys.argv[1:])
env = envpool.make("Ant-v4", env_type="gymnasium", num_envs=sims, num_threads=threads, seed=0)
env.reset()
actions = np.random.default_rng(0).uniform(-1.0, 1.0, (sims, 8))
print("ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    for _ in range(block):
        env.step(actions)
    print(time.perf_counter() - started, flush=True)
