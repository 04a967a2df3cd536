"""Statements of image files beside their pixels, read from the bytes: Pillow knows only some of them. One module a format."""
