"""Statements on colours: code points of video, primaries and transfer functions, ICC profiles, conversion to sRGB."""
