"""The environments as other libraries expect them: Gymnasium (one and many), PettingZoo.

`FleetVectorEnv` and `FleetGymEnv` hand all robots of a simulation to one policy, side by side;
`FleetParallelEnv` has one agent per robot. All three are thin: `metabot_sim.env.FleetEnv` plays.
"""

from metabot_sim.interfaces.parallel import FleetParallelEnv, env, parallel_env
from metabot_sim.interfaces.single import FleetGymEnv
from metabot_sim.interfaces.vector import FleetVectorEnv

__all__ = ["FleetGymEnv", "FleetParallelEnv", "FleetVectorEnv", "env", "parallel_env"]
