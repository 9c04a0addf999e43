"""Robots: one folder each, with the MJCF and what belongs to it."""
