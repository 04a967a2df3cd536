"""The hyperpriors of Ballé et al. 2018 and Minnen et al. 2018, with CompressAI's layers and names of weights."""

from dlic.models.mean_scale.model import MeanScale, ScaleHyperprior

__all__ = ["MeanScale", "ScaleHyperprior"]
