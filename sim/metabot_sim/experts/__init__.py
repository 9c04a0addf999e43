"""Scripted experts: they know the hidden dynamics and bound what is achievable."""
