"""The rate that every control rate has to divide."""

SIMULATION_HZ = 100
"""Simulation steps per simulated second."""
