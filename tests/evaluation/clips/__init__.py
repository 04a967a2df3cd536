"""Tests of dlic.evaluation.clips."""
