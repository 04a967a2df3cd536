"""File kinds: how each is recognised, described, read and verified."""
