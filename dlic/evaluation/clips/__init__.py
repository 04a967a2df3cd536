"""Evaluations on clips: sequences of dlic next to video encoders."""
