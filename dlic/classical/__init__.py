"""The stages of the classical codecs, each usable alone; codecs/ compose them."""
