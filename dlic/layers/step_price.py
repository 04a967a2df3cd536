"""The encoder's price of an error in y of `Light`."""

# Bits a squared error of one step of y, for an encoder's decision between ±1 and 0: 26 for an orthonormal
# transform at high rate; measured on photographs at five levels, 40 cut bits + λ · distortion by 0.3–0.6 % against
# plain rounding, and 15 lost that at low rates.
STEP_PRICE = 40.0
