"""The flagship: every rate in one checkpoint, parsed by integers alone, decoded with fewer than 10,000 MACs a pixel."""

from dlic.models.light.model import Light

__all__ = ["Light"]
