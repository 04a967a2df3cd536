"""The runtime on PyTorch: names of models → networks and rows."""

import os
import sys

if "torch" not in sys.modules:  # OpenMP reads it once: threads that spin at a barrier take the core from the one they wait for
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from dlic.runtime.torch.registry import deploy

__all__ = ["deploy"]
