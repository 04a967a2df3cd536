"""The classical codecs (JPEG, lossless, wavelet), each next to its stages, which can be used alone."""
