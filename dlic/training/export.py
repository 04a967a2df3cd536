"""Lightning checkpoint → checkpoints/<name>/: weights, integer tables and model card, loaded without unpickling ever after."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from dlic.checkpoints.graphs import ENDING
from dlic.checkpoints.manifest import CARD, MANIFEST, WEIGHTS, Manifest, Training
from dlic.checkpoints.weights import verify_weights
from dlic.entropy.tables import FrequencyTables, counted_tables, tables_from_likelihoods
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.learned.codec import LearnedCodec
from dlic.learned.unit import UnitCodec
from dlic.models import build_model
from dlic.models.base import Model
from dlic.runtime.torch import deploy
from dlic.runtime.torch.whole_numbers import stored_arrays
from dlic.runtime.weights import under
from dlic.storage.files import cannot_write, written_whole
from dlic.training.counts import histogram
from dlic.training.graphs.registry import graphs_of

LOSSES = {  # distortions of training as model cards state them
    "mse": "255² · MSE",
    "ms-ssim": "(1 − MS-SSIM)",
    "visual": "(SSIMULACRA 2's error, weighted by λ, and a share of 255² · MSE)",
}


@dataclass(frozen=True)
class Exported:
    """The trained model of a run."""

    network: Model
    training: Training


def load_run(path: Path) -> Exported:
    """Loads the model of a Lightning checkpoint (with averaged weights, if the run averaged). Raises UnknownCheckpointError."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        state = stored["dlic"]
        network = build_model(state["model"], state["config"])
        network.load_state_dict(under("network.", stored["state_dict"]))
    except FileNotFoundError as error:
        raise UnknownCheckpointError(f"{path} does not exist") from error
    except Exception as error:  # files of other programs fail in many ways, and torch's messages advise to trust them
        raise UnknownCheckpointError(f"{path} is not a checkpoint of a dlic training run ({type(error).__name__})") from error
    steps, pixels = stored["global_step"] + state["earlier_steps"], state["pixels_seen"] + state["earlier_pixels"]
    return Exported(network.eval(), Training(steps, pixels, state["lmbda"], state["distortion"]))


def export(
    source: Path, folder: Path, photographs: Path | None = None, card: str = "", force: bool = False, half: bool = False
) -> Manifest:
    """Write `folder` (its name becomes the checkpoint's) from the Lightning checkpoint `source`.

    Args:
        source: .ckpt of a training run.
        folder: must not hold a checkpoint yet, unless `force`.
        photographs: folder of images to count symbols for the tables on, for example the training images; of clips, for the network
            of predicted frames. None: tables of the learned densities.
        card: text of the model card after its table; the run alone cannot know the data's name and licence.
        half: store weights as float16, in half the bytes. Tables and whole numbers are made from the rounded weights.
    """
    check_free(folder, force)
    run = load_run(source)
    run.network.prepare()
    if half:
        round_to_half(run.network)
    tables = learned_tables(run.network)
    if photographs is not None:
        tables = counted_tables(tables, histogram(as_codec(run.network, tables), photographs, run.network.name))
    return write_checkpoint(run, tables, folder, card, half)


def check_free(folder: Path, force: bool) -> None:
    """Raises DlicError where `folder` holds a checkpoint, unless `force`."""
    if (folder / MANIFEST).exists() and not force:
        raise DlicError(f"{folder} holds a checkpoint already; --force replaces it")


@torch.no_grad()
def round_to_half(network: Model) -> None:
    """Rounds all weights to values of float16; they stay float32. Raises DlicError where one is too large for float16."""
    for name, weight in network.state_dict().items():
        if weight.is_floating_point():
            rounded = weight.half()
            if not torch.isfinite(rounded).all():
                raise DlicError(f"{name} has weights beyond ±65504, which float16 cannot store; export without --half")
            weight.copy_(rounded)


def as_codec(network: Model, tables: FrequencyTables) -> LearnedCodec:
    """A codec of the model before its export; its files name no checkpoint."""
    deployed = deploy(network.name, network.config, stored_arrays(network))
    return LearnedCodec(UnitCodec(name="exporting", fingerprint=bytes(32), deployed=deployed, tables=tables))


def write_checkpoint(run: Exported, tables: FrequencyTables, folder: Path, card: str, half: bool = False) -> Manifest:
    """Writes the three files of a checkpoint, each atomically; the hashes show whether they belong together.

    `half` stores weights that `round_to_half` has rounded as float16; whole numbers stay integers.
    """
    from safetensors.numpy import save

    arrays = stored_arrays(run.network)
    weights = save({name: _as_half(array) for name, array in arrays.items()} if half else arrays)
    graphs = graphs_of(run.network.name, run.network.config, weights)
    manifest = Manifest(
        name=folder.name, model=run.network.name, config=run.network.config, training=run.training,
        weights_sha256=hashlib.sha256(weights).hexdigest(), tables=tables, graphs=_hashes(graphs),
    )  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    card = _card(manifest, len(weights), "float16" if half else "float32", card)
    _write(folder, {WEIGHTS: weights} | _files(graphs) | {MANIFEST: manifest.to_json().encode(), CARD: card.encode()})
    return manifest


def write_graphs(folder: Path) -> Manifest:
    """Makes the graphs of a checkpoint from its weights; its fingerprint stays. Raises UnknownCheckpointError."""
    manifest = verify_weights(folder)
    graphs = graphs_of(manifest.model, manifest.config, (folder / WEIGHTS).read_bytes())
    manifest = replace(manifest, graphs=_hashes(graphs))
    _write(folder, _files(graphs) | {MANIFEST: manifest.to_json().encode()})
    return manifest


def _hashes(graphs: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(graph).hexdigest() for name, graph in graphs.items()}


def _files(graphs: dict[str, bytes]) -> dict[str, bytes]:
    return {name + ENDING: graph for name, graph in graphs.items()}


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        with written_whole(folder / name, overwrite=True) as file:
            file.write(content)


@torch.no_grad()
def learned_tables(network: Model) -> FrequencyTables:
    """The frequency tables of a prepared model, from its densities."""

    def likelihoods(symbols: np.ndarray) -> np.ndarray:
        return network.likelihoods(torch.from_numpy(symbols).float()).double().numpy()

    return tables_from_likelihoods(likelihoods)


def _as_half(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float16) if array.dtype == np.float32 else array


def _card(manifest: Manifest, size: int, precision: str, text: str) -> str:
    training = manifest.training
    lmbda = "λ" if training.lmbda is None else f"{training.lmbda:g}"
    loss = f"bpp + {lmbda} · {LOSSES[training.distortion]}"
    return f"""# {manifest.name}

| | |
|---|---|
| model | `{manifest.model}` {json.dumps(manifest.config)} |
| loss | {loss} |
| steps | {training.steps:,} |
| pixels seen | {training.pixels / 1e9:.2f} G |
| weights | {size:,} bytes, safetensors, {precision} |
| fingerprint | `{manifest.fingerprint.hex()}` |

{text.strip()}
"""
