"""Boxes of AVIF and HEIF files: colours, light levels, gain maps and other pictures next to the one that is read."""

import struct
from dataclasses import dataclass, field

from dlic.images.colours.code_points import CodePoints
from dlic.images.metadata import Metadata, Part, aspect
from dlic.images.sources.boxes import Box, boxes, first
from dlic.images.sources.found import Found

PICTURES = {"av01", "hvc1", "grid", "iovl", "iden", "tmap", "jpeg", "avc1", "unci", "j2k1", "hvt1"}  # types of items
AUXILIARY = {  # by the end of their names; alpha is read
    "alpha": "", "auxid:1": "", "depth": "depth map", "auxid:2": "depth map", "hdrgainmap": "gain map",
}  # fmt: skip
C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
KNOWN_TYPES = {"application/rdf+xml"}  # of items of text, which Pillow reads
LIGHT_UNIT = 10_000  # of cLLI in cd/m²
SILENT = {"ftyp", "meta", "mdat", "free", "skip", "moov", "pitm", "wide"}


@dataclass
class _Items:
    """The items of a file and how they belong together."""

    primary: int = 0
    types: dict[int, str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    content_types: list[str] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=dict)
    references: list[tuple[str, int, list[int]]] = field(default_factory=list)  # kind, from, to

    def of(self, item: int) -> list[Box]:
        """The properties of an item."""
        return [self.properties[i - 1] for i in self.associations.get(item, []) if 0 < i <= len(self.properties)]


def scan(data: bytes) -> Found:
    """Statements of an AVIF or HEIF file; Pillow reads profile, EXIF and XMP."""
    meta = first(data, "meta")
    items = _items(meta)
    properties = {box.name: box.content for box in reversed(items.of(items.primary)) if box.name != "colr"}
    colours = [box.content for box in items.of(items.primary) if box.name == "colr"]
    left_out = [*_pictures(items), *_others(data, items)]
    left_out += ["clean aperture (a crop)"] if "clap" in properties else []
    pasp = properties.get("pasp", b"")
    parts = (*_light(properties), *(aspect(*reversed(struct.unpack(">II", pasp[:8]))) if len(pasp) >= 8 else ()))
    profile = next((colour[4:] for colour in colours if colour[:4] in (b"prof", b"rICC")), b"")
    metadata = Metadata(icc_profile=profile, code_points=_code_points(colours, bool(profile)), parts=parts)
    return Found(metadata, tuple(dict.fromkeys(left_out)))


def _code_points(colours: list[bytes], has_profile: bool) -> CodePoints | None:
    """The colours that nclx states; None for sRGB. Next to a profile only those of high dynamic range count."""
    nclx = next((colour[4:] for colour in colours if colour[:4] == b"nclx" and len(colour) >= 8), b"")
    if not nclx:
        return None
    primaries, transfer = struct.unpack(">HH", nclx[:4])
    if primaries > 255 or transfer > 255:
        return None
    points = CodePoints(primaries, transfer)  # the decoder has applied matrix and range
    return None if points.is_srgb or (has_profile and not points.is_high_dynamic_range) else points


def _light(properties: dict[str, bytes]) -> tuple[Part, ...]:
    """Light levels and mastering display as the chunks of PNG that say the same."""
    parts = []
    if len(clli := properties.get("clli", b"")) >= 4:
        levels = (LIGHT_UNIT * level for level in struct.unpack(">HH", clli[:4]))
        parts.append(Part("PNG", "cLLI", b"".join(level.to_bytes(4, "big") for level in levels)))
    if len(mdcv := properties.get("mdcv", b"")) >= 24:
        green, blue, red, rest = mdcv[:4], mdcv[4:8], mdcv[8:12], mdcv[12:24]
        parts.append(Part("PNG", "mDCV", red + green + blue + rest))
    return tuple(parts)


