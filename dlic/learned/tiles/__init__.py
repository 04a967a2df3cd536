"""Big pictures in tiles."""
