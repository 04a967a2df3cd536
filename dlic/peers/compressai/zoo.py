"""The models of CompressAI's zoo by name: compressai:ARCHITECTURE[:METRIC][:QUALITY][@FILE] → a codec.

Neither CompressAI nor torch is imported before a name is opened.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from dlic.container.format import MAX_LEVEL
from dlic.errors import DlicError, DownloadError, UnknownCheckpointError
from dlic.peers.compressai.names import FORM, PREFIX
from dlic.storage.versions import Version, version_of

if TYPE_CHECKING:
    from compressai.models import CompressionModel
    from torch import Tensor

    from dlic.peers.compressai.codec import CompressAICodec

METRICS = ("mse", "ms-ssim")  # the zoo's own weights were trained for
VARIABLE_RATES = tuple(range(1, 9))  # of each of CompressAI's variable-rate models
WRAPPERS = ("network", "state_dict", "model_state_dict")  # keys that training checkpoints keep their weights under
TABLES = ("_offset", "_quantized_cdf", "_cdf_length")  # of an entropy model
PROBABILITY_BITS = 16  # of CompressAI's range coder


@dataclass(frozen=True)
class ZooName:
    """The parts of a name."""

    architecture: str
    metric: str = "mse"
    quality: int | None = None
    path: Path | None = None

    @property
    def has_variable_rate(self) -> bool:
        return self.architecture.endswith("-vbr")


def parse(name: str) -> ZooName:
    """'compressai:mbt2018-mean:ms-ssim:4@a.pth' → its parts. Raises UnknownCheckpointError for any other name."""
    words, at, path = name.removeprefix(PREFIX).partition("@")
    architecture, *rest = words.split(":")
    metrics = [word for word in rest if word in METRICS]
    qualities = [word for word in rest if word.isascii() and word.isdecimal()]
    if len(metrics) + len(qualities) < len(rest) or len(metrics) > 1 or len(qualities) > 1 or bool(at) != bool(path):
        raise UnknownCheckpointError(f"{name} names no model of CompressAI; write {FORM}")
    quality = int(qualities[0]) if qualities else None
    return ZooName(architecture, metrics[0] if metrics else "mse", quality, Path(path) if path else None)


def open_codec(name: str) -> "CompressAICodec":
    """The codec of a name, loaded once for each version of its file.

    Raises UnknownCheckpointError where the zoo has no such model or the file is not its weights, DownloadError where they are not
    on this machine and cannot be downloaded, DlicError where CompressAI is not installed.
    """
    model = _checked(parse(name))
    return loaded_codec(name, model, version_of(model.path) if model.path else None)


@lru_cache(maxsize=8)  # the qualities of one architecture
def loaded_codec(name: str, wanted: ZooName, _version: Version) -> "CompressAICodec":
    """`open_codec` for one version of the file."""
    from dlic.peers.compressai.codec import CompressAICodec

    source = wanted.path or _url(wanted)
    model = _build(wanted, read_state_dict(wanted.path) if wanted.path else _downloaded(wanted), source)
    rate = wanted.quality - 1 if wanted.has_variable_rate and wanted.quality is not None else None
    _complete_tables(model, rate, source)
    return CompressAICodec(name, _fingerprint(wanted.architecture, rate, model), wanted.architecture, model, wanted.quality, rate)


def read_model(architecture: str, path: Path) -> "CompressionModel":
    """The network that a file holds the weights of. Raises UnknownCheckpointError where it does not."""
    return _build(ZooName(architecture), read_state_dict(path), path)


# --- what the zoo has --------------------------------------------------------------------------------------------------------


def architectures() -> tuple[str, ...]:
    """Names of the zoo's image models. Raises DlicError where CompressAI is not installed."""
    try:
        from compressai.zoo import image_models
    except ModuleNotFoundError as error:
        raise DlicError(f"{error.name} is not installed; pip install 'dlic[train]' brings CompressAI") from error
    return tuple(image_models)


def zoo_qualities(architecture: str, metric: str = "mse") -> tuple[int, ...]:
    """Qualities of an architecture that the zoo has weights for; none where it has only the architecture.

    Those of a variable-rate model are its rates, from one set of weights. Raises UnknownCheckpointError for other architectures.
    """
    _check_architecture(architecture)
    urls = _urls(architecture).get(metric, {})
    return VARIABLE_RATES if isinstance(urls, str) else tuple(urls)


def _check_architecture(architecture: str) -> None:
    names = architectures()
    if architecture not in names:
        raise UnknownCheckpointError(f"CompressAI has no image model {architecture!r}; it has {', '.join(names)}")


def _checked(model: ZooName) -> ZooName:
    """Checks a name against the zoo. Raises UnknownCheckpointError."""
    _check_architecture(model.architecture)
    qualities = _possible_qualities(model)
    is_label = model.path is not None and not model.has_variable_rate
    if not qualities:
        own = f"{PREFIX}{model.architecture}{':QUALITY' if model.has_variable_rate else ''}@FILE"
        raise UnknownCheckpointError(f"CompressAI has no {model.metric} weights of {model.architecture}; name yours as {own}")
    if model.quality not in qualities and not (is_label and model.quality is None):
        problem = "none is named" if model.quality is None else f"{model.quality} is none of them"
        raise UnknownCheckpointError(
            f"{model.architecture} has qualities {qualities[0]} to {qualities[-1]}, {problem}; write {FORM}"
        )
    return model


def _possible_qualities(model: ZooName) -> tuple[int, ...]:
    if model.path is None:
        return zoo_qualities(model.architecture, model.metric)
    return VARIABLE_RATES if model.has_variable_rate else tuple(range(1, MAX_LEVEL + 1))  # qualities that the header can hold


