"""Weights for the decoder in C (`c/weights.h`): the part of a `light` or `inter` checkpoint that a reader runs, in float16.

magic 8 "dlicweb1", fingerprint 32, length 4 (of the body, as all numbers little-endian), then the body, deflated:
12 numbers of 4 bytes (`SIZES`)
matrices   float16, the low bytes of all, then the high bytes of all: compresses better
vectors    float32: biases, and vectors at the anchor levels
whole      for each layer of h_s_scale: shift 4, weights int16 (low bytes, high bytes), biases int32 (levels, out) as second
           differences along the levels
z_rows     1 byte each (levels, Z)
tables     for each: minimum int32, entries uint32; then the counts less 1 of all as uint16
then parts, each with its number uint32:
1          prediction of `inter` alone: channels uint32, then matrices and vectors of its layers as above, and its gains
2          refinements of `light` alone, for progressive pictures: id 4, passes of tables by their rank, splits and values of cells
           int16, shifts int8 (bands, M), spreads int8; for each table minimum int32, entries uint32, counts less 1 uint16, centres
           of its values int16
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.checkpoints.manifest import Manifest, read_manifest
from dlic.checkpoints.weights import read_weights
from dlic.errors import DlicError
from dlic.learned.progressive.tables import tables_of

MAGIC = b"dlicweb1"
HALF_MAX = 65504.0
HYPER = ("first", "widen", "middle", "widen_again", "last")
WHOLE = ("first", "widen", "middle", "last")
STAGES = {2: ("between",), 4: ("within.0", "between", "within.1")}  # by context steps, in the order of decoding
PREDICTION = ("first", "spatial", "for_pixels", "merge", "for_means")
MODELS = ("light", "inter")
KNOWN, REFINEMENTS = 1, 2  # parts
OLD_NAMES = {"between.known": "known", "between.around": "around"}  # of the first checkpoints

Arrays = Mapping[str, NDArray[Any]]


def file_name(manifest: Manifest) -> str:
    """The name under which a page looks for the weights of a file."""
    return f"{manifest.fingerprint[:8].hex()}.weights"


def web_weights(folder: str | Path) -> bytes:
    """The weights file of a checkpoint folder. Raises UnknownCheckpointError; DlicError for models that browsers cannot decode."""
    manifest = read_manifest(folder)
    if manifest.model not in MODELS:
        raise DlicError(f"{manifest.name} is a {manifest.model} model; browsers decode files of {' and '.join(MODELS)} models only")
    body = _body(manifest, read_weights(folder, manifest))
    return MAGIC + manifest.fingerprint + len(body).to_bytes(4, "little") + zlib.compress(body, 9)


def body_of(weights: bytes) -> bytes:
    """The inflated body of a weights file, for a decoder in C."""
    return zlib.decompress(weights[44:])


def _body(manifest: Manifest, arrays: Arrays) -> bytes:
    steps = manifest.config.get("context_steps", 2)  # the first checkpoints do not have this key
    layers = _layers(manifest.config, STAGES[steps])
    parts = [
        np.array(_sizes(manifest, arrays, steps), "<u4").tobytes(),
        _floats(arrays, layers, _anchors(manifest.config)),
        *(_whole(arrays, f"deployed.h_s_scale.{layer}") for layer in WHOLE),
        arrays["deployed.z_rows"].astype(np.uint8).tobytes(),
        _tables(manifest),
    ]
    if manifest.model == "inter":
        parts.append(np.array([KNOWN, manifest.config["prediction"]], "<u4").tobytes())
        parts.append(_floats(arrays, [f"prediction.{layer}" for layer in PREDICTION], ["prediction.gain.anchors"]))
    else:
        parts.append(_refinements(manifest))
    return b"".join(parts)


def _refinements(manifest: Manifest) -> bytes:
    data = tables_of(manifest.fingerprint[:8], manifest.config["latents"])
    shorts = np.concatenate([np.argsort(data.ranks.ravel()), data.splits, data.cells.ravel()]).astype("<i2")
    parts = [REFINEMENTS.to_bytes(4, "little"), data.id[::-1], shorts.tobytes(), data.channels.tobytes(), data.spreads.tobytes()]
    for minimum, counts, centres in zip(data.tables.minima.tolist(), data.tables.counts, data.centres, strict=True):
        parts.append(_table(minimum, counts) + np.asarray(centres, "<i2").tobytes())
    return b"".join(parts)


def _table(minimum: int, counts: NDArray[Any]) -> bytes:
    return np.array([minimum, len(counts)], "<i4").tobytes() + (np.asarray(counts) - 1).astype("<u2").tobytes()


def _floats(arrays: Arrays, layers: Iterable[str], anchors: Iterable[str]) -> bytes:
    """Matrices of layers; then their biases, and vectors at the anchor levels."""
    layers = list(layers)
    matrices = [_half(_named(arrays, f"{layer}.weight")).ravel() for layer in layers]
    vectors = [_named(arrays, f"{layer}.bias").ravel() for layer in layers] + [arrays[name].ravel() for name in anchors]
    return _planes(np.concatenate(matrices)) + np.concatenate(vectors).astype("<f4").tobytes()


def _sizes(manifest: Manifest, arrays: Arrays, steps: int) -> list[int]:
    config = manifest.config
    names = ("channels", "latents", "hyper", "hidden", "fine_inner", "coarse_inner", "decoder_fine", "decoder_coarse")
    middle = len(arrays["h_s_mean.first.weight"])
    return [*(config[name] for name in names), middle, steps, len(arrays["deployed.z_rows"]), len(manifest.tables)]


def _layers(config: Mapping[str, Any], stages: tuple[str, ...]) -> Iterator[str]:
    yield from (f"h_s_mean.{name}" for name in HYPER)
    yield from (f"h_s_mean.{stage}.{layer}" for stage in stages for layer in ("known", "around"))
    for chain in ("coarse", "fine"):
        blocks = range(config[f"decoder_{chain}"])
        yield from (f"g_s.{chain}.blocks.{i}.{layer}" for i in blocks for layer in ("squeeze", "spatial", "last"))
        yield "g_s.split" if chain == "coarse" else "g_s.last"


def _anchors(config: Mapping[str, Any]) -> Iterator[str]:
    yield from ("h_s_mean.first_bias.anchors", "gain.anchors", "inverse_gain.anchors")
    for chain in ("coarse", "fine"):
        yield from (f"g_s.{chain}.gains.{i}.anchors" for i in range(config[f"decoder_{chain}"]))
    yield "g_s.gain.anchors"


def _named(arrays: Arrays, name: str) -> NDArray[Any]:
    if name not in arrays:
        for new, old in OLD_NAMES.items():
            name = name.replace(new, old)
    return arrays[name]


def _half(matrix: NDArray[Any]) -> NDArray[Any]:
    if float(np.abs(matrix.astype(np.float32)).max()) > HALF_MAX:
        raise DlicError("the checkpoint has weights that float16 cannot store")
    return matrix.astype("<f2")


def _planes(values: NDArray[Any]) -> bytes:
    """Values of two bytes: the first bytes of all, then the second bytes."""
    return values.view(np.uint8).reshape(-1, 2).T.tobytes()


def _whole(arrays: Arrays, layer: str) -> bytes:
    weight, bias = arrays[f"{layer}.weight"].astype("<i2"), arrays[f"{layer}.bias"].astype(np.int64)
    for _ in range(2):
        bias = np.diff(bias, axis=0, prepend=np.zeros((1, bias.shape[1]), np.int64))
    shift = int(arrays[f"{layer}.shift"]).to_bytes(4, "little")
    return shift + _planes(weight.ravel()) + bias.astype("<i4").tobytes()


def _tables(manifest: Manifest) -> bytes:
    stored = manifest.tables.to_json()
    heads = [
        number for minimum, counts in zip(stored["minima"], stored["counts"], strict=True) for number in (minimum, len(counts))
    ]
    counts = np.concatenate([np.array(counts) - 1 for counts in stored["counts"]])
    return np.array(heads, "<i4").tobytes() + counts.astype("<u2").tobytes()
