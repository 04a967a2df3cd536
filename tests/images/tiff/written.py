"""Writes TIFF files of every layout, for tests: bits, interpretation, planes, predictor, byte order, tiles, codec."""

import itertools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = 0, 1, 2, 3
NONE, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773
SIZE = (19, 21)  # no multiple of a tile or a byte
FORMS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h"}


@dataclass(frozen=True)
class Layout:
    """One cell of the matrix."""

    bits: int = 8
    photometric: int = BLACK_IS_ZERO
    extra: tuple[int, ...] = ()  # ExtraSamples
    planar: bool = False
    predictor: bool = False
    order: str = "<"
    tiled: bool = False
    codec: int = NONE
    fill_order: int = 1
    rows: int = 8  # of a strip
    tags: dict = field(default_factory=dict, hash=False, compare=False)

    @property
    def samples(self) -> int:
        return (3 if self.photometric == RGB else 1) + len(self.extra)

    def __str__(self) -> str:
        parts = [f"{self.bits} bits", ("white is 0", "black is 0", "RGB", "palette")[self.photometric], f"extra {self.extra}"]
        names = {NONE: "raw", LZW: "LZW", DEFLATE: "deflate", PACKBITS: "PackBits"}
        parts += ["planar" * self.planar, "predictor" * self.predictor, {"<": "II", ">": "MM"}[self.order], "tiled" * self.tiled]
        return " ".join(filter(None, [*parts, names[self.codec], "reversed" * (self.fill_order == 2)]))


def matrix() -> Iterator[Layout]:
    """Every combination that TIFF allows, of those that change how samples are stored."""
    kinds = [(WHITE_IS_ZERO, ()), (BLACK_IS_ZERO, ()), (BLACK_IS_ZERO, (2,)), (BLACK_IS_ZERO, (1,)), (PALETTE, ()),
             (RGB, ()), (RGB, (2,)), (RGB, (1,)), (RGB, (0,)), (RGB, (0, 2))]  # fmt: skip
    stores = itertools.product((1, 2, 4, 8, 12, 16), kinds, (False, True), "<>", (False, True), (NONE, LZW, DEFLATE, PACKBITS))
    for bits, (photometric, extra), planar, order, tiled, codec in stores:
        layout = Layout(bits, photometric, extra, planar, False, order, tiled, codec)
        if (photometric == PALETTE and bits > 8) or (planar and layout.samples == 1):
            continue
        yield layout
        if codec in (LZW, DEFLATE) and bits in (8, 16) and photometric != PALETTE:
            yield replace(layout, predictor=True)
        if codec == NONE and not tiled:
            yield replace(layout, fill_order=2)


