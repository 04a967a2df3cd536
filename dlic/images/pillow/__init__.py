"""The parts of reading image files that work around Pillow: its guard, its errors, the bits and the order of samples it hides."""
