"""Bringing a fleet up on one machine: which processes, on which domain, watched by whom."""
