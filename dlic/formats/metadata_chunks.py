"""Metadata ⇄ the optional chunks of a .dlic file."""

from collections.abc import Callable
from typing import Any

from dlic.container import chunks
from dlic.container.format import Chunks
from dlic.errors import CorruptFileError, DlicError
from dlic.images.metadata import LABELS, Metadata

NAMES = {"icc_profile": chunks.ICC, "exif": chunks.EXIF, "xmp": chunks.XMP, "dpi": chunks.DPI, "text": chunks.TEXT}


def write(metadata: Metadata) -> Chunks:
    """Raises DlicError for more than a reader takes."""
    return tuple((NAMES[name], _write(name, getattr(metadata, name))) for name in metadata.given)


def read(of_file: Chunks) -> Metadata:
    """Inverse of `write`; ignores other chunks. Raises CorruptFileError."""
    described = chunks.by_name(of_file)
    try:
        return Metadata(**{name: _read(name, described[chunk]) for name, chunk in NAMES.items() if chunk in described})
    except CorruptFileError:
        raise
    except DlicError as error:
        raise CorruptFileError(f"the metadata in the file is damaged: {error}") from error


def _write(name: str, value: Any) -> bytes:
    return chunks.write_dpi(value) if name == "dpi" else chunks.pack(chunks.write_text(value) if name == "text" else value)


def _read(name: str, data: bytes) -> Any:
    if name == "dpi":
        return chunks.read_dpi(data)
    read_as: Callable[[bytes], Any] = chunks.read_text if name == "text" else bytes
    return read_as(chunks.unpack(data, LABELS[name]))
