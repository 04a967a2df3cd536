"""Model names as checkpoints and recipes use them."""

from importlib import import_module

MODELS = {
    "factorized": "dlic.models.factorized:Factorized",
    "hyperprior": "dlic.models.mean_scale:ScaleHyperprior",
    "mean_scale": "dlic.models.mean_scale:MeanScale",
    "light": "dlic.models.light:Light",
}
DEPLOYED = {
    "factorized": "dlic.runtime.torch.factorized:DeployedFactorized",
    "hyperprior": "dlic.runtime.torch.mean_scale:DeployedScaleHyperprior",
    "mean_scale": "dlic.runtime.torch.mean_scale:DeployedMeanScale",
    "light": "dlic.runtime.torch.light:DeployedLight",
}


def build_model(name: str, config: dict):
    """The trainable model of that name. Raises KeyError for an unknown one."""
    return _load(MODELS[name])(**config)


def deploy(name: str, config: dict, weights: dict):
    """The same network with its weights, as `learned.unit` runs it. Raises KeyError for an unknown name."""
    return _load(DEPLOYED[name])(config, weights)


def _load(path: str):
    module, name = path.split(":")
    return getattr(import_module(module), name)
