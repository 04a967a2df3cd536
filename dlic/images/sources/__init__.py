"""Statements of image files about their pixels, read from the bytes: Pillow knows only some of them. One module a format."""
