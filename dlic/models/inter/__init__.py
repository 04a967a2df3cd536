"""Frames of a sequence: `light` on what an exact prediction leaves, with weights of its own."""

from dlic.models.inter.model import Inter

__all__ = ["Inter"]
