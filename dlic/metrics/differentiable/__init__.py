"""Differentiable metrics of batches in torch, for training and efforts; only these two import them."""
