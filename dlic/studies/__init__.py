"""Sweeps over settings, and their results."""
