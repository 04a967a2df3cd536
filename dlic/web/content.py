"""What a page shows of a file: the file itself with its weights where a browser can decode it, else a PNG of its picture."""

from dataclasses import dataclass
from pathlib import Path

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.manifest import read_manifest
from dlic.container.format import EXACT, LEARNED, TILED
from dlic.errors import CorruptFileError
from dlic.formats import thumbnails
from dlic.formats.kind import Description
from dlic.formats.reading import Reading
from dlic.formats.registry import describe
from dlic.web.weights import web_weights


@dataclass(frozen=True, kw_only=True)
class Content:
    """A picture for a page."""

    name: str  # of the file
    kind: str  # "dlic" or "png"
    data: bytes
    size: int  # bytes of the file
    fingerprint: str = ""  # of the checkpoint, as browsers name its weights
    weights: bytes = b""
    preview: bytes | None = None  # WebP


def content_of(name: str, data: bytes, weights: Path | None = None) -> Content:
    """Checks a file and reads what a page needs. Raises CorruptFileError, UnknownCheckpointError and DlicError."""
    described = describe(data)
    described.kind.verify(described, Reading(weights=weights))
    container = described.container
    if container is not None and container.kind == EXACT:
        return Content(
            name=name, kind="dlic", data=data, size=len(data), fingerprint=container.model.hex(), preview=_preview(described)
        )
    if container is not None and container.kind in (LEARNED, TILED):
        folder = checkpoints.as_folder(weights) if weights else checkpoints.find_by_fingerprint(container.model)
        if read_manifest(folder).model == "light":
            return Content(
                name=name,
                kind="dlic",
                data=data,
                size=len(data),
                fingerprint=container.model.hex(),
                weights=web_weights(folder),
                preview=_preview(described),
            )
    return Content(name=name, kind="png", data=_png(described, weights), size=len(data), preview=_preview(described))


def _preview(described: Description) -> bytes | None:
    try:
        return thumbnails.read(described.container.chunks) if described.container else None
    except CorruptFileError:
        return None


def _png(described: Description, weights: Path | None) -> bytes:
    from dlic.images.files import image_bytes

    picture = described.kind.read(described, Reading(weights=weights)).picture
    return image_bytes(picture.pixels, ".png", picture.metadata)
