"""Tests of progressive pictures."""
