"""Reading image files around what Pillow hides: its limit, its errors, depth, the lower bytes of samples, orientation, metadata."""
