"""Checkpoints: manifest, weights, local search, index."""
