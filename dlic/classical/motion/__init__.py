"""Motion: search, exact prediction from decoded frames, coded vectors."""
