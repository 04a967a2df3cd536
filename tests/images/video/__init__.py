"""Tests of dlic.images.video."""
