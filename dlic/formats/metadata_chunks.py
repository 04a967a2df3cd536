"""Metadata ⇄ the optional chunks of a .dlic file."""

from dataclasses import replace
from typing import Any

from dlic.container import chunks
from dlic.container.format import Chunks
from dlic.errors import CorruptFileError, DlicError
from dlic.images import gain_map
from dlic.images.colours.code_points import CodePoints
from dlic.images.metadata import LABELS, Metadata, Part

NAMES = {
    "icc_profile": chunks.ICC, "exif": chunks.EXIF, "xmp": chunks.XMP, "dpi": chunks.DPI, "text": chunks.TEXT,
    "code_points": chunks.CODE_POINTS, "iptc": chunks.IPTC, "parts": chunks.PARTS,
}  # fmt: skip


def write(metadata: Metadata) -> Chunks:
    """Raises DlicError for more than a reader takes."""
    other = gain_map.data_of(metadata)
    parts = tuple(part for part in metadata.parts if (part.format, part.name) != gain_map.NAME)
    plain = replace(metadata, parts=parts)
    written = tuple((NAMES[name], _write(name, getattr(plain, name))) for name in plain.given)
    return (*written, (chunks.GAIN_MAP, chunks.pack(other))) if other else written


def read(of_file: Chunks) -> Metadata:
    """Inverse of `write`; ignores other chunks. Raises CorruptFileError."""
    described = chunks.by_name(of_file)
    try:
        metadata = Metadata(**{name: _read(name, described[chunk]) for name, chunk in NAMES.items() if chunk in described})
        if chunks.GAIN_MAP not in described:
            return metadata
        part = Part(*gain_map.NAME, chunks.unpack(described[chunks.GAIN_MAP], gain_map.NAME[1]))
        return replace(metadata, parts=(*metadata.parts, part))
    except CorruptFileError:
        raise
    except DlicError as error:
        raise CorruptFileError(f"the metadata in the file is damaged: {error}") from error


def _write(name: str, value: Any) -> bytes:
    if name == "dpi":
        return chunks.write_dpi(value)
    if name == "code_points":
        return bytes([value.primaries, value.transfer, value.matrix, value.full_range])
    if name == "text":
        return chunks.pack(chunks.write_text(value))
    if name == "parts":
        return chunks.pack(chunks.write_parts([(part.format, part.name, part.data) for part in value]))
    return chunks.pack(value)


def _read(name: str, data: bytes) -> Any:
    if name == "dpi":
        return chunks.read_dpi(data)
    if name == "code_points":
        if len(data) != 4:
            raise CorruptFileError(f"the colours in the file have {len(data)} code points, not 4")
        return CodePoints(*data)
    unpacked = chunks.unpack(data, LABELS[name])
    if name == "text":
        return chunks.read_text(unpacked)
    return tuple(Part(*part) for part in chunks.read_parts(unpacked)) if name == "parts" else unpacked
