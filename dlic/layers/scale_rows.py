"""The geometric series of Gaussian scales of the frequency tables."""

ROWS = 64  # tables, one a scale
SCALE_MIN, SCALE_MAX = 0.11, 128.0  # of the first and the last row
ROW_RATIO = (SCALE_MAX / SCALE_MIN) ** (1 / (ROWS - 1))
