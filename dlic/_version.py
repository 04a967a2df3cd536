"""The version of dlic."""

__version__ = "0.1.0"
