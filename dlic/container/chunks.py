"""The chunks of a .dlic file: names, layouts and packing. A reader may skip those whose name begins with a small letter.

    Exac   blocks that are stored exactly (`container.exact_layer`), which a reader pastes over the picture of the network
    gray   nothing: the picture is gray. It is coded as RGB, which is what a reader that skips this shows
    alph   method 1, then the transparency of every pixel, 0 (clear) … 255 (opaque)
               0   one value for all of them, 1 byte
               1   the stream of a lossless file of the picture's size, of one channel of 8 bits
               2   the stream of a wavelet file of the picture's size, of one component
           Colours under alpha 0 are whatever was cheap to code
    iccp   packed: ICC profile, of the colours as they are coded; none is sRGB
    exif   packed: EXIF as a TIFF structure, without "Exif" in front. The pixels are upright: its orientation, if any, is 1
    xmp    packed: XMP packet (the name ends with a space, as the next)
    dpi    pixels per inch across and down in thousandths, 4 bytes each, big-endian
    text   packed: keyword and text in turns, each as varint length and UTF-8; keywords are those of PNG, 1 … 79 bytes of Latin-1
    cicp   what the samples mean by ITU-T H.273, before iccp: primaries, transfer, matrix, full range, 1 byte each
    iptc   packed: Photoshop's image resources (8BIM), which hold IPTC
    part   packed: chunks of PNG and segments of JPEG that mean nothing elsewhere: format, name and data in turns, each as varint
           length and bytes
    gmap   packed: the gain map of the picture, a JPEG file, which JPEG files hold behind theirs
    thum   a WebP file of at most 256 × 256 pixels: a preview that shows without the network
    srch   method 1, then 32 bytes: SHA-256 of the source's upright pixels (`formats.source_hash` says of which bytes)

    packed: method 1 (0 as it is, 1 zlib), then the data, of at most 16 MiB

Each stands at most once in a file. Methods a reader does not know are errors, so that new ones need new names.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence

from dlic.container.format import EXACT_BLOCKS, Chunks
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError, DlicError

GRAY, ALPHA, ICC, EXIF, XMP, DPI, TEXT, THUMBNAIL = b"gray", b"alph", b"iccp", b"exif", b"xmp ", b"dpi ", b"text", b"thum"
SOURCE, CODE_POINTS, IPTC, PARTS, GAIN_MAP = b"srch", b"cicp", b"iptc", b"part", b"gmap"
KNOWN = (EXACT_BLOCKS, GRAY, ALPHA, ICC, EXIF, XMP, DPI, TEXT, THUMBNAIL, SOURCE, CODE_POINTS, IPTC, PARTS, GAIN_MAP)
STORED, DEFLATED = 0, 1
MAX_UNPACKED = 1 << 24
DPI_UNIT = 1000
MAX_TEXTS = 10_000


def by_name(chunks: Chunks) -> dict[bytes, bytes]:
    """The chunks described here, by name. Raises CorruptFileError for a chunk that occurs twice."""
    described = {name: data for name, data in chunks if name in KNOWN}
    if len(described) < sum(name in KNOWN for name, _ in chunks):
        raise CorruptFileError("the file has an optional chunk twice")
    return described


def pack(data: bytes) -> bytes:
    """Packs data, deflated if that is smaller. Raises DlicError for more than MAX_UNPACKED bytes."""
    if len(data) > MAX_UNPACKED:
        raise DlicError(
            f"{len(data):,} bytes of metadata are more than the {MAX_UNPACKED:,} a .dlic file holds; --strip leaves them out"
        )
    deflated = zlib.compress(data, 9)
    return bytes([DEFLATED]) + deflated if len(deflated) < len(data) else bytes([STORED]) + data


def unpack(packed: bytes, what: str) -> bytes:
    """Inverse of `pack`; takes no more memory than MAX_UNPACKED. Raises CorruptFileError."""
    if packed[:1] == bytes([STORED]) and len(packed) <= MAX_UNPACKED + 1:
        return packed[1:]
    if packed[:1] != bytes([DEFLATED]):
        raise CorruptFileError(f"the {what} in the file is packed in a way this dlic does not know")
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(packed[1:], MAX_UNPACKED)
    except zlib.error as error:
        raise CorruptFileError(f"the {what} in the file is damaged: {error}") from error
    if not inflate.eof or inflate.unused_data:
        raise CorruptFileError(f"the {what} in the file is damaged or has more than {MAX_UNPACKED:,} bytes")
    return data


def write_dpi(dpi: tuple[float, float]) -> bytes:
    return struct.pack(">II", *(max(1, round(value * DPI_UNIT)) for value in dpi))


def read_dpi(data: bytes) -> tuple[float, float]:
    """Inverse of `write_dpi`. Raises CorruptFileError."""
    if len(data) != 8:
        raise CorruptFileError(f"the resolution in the file has {len(data)} bytes, not 8")
    across, down = struct.unpack(">II", data)
    return across / DPI_UNIT, down / DPI_UNIT


def write_text(text: Mapping[str, str]) -> bytes:
    """Texts by keyword → chunk data. Raises DlicError for characters that UTF-8 cannot hold, and for more bytes than a reader
    takes.
    """
    if len(text) > MAX_TEXTS:
        raise DlicError(f"{len(text):,} texts are more than the {MAX_TEXTS:,} of a .dlic file; --strip text leaves them out")
    try:
        parts = [part.encode() for pair in text.items() for part in pair]
    except UnicodeEncodeError as error:
        raise DlicError("a text has half of a surrogate pair, which UTF-8 cannot hold") from error
    return b"".join(write_varint(len(part)) + part for part in parts)


def read_text(data: bytes) -> dict[str, str]:
    """Inverse of `write_text`. Raises CorruptFileError."""
    reader, parts = Reader(data), list[str]()
    try:
        while reader.position < len(data) and len(parts) <= 2 * MAX_TEXTS:
            parts.append(reader.take(read_varint(reader)).decode())
    except UnicodeDecodeError as error:
        raise CorruptFileError("the text in the file is damaged: it is no UTF-8") from error
    if len(parts) % 2 or len(parts) > 2 * MAX_TEXTS:
        raise CorruptFileError("the text in the file is damaged: keywords and texts do not come in pairs")
    return dict(zip(parts[::2], parts[1::2], strict=True))


def write_parts(parts: Sequence[tuple[str, str, bytes]]) -> bytes:
    """Format, name and data of each part → chunk data. Raises DlicError for more than a reader takes."""
    if len(parts) > MAX_TEXTS:
        raise DlicError(f"{len(parts):,} parts are more than the {MAX_TEXTS:,} of a .dlic file; --strip other leaves them out")
    fields = [field for form, name, data in parts for field in (form.encode(), name.encode(), data)]
    return b"".join(write_varint(len(field)) + field for field in fields)


def read_parts(data: bytes) -> list[tuple[str, str, bytes]]:
    """Inverse of `write_parts`. Raises CorruptFileError."""
    reader, fields = Reader(data), list[bytes]()
    while reader.position < len(data) and len(fields) <= 3 * MAX_TEXTS:
        fields.append(reader.take(read_varint(reader)))
    if len(fields) % 3 or len(fields) > 3 * MAX_TEXTS:
        raise CorruptFileError("the parts in the file are damaged: they do not come in threes")
    try:
        return [(fields[i].decode(), fields[i + 1].decode(), fields[i + 2]) for i in range(0, len(fields), 3)]
    except UnicodeDecodeError as error:
        raise CorruptFileError("the parts in the file are damaged: a name is no UTF-8") from error
