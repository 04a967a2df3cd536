"""dlic inside of other programs: Pillow, desktops."""
