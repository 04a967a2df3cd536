"""Blocks that are trained."""
