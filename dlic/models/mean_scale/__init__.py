"""The hyperpriors of Ballé et al. 2018 and Minnen et al. 2018, layer for layer and name for name those of CompressAI."""

from dlic.models.mean_scale.model import MeanScale, ScaleHyperprior

__all__ = ["MeanScale", "ScaleHyperprior"]
