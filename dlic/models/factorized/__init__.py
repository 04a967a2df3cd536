"""The textbook model: convolutional analysis and synthesis around one factorized entropy bottleneck."""

from dlic.models.factorized.model import Factorized
from dlic.models.factorized.transforms import STAGES, transforms

__all__ = ["STAGES", "Factorized", "transforms"]
