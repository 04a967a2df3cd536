"""Metrics in torch that can be differentiated, of batches: what training and efforts lower. Only these two import them."""
