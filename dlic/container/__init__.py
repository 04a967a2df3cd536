"""The .dlic file: header, chunks, table of tiles."""
