"""Codecs of others, to compare with."""
