"""The tags of TIFF files: descriptive ones become EXIF, byte by byte; others are profile, XMP, IPTC, resolution and colours."""

import struct
from dataclasses import dataclass, field

import numpy as np

from dlic.images import photoshop
from dlic.images.colours import icc
from dlic.images.colours.code_points import PRIMARIES, SRGB_CURVE, Floats, Primaries, power_with_toe
from dlic.images.metadata import SIDEWAYS, Metadata, aspect, is_dpi
from dlic.images.sources.found import Found
from dlic.images.tiff.directory import LONG, Directory, Entry, first_directory, read_directory

EXIF_DIRECTORY, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
SUB_DIRECTORIES = (EXIF_DIRECTORY, GPS, INTEROPERABILITY)
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, SUB_PICTURES = 274, 282, 283, 296, 330
TRANSFER_FUNCTION, WHITE_POINT, CHROMATICITIES, REFERENCE_BLACK_WHITE, SAMPLES_PER_PIXEL = 301, 318, 319, 532, 277
XMP, IPTC, PHOTOSHOP, ICC_PROFILE, PHOTOSHOP_LAYERS, DNG_VERSION = 700, 33723, 34377, 34675, 37724, 50706
NAMES = {  # tags that are left out, with the names for messages
    SUB_PICTURES: "sub-pictures", PHOTOSHOP_LAYERS: "Photoshop layers", DNG_VERSION: "raw picture (DNG)",
    290: "gray response curve", 291: "gray response curve", 333: "ink names",
}  # fmt: skip
# Tags that describe how the file holds the picture, and those that become fields of Metadata of their own.
STRUCTURAL = frozenset([
    *range(254, 260), 262, *range(263, 267), 273, ORIENTATION, *range(277, 285), *range(288, 294), RESOLUTION_UNIT,
    TRANSFER_FUNCTION, 317, WHITE_POINT, CHROMATICITIES, *range(320, 333), 334, 336, *range(338, 348), 351, *range(512, 522),
    *range(529, 533), XMP, IPTC, PHOTOSHOP, ICC_PROFILE, *NAMES, *range(50706, 51200), 559, 33421, 33422,
])  # fmt: skip
BIG_TYPES = {16: LONG, 18: LONG}  # of BigTIFF, which EXIF does not have
UNIT_NONE, UNIT_INCH, UNIT_CENTIMETRE = 1, 2, 3
MAX_DEPTH, MAX_PICTURES = 4, 10_000


@dataclass
class _Writer:
    """Builds a TIFF structure of directories; every value stands behind its directory."""

    order: str
    data: bytearray = field(default_factory=bytearray)

    def directory(self, entries: dict[int, Entry | dict[int, Entry | dict]]) -> int:  # type: ignore[type-arg]
        """Appends a directory, and those below it; returns its offset."""
        self.data += bytes(len(self.data) % 2)
        start = len(self.data)
        self.data += struct.pack(self.order + "H", len(entries)) + bytes(12 * len(entries) + 4)
        for i, (tag, entry) in enumerate(sorted(entries.items())):
            if isinstance(entry, dict):
                kind, count, value = LONG, 1, struct.pack(self.order + "I", self.directory(entry))
            else:
                kind, count, value = entry.kind, entry.count, entry.data
            if len(value) > 4:
                self.data += bytes(len(self.data) % 2)
                value, long = struct.pack(self.order + "I", len(self.data)), value
                self.data += long
            struct.pack_into(self.order + "HHI4s", self.data, start + 2 + 12 * i, tag, kind, count, value.ljust(4, b"\0"))
        return start


def scan(data: bytes) -> Found:
    """Statements of a TIFF file's first directory. Orientation has turned the pixels and is not among them."""
    directory = first_directory(data)
    if directory is None:
        return Found(left_out=("tags that are damaged",))
    profile, left_out = _profile(directory)
    exif, damaged = _exif(data, directory)
    left_out += damaged + [name for tag, name in NAMES.items() if tag in directory.entries]
    across, down, unit = _resolution(directory)
    dpi = (across, down) if unit and is_dpi((across, down)) else None
    metadata = Metadata(
        icc_profile=profile,
        exif=exif,
        xmp=_bytes(directory, XMP),
        dpi=dpi,
        iptc=_iptc(directory),
        parts=() if unit or not across or not down else aspect(round(across * 1000), round(down * 1000)),
    )
    return Found(metadata, tuple(dict.fromkeys(left_out)))


def pages(data: bytes) -> int:
    """The number of directories that follow each other in a TIFF file."""
    directory, count, seen = first_directory(data), 0, set[int]()
    while directory is not None and directory.entries and count < MAX_PICTURES:
        count += 1
        if not directory.link or directory.link in seen:
            break
        seen.add(directory.link)
        directory = read_directory(data, directory.order, directory.link, data[2:4] in (b"\x2b\0", b"\0\x2b"))
    return max(count, 1)


def _bytes(directory: Directory, tag: int) -> bytes:
    entry = directory.entries.get(tag)
    return entry.data if entry else b""


