"""Codecs measured from files and pixels, and their curves compared."""