def _pictures(items: _Items) -> list[str]:
    """Names of the pictures that are neither the primary one, nor parts of it, nor its transparency or preview."""
    belonging = {items.primary}
    left_out = []
    for kind, source, targets in items.references:
        if kind == "dimg" and source == items.primary:
            belonging |= set(targets)
        elif kind == "thmb":
            belonging.add(source)
        elif kind == "auxl":
            name = _auxiliary(items, source)
            left_out += [name] if name else []
            belonging.add(source)
    for kind, source, targets in items.references:  # a gain map's picture belongs to the gain map
        if kind == "dimg" and (source in belonging or items.types.get(source) == "tmap"):
            belonging |= set(targets)
    others = [item for item, kind in items.types.items() if kind in PICTURES and item not in belonging]
    left_out += ["gain map"] if any(items.types[item] == "tmap" for item in others) else []
    further = [item for item in others if items.types[item] != "tmap" and item not in items.hidden]
    return left_out + ([f"{len(further)} further pictures" if len(further) > 1 else "a further picture"] if further else [])


def _auxiliary(items: _Items, item: int) -> str:
    """The name of a picture that goes with the primary one; empty for transparency."""
    named = next((box.content[4:].split(b"\0")[0].decode("latin-1") for box in items.of(item) if box.name == "auxC"), "")
    return next((name for end, name in AUXILIARY.items() if named.endswith(end)), f"auxiliary picture {named}")


def _others(data: bytes, items: _Items) -> list[str]:
    """Names of further boxes and of items that are no pictures."""
    left_out = [f"item of type {kind}" for kind in items.content_types if kind not in KNOWN_TYPES]
    for box in boxes(data):
        if box.name == "uuid":
            left_out.append("C2PA manifest" if box.content.startswith(C2PA) else "uuid box")
        elif box.name not in SILENT:
            left_out.append(f"box {box.name}")
    return left_out


# --- the meta box -------------------------------------------------------------------------------------------------------


def _items(meta: bytes) -> _Items:
    items = _Items()
    for box in boxes(meta):
        if box.name == "pitm":
            items.primary = int.from_bytes(box.content[4 : 8 if box.content[:1] == b"\1" else 6], "big")
        elif box.name == "iinf":
            _take_infos(items, box.content)
        elif box.name == "iref":
            _take_references(items, box.content)
        elif box.name == "iprp":
            items.properties = list(boxes(first(box.content, "ipco")))
            for associations in [inner.content for inner in boxes(box.content) if inner.name == "ipma"]:
                _take_associations(items, associations)
    return items


def _take_infos(items: _Items, content: bytes) -> None:
    for box in boxes(content, 6 if content[:1] == b"\0" else 8):
        if box.name != "infe" or box.content[:1] not in (b"\2", b"\3"):
            continue
        size = 2 if box.content[:1] == b"\2" else 4
        item = int.from_bytes(box.content[4 : 4 + size], "big")
        kind = box.content[6 + size : 10 + size].decode("latin-1")
        items.types[item] = kind
        if box.content[3] & 1:
            items.hidden.add(item)
        if kind == "mime":
            _, _, rest = box.content[10 + size :].partition(b"\0")
            items.content_types.append(rest.split(b"\0")[0].decode("latin-1"))
        elif kind == "uri ":
            items.content_types.append("uri")


def _take_references(items: _Items, content: bytes) -> None:
    size = 2 if content[:1] == b"\0" else 4
    for box in boxes(content, 4):
        numbers = [int.from_bytes(box.content[i : i + size], "big") for i in (0, *range(size + 2, len(box.content), size))]
        items.references.append((box.name, numbers[0], numbers[1:]))


def _take_associations(items: _Items, content: bytes) -> None:
    size, wide = 2 if content[:1] == b"\0" else 4, bool(content[3] & 1)
    position = 8
    while position + size < len(content):
        item, count = int.from_bytes(content[position : position + size], "big"), content[position + size]
        position += size + 1
        step = 2 if wide else 1
        numbers = [int.from_bytes(content[position + i * step : position + (i + 1) * step], "big") for i in range(count)]
        items.associations.setdefault(item, []).extend(number & (0x7FFF if wide else 0x7F) for number in numbers)
        position += count * step
