"""Arrays of pixels: rectangles, tile grids, checks."""
