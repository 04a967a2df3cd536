"""Wavelet coding: lifting transform and embedded bit planes."""
