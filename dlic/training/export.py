"""Lightning checkpoint → checkpoints/<name>/: weights, integer tables and model card, loaded without unpickling ever after."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from dlic.checkpoints import CARD, MANIFEST, WEIGHTS, Manifest, Training
from dlic.entropy.tables import REACH, FrequencyTables, counted_tables, tables_from_likelihoods
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.files import written_whole
from dlic.models import build_model
from dlic.models.base import Model


@dataclass(frozen=True)
class Exported:
    """A trained model as a run left it."""

    network: Model
    training: Training


def load_run(path: Path) -> Exported:
    """The model in a Lightning checkpoint (its averaged weights, where the run averaged). Raises UnknownCheckpointError."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        state = stored["dlic"]
        network = build_model(state["model"], state["config"])
        prefix = "network."
        network.load_state_dict({k[len(prefix) :]: v for k, v in stored["state_dict"].items() if k.startswith(prefix)})
    except FileNotFoundError as error:
        raise UnknownCheckpointError(f"{path} does not exist") from error
    except Exception as error:  # a file of another program fails in many ways
        raise UnknownCheckpointError(f"{path} is not a checkpoint of a dlic training run: {error}") from error
    steps, pixels = state["batches_seen"] + state["earlier_steps"], state["pixels_seen"] + state["earlier_pixels"]
    return Exported(network.eval(), Training(steps, pixels, state["lmbda"], state["distortion"]))


def export(source: Path, folder: Path, photographs: Path | None = None, card: str = "", force: bool = False) -> Manifest:
    """Write `folder` (its name becomes the checkpoint's) from the Lightning checkpoint `source`.

    Args:
        source: .ckpt of a training run.
        folder: must not hold a checkpoint yet, unless `force`.
        photographs: folder of images to count the tables on, such as those trained on; without it they are as learned.
        card: text of the model card after its table; the run alone cannot know the data's name and licence.
    """
    if (folder / MANIFEST).exists() and not force:
        raise DlicError(f"{folder} holds a checkpoint already; --force replaces it")
    run = load_run(source)
    run.network.prepare()
    tables = integer_tables(run.network)
    if photographs is not None:
        tables = counted_tables(tables, histogram(run.network, photographs))
    return write_checkpoint(run, tables, folder, card)


def write_checkpoint(run: Exported, tables: FrequencyTables, folder: Path, card: str) -> Manifest:
    """Write the three files of a checkpoint; each is whole or as it was before, and the hashes tell if they belong together."""
    from safetensors.torch import save

    weights = save({name: value.contiguous() for name, value in run.network.state_dict().items()})
    manifest = Manifest(
        name=folder.name, model=run.network.name, config=run.network.config, training=run.training,
        weights_sha256=hashlib.sha256(weights).hexdigest(), tables=tables,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    contents = {WEIGHTS: weights, MANIFEST: manifest.to_json().encode(), CARD: _card(manifest, len(weights), card).encode()}
    for name, content in contents.items():
        with written_whole(folder / name, overwrite=True) as file:
            file.write(content)
    return manifest


@torch.no_grad()
def integer_tables(network: Model) -> FrequencyTables:
    """The frequency table of every latent channel of a prepared model."""

    def likelihoods(symbols: np.ndarray) -> np.ndarray:
        values = torch.from_numpy(symbols).float().expand(len(network.medians()), -1)
        return network.likelihoods(values).double().numpy()

    return tables_from_likelihoods(likelihoods, len(network.medians()))


@torch.no_grad()
def histogram(network: Model, photographs: Path, side: int = 512) -> np.ndarray:
    """How often each symbol −REACH … REACH occurs in each channel, over the centres of the photographs below a folder."""
    from dlic.data.crops import ValidationCrops
    from dlic.data.photographs import decode_all, find_photographs

    decoded = decode_all(find_photographs(photographs))
    medians = network.medians()[:, None, None]
    seen = np.zeros((len(medians), 2 * REACH + 1))
    crops = ValidationCrops(decoded, side // network.stride * network.stride, len(decoded))
    for crop in track((crops[i] for i in range(len(crops))), "counting symbols", len(crops), console=Console(stderr=True)):
        y = network.g_a(crop[None].float() / 255)[0]  # (M, h, w)
        symbols = torch.round(y - medians).clamp(-REACH, REACH).long() + REACH
        seen += np.stack([np.bincount(channel, minlength=2 * REACH + 1) for channel in symbols.flatten(1).numpy()])
    return seen


def _card(manifest: Manifest, size: int, text: str) -> str:
    training = manifest.training
    loss = f"bpp + {training.lmbda:g} · " + ("255² · MSE" if training.distortion == "mse" else "(1 − MS-SSIM)")
    return f"""# {manifest.name}

| | |
|---|---|
| model | `{manifest.model}` {json.dumps(manifest.config)} |
| loss | {loss} |
| steps | {training.steps:,} |
| pixels seen | {training.pixels / 1e9:.2f} G |
| weights | {size:,} bytes, safetensors, float32 |
| fingerprint | `{manifest.fingerprint.hex()}` |

{text.strip()}
"""
