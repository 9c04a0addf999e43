"""Simulation: batched MuJoCo worlds of whole fleets. Knows neither torch nor ROS.

Importing it registers the environments ``metabot/<family>-v0`` with Gymnasium.
"""

from metabot_sim.registration import register_all

register_all()
