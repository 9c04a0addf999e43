"""Simulation: batched MuJoCo worlds of whole fleets. Knows neither torch nor ROS."""
