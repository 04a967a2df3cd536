"""Models of CompressAI as curves: compressai:ARCH[:METRIC][:QUALITY][@FILE or FOLDER]."""

from hashlib import sha256
from pathlib import Path

from dlic.errors import DlicError, UnknownCheckpointError
from dlic.evaluation.provenance import version_of
from dlic.evaluation.series import Series
from dlic.peers.compressai.names import PREFIX
from dlic.peers.compressai.zoo import VARIABLE_RATES, open_codec, parse, zoo_qualities
from dlic.storage.files import read_whole

STATE_DICTS = (".pth", ".pth.tar", ".pt", ".safetensors")


def compressai_series(name: str) -> Series:
    """One model, or all of an architecture: the qualities that CompressAI has weights for, or the files of a folder in their order.

    Nothing is loaded or downloaded before `at`. Raises UnknownCheckpointError for names of no model, DlicError for empty folders.
    """
    parsed = parse(name)
    of_zoo = ":".join([parsed.architecture, *(["ms-ssim"] if parsed.metric == "ms-ssim" else [])])
    names = {parsed.quality: name}
    if parsed.path is not None and parsed.path.is_dir():
        names = {place: f"{PREFIX}{of_zoo}@{path}" for place, path in enumerate(_weights_in(parsed.path), 1)}
    elif parsed.quality is None and parsed.has_variable_rate and parsed.path:
        names = {quality: f"{PREFIX}{of_zoo}:{quality}@{parsed.path}" for quality in VARIABLE_RATES}
    elif parsed.quality is None and parsed.path is None:
        names = {quality: f"{PREFIX}{of_zoo}:{quality}" for quality in zoo_qualities(parsed.architecture, parsed.metric)}
    words = [of_zoo] + [str(parsed.quality)] * (parsed.quality is not None)
    weights = f"@{parsed.path.name}" if parsed.path else ""
    return Series(
        f"{PREFIX}{':'.join(words)}{weights}",
        f"CompressAI {' '.join(words)}{weights}",
        lambda quality: open_codec(names[quality if quality is None else int(quality)]),
        tuple(names),
        _digest(parsed.path) if parsed.path else f"CompressAI {version_of('compressai')}",
        ".dlic",
        between=False,
    )


def _weights_in(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.name.endswith(STATE_DICTS))
    if not files:
        raise DlicError(f"{folder} holds no weights of CompressAI, whose files end in {', '.join(STATE_DICTS)}")
    return files


def _digest(path: Path) -> str:
    """Of files on this machine, which may change under their name."""
    files = _weights_in(path) if path.is_dir() else [path]
    return sha256(b"".join(read_whole(file, UnknownCheckpointError) for file in files)).hexdigest()
