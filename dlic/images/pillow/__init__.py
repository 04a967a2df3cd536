"""Workarounds for Pillow: its size limit, its errors, hidden bit depth, 16-bit samples, orientation and metadata."""
