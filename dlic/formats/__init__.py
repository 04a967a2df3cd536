"""File kinds: recognising, describing, reading, verifying and writing each of them."""