def stored_samples(layout: Layout, seed: int = 0) -> np.ndarray:
    """Random samples (H, W, samples) of a layout; colours never exceed an alpha that they are multiplied by."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 1 << layout.bits, (*SIZE, layout.samples))
    if 1 in layout.extra:
        alpha = layout.samples - len(layout.extra) + layout.extra.index(1)
        samples = np.where(np.arange(layout.samples) == alpha, samples, np.minimum(samples, samples[..., alpha : alpha + 1]))
    return samples.astype(np.uint16)


def written(layout: Layout, samples: np.ndarray) -> bytes:
    """The file of stored samples (H, W, samples)."""
    height, width, count = samples.shape
    planes = [samples[..., i : i + 1] for i in range(count)] if layout.planar else [samples]
    tile = (16, 16) if layout.tiled else (layout.rows, width)
    segments = [
        _coded(plane[y : y + tile[0], x : x + tile[1]], layout, tile)
        for plane in planes for y in range(0, height, tile[0]) for x in range(0, width, tile[1])
    ]  # fmt: skip
    starts = np.cumsum([8, *map(len, segments)]).tolist()
    tags = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [layout.bits] * count), 259: (3, [layout.codec]),
        262: (3, [layout.photometric]), 266: (3, [layout.fill_order]), 277: (3, [count]), 284: (3, [2 if layout.planar else 1]),
        324 if layout.tiled else 273: (4, starts[:-1]), 325 if layout.tiled else 279: (4, [len(part) for part in segments]),
        **({322: (3, [16]), 323: (3, [16])} if layout.tiled else {278: (4, [layout.rows])}),
        **({317: (3, [2])} if layout.predictor else {}), **({338: (3, list(layout.extra))} if layout.extra else {}),
        **({320: (3, colour_map(layout.bits).ravel().tolist())} if layout.photometric == PALETTE else {}), **layout.tags,
    }  # fmt: skip
    return file_of(b"".join(segments), tags, layout.order)


def colour_map(bits: int) -> np.ndarray:
    """(3, entries) of 8 bits, as most writers scale them to 16."""
    return np.random.default_rng(bits).integers(0, 256, (3, 1 << bits)) * 257


def file_of(data: bytes, tags: dict, order: str) -> bytes:
    """A TIFF file of one directory, which stands behind `data` at 8; tags are types with lists of numbers, or bytes."""
    body = b"\0" * 0 + data + bytes(len(data) % 2)
    start = 8 + len(body)
    heap, heap_at, entries = b"", start + 2 + 12 * len(tags) + 4, b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{FORMS[kind]}", *values)
        count = len(packed) // {5: 8, 12: 8}.get(kind, struct.calcsize(FORMS.get(kind, "B")))
        field = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(f"{order}I", heap_at + len(heap))
        heap += packed + bytes(len(packed) % 2) if len(packed) > 4 else b""
        entries += struct.pack(f"{order}HHI", tag, kind, count) + field
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", start)
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + heap


def _coded(part: np.ndarray, layout: Layout, tile: tuple[int, int]) -> bytes:
    """One strip or tile; tiles are filled up."""
    if layout.tiled:
        part = np.pad(part, [(0, tile[0] - part.shape[0]), (0, tile[1] - part.shape[1]), (0, 0)])
    if layout.predictor:
        part = np.diff(part, axis=1, prepend=0) % (1 << layout.bits)
    rows = part.reshape(part.shape[0], -1)
    if layout.bits in (8, 16):
        data = rows.astype("u1" if layout.bits == 8 else f"{layout.order}u2").tobytes()
    else:
        bits = rows[..., None] >> np.arange(layout.bits - 1, -1, -1) & 1
        data = np.packbits(bits.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()
    encode = {NONE: bytes, DEFLATE: zlib.compress, LZW: _lzw, PACKBITS: _packbits}[layout.codec]
    coded = encode(data)
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in coded) if layout.fill_order == 2 else coded


def _packbits(data: bytes) -> bytes:
    """Literal runs alone, which every reader of PackBits takes."""
    return b"".join(bytes([len(data[i : i + 128]) - 1]) + data[i : i + 128] for i in range(0, len(data), 128))


def _lzw(data: bytes) -> bytes:
    """TIFF's LZW, codes of 9 … 12 bits, high bits first."""
    table, bits, width, word = {bytes([i]): i for i in range(256)}, [f"{256:09b}"], 9, b""
    size = 258
    for byte in data:
        longer = word + bytes([byte])
        if longer in table:
            word = longer
            continue
        bits.append(f"{table[word]:0{width}b}")
        table[longer], size, word = size, size + 1, bytes([byte])
        width = 9 + (size > 511) + (size > 1023) + (size > 2047)
        if size == 4094:
            bits.append(f"{256:0{width}b}")
            table, width, size = {bytes([i]): i for i in range(256)}, 9, 258
    if word:
        bits.append(f"{table[word]:0{width}b}")
        width = 9 + (size + 1 > 511) + (size + 1 > 1023) + (size + 1 > 2047)
    text = "".join([*bits, f"{257:0{width}b}"])
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
