"""Sweeps over settings, and what comes of them."""