def _urls(architecture: str) -> dict[str, Any]:
    """By metric: addresses by quality, or the one address of a variable-rate model."""
    from compressai.zoo import image, image_vbr

    return {**image.model_urls, **image_vbr.model_urls}.get(architecture, {})


def _url(model: ZooName) -> str:
    urls = _urls(model.architecture)[model.metric]
    return urls if isinstance(urls, str) else urls[model.quality]


# --- state dicts -------------------------------------------------------------------------------------------------------------


def read_state_dict(path: Path) -> "dict[str, Tensor]":
    """Tensors of a .safetensors file, a state dict that torch saved, or a training checkpoint of CompressAI's examples.

    Nothing in the file is run. Raises UnknownCheckpointError where there is no such file or it holds no tensors.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return _unwrapped(torch.load(path, map_location="cpu", weights_only=True), path)
    except OSError as error:
        raise UnknownCheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UnknownCheckpointError(f"{path} holds no weights that can be read without running code from it") from error


def _downloaded(model: ZooName) -> "dict[str, Tensor]":
    """The zoo's own weights, from torch's cache or from CompressAI's server."""
    from http.client import HTTPException

    from torch.hub import load_state_dict_from_url

    url = _url(model)
    try:
        stored = load_state_dict_from_url(url, map_location="cpu", progress=sys.stderr.isatty(), weights_only=True)
    except (OSError, HTTPException, RuntimeError, UnpicklingError, EOFError, ValueError) as error:
        cause = getattr(error, "reason", error)  # of urllib's own error
        reason = getattr(cause, "strerror", None) or str(cause).split("\n")[0] or type(error).__name__
        name = f"{PREFIX}{model.architecture}:{model.quality}@FILE"
        raise DownloadError(f"{url} cannot be had ({reason}); where you have its weights on this machine, write {name}") from error
    return _unwrapped(stored, url)


def _unwrapped(stored: Any, source: object) -> "dict[str, Tensor]":
    for key in WRAPPERS:
        if isinstance(stored, Mapping) and isinstance(stored.get(key), Mapping):
            stored = stored[key]
    if not isinstance(stored, Mapping) or not stored or not all(hasattr(tensor, "is_floating_point") for tensor in stored.values()):
        raise UnknownCheckpointError(f"{source} holds no state dict")
    return dict(stored)


# --- models ------------------------------------------------------------------------------------------------------------------


def _build(model: ZooName, tensors: "dict[str, Tensor]", source: object) -> "CompressionModel":
    """The network of a state dict, its sizes from there. Raises UnknownCheckpointError where it is of another architecture."""
    from compressai.registry import MODELS
    from compressai.zoo import load_state_dict

    tensors = load_state_dict(tensors)  # names as this version of CompressAI has them
    options = {}
    if any(name.startswith("gayn2zqstep.") for name in tensors):  # its z has steps of its own, and tables that depend on the rate
        options["vr_entbttlnck"] = True
        tensors = {name: tensor[:0] if _is_table_of_z(name) else tensor for name, tensor in tensors.items()}
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise UnknownCheckpointError(f"{source} holds weights that are not finite: its training diverged")
    try:
        tensors = _with_constants(model.architecture, tensors)
        return MODELS[model.architecture].from_state_dict(tensors, **options).eval()
    except (KeyError, RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UnknownCheckpointError(
            f"{source} holds no weights of {model.architecture}; name the architecture it was trained as, of "
            f"{', '.join(architectures())}"
        ) from error


def _with_constants(architecture: str, tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Adds CompressAI's constants to the weights of a checkpoint of dlic, which leaves them out; others stay unchanged."""
    from compressai.registry import MODELS

    from dlic.runtime.weights import WHOLE_NUMBERS

    own = {name: tensor for name, tensor in tensors.items() if not name.startswith(WHOLE_NUMBERS)}
    if len(own) == len(tensors):
        return tensors
    untrained = MODELS[architecture](tensors["g_a.0.weight"].shape[0], tensors["g_a.6.weight"].shape[0])
    return dict(untrained.named_buffers()) | own


def _is_table_of_z(name: str) -> bool:
    return name.startswith("entropy_bottleneck.") and name.endswith(TABLES)


def _complete_tables(model: "CompressionModel", rate: int | None, source: object) -> None:
    """Computes the tables that are missing from the state dict. Existing ones stay, as another machine could round some
    differently.
    """
    import torch

    with torch.no_grad():
        model.update(**({} if rate is None else {"scale": model.Gain[rate].abs()}))
    for module in model.children():
        if hasattr(module, "entropy_coder") and not _are_tables(*(getattr(module, name).long() for name in TABLES)):
            raise UnknownCheckpointError(
                f"{source} holds damaged tables of probabilities; save it again after model.update(force=True)"
            )


def _are_tables(offset: "Tensor", cdf: "Tensor", lengths: "Tensor") -> bool:
    """Whether the tables are valid. CompressAI's range coder does not check them, and would read beyond their end."""
    if cdf.ndim != 2 or offset.shape != lengths.shape or lengths.shape != cdf.shape[:1] or not cdf.numel():
        return False
    if lengths.min() < 2 or lengths.max() > cdf.shape[1]:
        return False
    return all(
        row[0] == 0 and row[length - 1] == 1 << PROBABILITY_BITS and bool((row[:length].diff() > 0).all())
        for row, length in zip(cdf, lengths.tolist(), strict=True)
    )


def _fingerprint(architecture: str, rate: int | None, model: "CompressionModel") -> bytes:
    """sha256 over the architecture, the rate of a variable one, and every tensor by name, weights and tables.

    The same for a state dict in any format, with or without tables and prefixes.
    """
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return hashlib.sha256(json.dumps([architecture, rate, digest.hexdigest()]).encode()).digest()
