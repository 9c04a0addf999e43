"""Robots, one folder each: the MJCF and the functions that turn commands into actuator targets."""
