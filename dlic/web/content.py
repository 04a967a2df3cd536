"""What a page shows of a file: the file itself with its weights where a browser can decode it, else a PNG of its picture."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.manifest import read_manifest
from dlic.container.format import EXACT, LEARNED, PROGRESSIVE, TILED
from dlic.container.sequence_reader import SequenceReader
from dlic.errors import CorruptFileError
from dlic.formats import thumbnails
from dlic.formats.kind import Description
from dlic.formats.reading import Reading
from dlic.formats.registry import describe
from dlic.web.weights import MODELS, web_weights


@dataclass(frozen=True, kw_only=True)
class Content:
    """A picture for a page."""

    name: str  # of the file
    kind: str  # "dlic" or "png"
    data: bytes
    size: int  # bytes of the file
    weights: Mapping[str, bytes] = field(default_factory=dict)  # by fingerprint, as browsers name them
    preview: bytes | None = None  # WebP


def content_of(name: str, data: bytes, weights: Path | None = None) -> Content:
    """Checks a file and reads what a page needs. Raises CorruptFileError, UnknownCheckpointError and DlicError."""
    described = describe(data)
    described.kind.verify(described, Reading(weights=weights))
    models = _models(described)
    folders = [_folder(model, weights) for model in models or ()]
    kinds = [read_manifest(folder).model for folder in folders]
    if models is None or kinds[:1] not in ([], ["light"]) or not set(kinds[1:]) <= set(MODELS):
        return Content(name=name, kind="png", data=_png(described, weights), size=len(data), preview=_preview(described))
    of_models = {read_manifest(folder).fingerprint[:8].hex(): web_weights(folder) for folder in folders}
    return Content(name=name, kind="dlic", data=data, size=len(data), weights=of_models, preview=_preview(described))


def _models(described: Description) -> list[bytes] | None:
    """Beginnings of the fingerprints of a file's checkpoints; None for kinds that browsers do not decode."""
    if described.kind.name == "sequence":
        head = SequenceReader(io.BytesIO(described.data)).head
        return list(dict.fromkeys((head.key_model, head.inter_model)))
    container = described.container
    if container is None or container.kind not in (LEARNED, TILED, EXACT, PROGRESSIVE):
        return None
    return [] if container.kind == EXACT else [container.model]


def _folder(model: bytes, weights: Path | None) -> Path:
    """The folder of a checkpoint: the one that was given, if it is that one."""
    if weights is not None:
        folder = checkpoints.as_folder(weights)
        if read_manifest(folder).fingerprint.startswith(model):
            return folder
    return checkpoints.find_by_fingerprint(model)


def _preview(described: Description) -> bytes | None:
    try:
        return thumbnails.read(described.container.chunks) if described.container else None
    except CorruptFileError:
        return None


def _png(described: Description, weights: Path | None) -> bytes:
    from dlic.images.files import image_bytes

    picture = described.kind.read(described, Reading(weights=weights)).picture
    return image_bytes(picture.pixels, ".png", picture.metadata)
