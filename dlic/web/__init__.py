"""Decoders for browsers and Node: C compiled to WebAssembly, its weights, and pages that use them."""
