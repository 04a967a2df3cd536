"""Reach of the transforms: the border around a tile with which its pixels come out as in the whole picture, in latents."""

STRIDE = 16  # pixels along a latent, of every model

# The receptive fields of g_a and g_s of light reach 6 and 5 latents beyond a tile, but with 2 the result of light-1 differs from
# the whole picture's by 0.00003 of a step in y, and by one 8-bit level in some samples next to a seam, 0.0003 dB of a band of 16
# pixels there (three photographs, three levels). With 1 it was 0.0013 of a step and 0.007 dB, with none 0.07 of a step and 0.09 dB.
LIGHT = 2
FACTORIZED = 3  # 5×5 kernels at 1/16 on both sides; the blocks reach further, with little influence
MEAN_SCALE = 2  # g_a reaches 30 pixels beyond a latent, g_s not quite 2 latents beyond a pixel's
