"""Lossless coding: prediction and adaptive entropy coding."""