def _resolution(directory: Directory) -> tuple[float, float, int]:
    """Pixels an inch across and down, of the upright picture, and 1; or their relation, and 0 where the file states no unit."""
    across, down = ((*directory.numbers(tag), 0.0)[0] for tag in (X_RESOLUTION, Y_RESOLUTION))
    if directory.number(ORIENTATION, 1) in SIDEWAYS:
        across, down = down, across
    unit = directory.number(RESOLUTION_UNIT, UNIT_INCH)
    factor = 2.54 if unit == UNIT_CENTIMETRE else 1.0
    return across * factor, down * factor, int(unit != UNIT_NONE)


def _iptc(directory: Directory) -> bytes:
    """Photoshop's resources, with the IPTC of its own tag if they have none."""
    blocks = photoshop.without_previews(_bytes(directory, PHOTOSHOP))
    return blocks if photoshop.iptc_of(blocks) else blocks + photoshop.of_iptc(_bytes(directory, IPTC))


def _exif(data: bytes, directory: Directory) -> tuple[bytes, list[str]]:
    """The descriptive tags as EXIF, empty where there are none; and a name for damaged ones."""
    entries, whole = _descriptive(data, directory, STRUCTURAL, 0)
    if not entries:
        return b"", [] if whole else ["tags that are damaged"]
    writer = _Writer(
        directory.order, bytearray({"<": b"II*\0", ">": b"MM\0*"}[directory.order] + struct.pack(directory.order + "I", 8))
    )
    writer.directory(entries)
    return bytes(writer.data), [] if whole else ["tags that are damaged"]


def _descriptive(data: bytes, directory: Directory, without: frozenset[int], depth: int) -> tuple[dict, bool]:  # type: ignore[type-arg]
    """Entries and sub-directories by tag, and whether none is damaged."""
    entries: dict[int, Entry | dict] = {}  # type: ignore[type-arg]
    whole = directory.complete
    for tag, entry in directory.entries.items():
        if tag in without:
            continue
        if tag in SUB_DIRECTORIES and depth < MAX_DEPTH:
            below, below_whole = _below(data, directory, tag, depth)
            entries |= {tag: below} if below else {}
            whole &= below_whole
        elif entry.kind in BIG_TYPES:
            numbers = [min(int(number), 0xFFFFFFFF) for number in directory.numbers(tag)]
            entries[tag] = Entry(BIG_TYPES[entry.kind], entry.count, struct.pack(f"{directory.order}{len(numbers)}I", *numbers))
        else:
            entries[tag] = entry
    return entries, whole


def _below(data: bytes, directory: Directory, tag: int, depth: int) -> tuple[dict, bool]:  # type: ignore[type-arg]
    start, big = directory.number(tag, 0), data[2:4] in (b"\x2b\0", b"\0\x2b")
    return _descriptive(data, read_directory(data, directory.order, start, big), frozenset(), depth + 1)


# --- colours ------------------------------------------------------------------------------------------------------------


def _profile(directory: Directory) -> tuple[bytes, list[str]]:
    """The ICC profile of a file, or the one that its white, primaries and transfer function describe; and what is left out."""
    left_out = ["reference black and white"] if _unusual_reference(directory) else []
    if profile := _bytes(directory, ICC_PROFILE):
        return profile, left_out
    tables, gray = directory.numbers(TRANSFER_FUNCTION), directory.number(SAMPLES_PER_PIXEL, 1) < 3
    numbers = (*directory.numbers(WHITE_POINT), *directory.numbers(CHROMATICITIES))
    primaries = _primaries(numbers)
    if not tables and (gray or primaries is None):
        return b"", left_out + (["white point or primaries"] if numbers and not gray else [])
    channels = 1 if gray or len(tables) % 3 else 3
    curves = np.array(tables or [0], float).reshape(channels if tables else 1, -1)
    if tables and (curves.shape[1] < 2 or not np.array_equal(curves.min(axis=0), curves.max(axis=0))):
        return b"", [*left_out, "transfer function"]
    curve = curves[0] / 65535

    def transfer(code: Floats) -> Floats:
        return np.interp(code, np.linspace(0, 1, len(curve)), curve)

    return icc.of_curve(transfer if tables else power_with_toe(SRGB_CURVE), primaries or PRIMARIES[1], gray), left_out


def _primaries(numbers: tuple[float, ...]) -> Primaries | None:
    if len(numbers) != 8 or not all(0 <= number <= 1 for number in numbers) or numbers[1] <= 0:
        return None
    white, red, green, blue = ((numbers[i], numbers[i + 1]) for i in (0, 2, 4, 6))
    area = (green[0] - red[0]) * (blue[1] - red[1]) - (blue[0] - red[0]) * (green[1] - red[1])
    return Primaries(white, red, green, blue) if abs(area) > 1e-4 else None


def _unusual_reference(directory: Directory) -> bool:
    """Whether the file says that black and white are not the ends of the range; Pillow's and libtiff's readers differ there."""
    numbers = directory.numbers(REFERENCE_BLACK_WHITE)
    return len(numbers) == 6 and numbers not in ((0, 255, 128, 255, 128, 255), (0, 255, 0, 255, 0, 255))
