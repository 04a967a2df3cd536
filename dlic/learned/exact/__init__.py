"""The exact layer: finding, pricing, choosing and pasting blocks that a network codes poorly."""
