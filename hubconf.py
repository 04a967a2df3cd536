"""Entry points of PyTorch Hub: torch.hub.load("owner/dlic", "light"), or source="local" in a checkout.

A codec has `compress(image, quality, effort, …)` and `decompress(data)`, as `dlic.compress` and `dlic.decompress`.
"""

from dlic.learned.pretrained import network_of as _network_of
from dlic.pretrained import from_pretrained as _from_pretrained

dependencies = ["torch", "numpy", "PIL", "constriction", "safetensors"]


def light():
    """The codec of light-1: quality 1 … 100 from one checkpoint."""
    return _from_pretrained("light-1")


def factorized():
    """The codec of factorized-1: one rate, the textbook model."""
    return _from_pretrained("factorized-1")


def codec(name, revision=None):
    """The codec of a checkpoint: a name on this machine, a folder, or owner/name of a repository of Hugging Face."""
    return _from_pretrained(name, revision)


def network(name="light-1", revision=None):
    """The trained network, a torch.nn.Module with `forward(x, level)`; factorized models take CompressAI."""
    return _network_of(name, revision)
