"""The trained PyTorch networks of checkpoints, for research."""

from pathlib import Path
from typing import TYPE_CHECKING

from dlic.checkpoints.huggingface import pretrained_folder
from dlic.checkpoints.manifest import read_manifest
from dlic.checkpoints.weights import read_weights
from dlic.errors import UnknownCheckpointError

if TYPE_CHECKING:
    from dlic.models.base import Model


def network_of(source: str | Path, revision: str | None = None) -> "Model":
    """The trained network of a checkpoint: a module with `forward(x, level)`, `g_a` and `g_s`. Its arguments and errors are those
    of `dlic.from_pretrained`. `factorized` models need CompressAI.
    """
    from dlic.models import build_model
    from dlic.runtime.torch.arrays import to_tensors
    from dlic.runtime.weights import trained_weights

    folder = pretrained_folder(source, revision)
    manifest = read_manifest(folder)
    weights = read_weights(folder, manifest)
    try:
        network = build_model(manifest.model, manifest.config)
        network.load_state_dict(to_tensors(trained_weights(weights)))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnknownCheckpointError(f"{folder} does not hold a model this dlic can train: {error}") from error
    return network.eval()
