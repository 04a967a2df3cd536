"""The chunks of a progressive picture (kind 7), whose stream is empty: `Base` with the first layer, and `Fine` with the second.

    Base    kind    1       0 one unit, 1 tiles
            level   1       of the first layer; that of the header is the level of both
            side    varint  of tiles, if there are any
            and what both layers have
    Fine    tables  4       first bytes of the SHA-256 of the tables
            and what both layers have:
    both    count   varint  parts, 1 … 64
            finer   1 each  of each tile: steps next to another tile are 2^(−finer / 64) as large as others
            crc     4       CRC-32 of the file's header and of all above
            then of each part, of each tile, row by row
              length varint bytes of its stream
              crc    4      CRC-32 of its symbols as little-endian int32, continued from that of the part before it: in `Fine` from
                            that of the first layer's last part
              stream

The last of both may end behind any stream: the rest is left out, and the picture is coarser.
"""

from dataclasses import dataclass, replace

from dlic.container.chunks import ALPHA, CODE_POINTS, GRAY, ICC, THUMBNAIL
from dlic.container.format import BASE, EXACT_BLOCKS, FINE, PROGRESSIVE, Chunks, Container
from dlic.container.layers import FirstLayerData, SecondLayerData, read_base, read_fine, write_base, write_fine
from dlic.errors import CorruptFileError

CHANGING = (GRAY, ALPHA, EXACT_BLOCKS)  # what a picture shows
FIRST_ALONE = 4  # the reduction from which on a picture is that of its first layer
FRONT = (THUMBNAIL, GRAY, CODE_POINTS, ICC, EXACT_BLOCKS, ALPHA)  # chunks before the layers, in this order


@dataclass(frozen=True)
class Layers:
    """Both layers of a picture, as far as they are there."""

    first: FirstLayerData
    second: SecondLayerData | None

    @property
    def streams(self) -> int:
        """Streams of both layers that are there."""
        return len(self.first.parts) + (len(self.second.parts) if self.second else 0)

    def beginning(self, streams: int) -> "Layers":
        """The layers with so many streams, of those that are there."""
        rest, second = max(0, streams - len(self.first.parts)), self.second
        first = replace(self.first, parts=self.first.parts[:streams])
        return Layers(first, replace(second, parts=second.parts[:rest]) if second and rest else None)

    def at(self, reduction: int) -> "Layers":
        """The layers that a reduced picture (`pixels.reduction`) is made of. Averages hide most of what the second layer adds, and
        it takes as long to decode as the first.
        """
        return self if reduction < FIRST_ALONE else Layers(self.first, None)


def assembled(picture: Container, layers: Layers) -> Container:
    """A progressive picture: chunks that a reader needs for a first look come first. `picture`: its header and other chunks."""
    picture = replace(picture, kind=PROGRESSIVE, stream=b"", symbols_crc=layers.first.symbols_crc)
    early = tuple(chunk for name in FRONT for chunk in picture.chunks if chunk[0] == name)
    late = tuple(chunk for chunk in picture.chunks if chunk[0] not in FRONT)
    return replace(picture, chunks=(*early, *_written(layers, picture), *late))


def with_layers(picture: Container, layers: Layers) -> Container:
    """A progressive picture with other layers in the place of its own."""
    names = [name for name, _ in picture.chunks]
    before, behind = picture.chunks[: names.index(BASE)], tuple(chunk for chunk in picture.chunks if chunk[0] not in (BASE, FINE))
    return replace(picture, chunks=(*before, *_written(layers, picture), *behind[len(before) :]))


def _written(layers: Layers, picture: Container) -> Chunks:
    fine = () if layers.second is None else ((FINE, write_fine(layers.second, picture)),)
    return ((BASE, write_base(layers.first, picture)), *fine)


def layers_of(picture: Container) -> Layers:
    """The layers of a whole file. Raises CorruptFileError."""
    chunks = dict(picture.chunks)
    if BASE not in chunks:
        raise CorruptFileError("the file ends before its first layer, or has lost it")
    first = read_base(chunks[BASE], picture)
    if FINE not in chunks:
        return Layers(first, None)
    if not first.complete:
        raise CorruptFileError("the first layer is not whole, but there is a second one")
    return Layers(first, read_fine(chunks[FINE], picture, len(first.finer)))


def check_order(chunks: Chunks) -> None:
    """Raises CorruptFileError for layers that occur twice or in another order, and for chunks behind `Base` that change pixels: a
    reader of a beginning would show a wrong picture.
    """
    names = [name for name, _ in chunks]
    if names.count(BASE) > 1 or names.count(FINE) > 1:
        raise CorruptFileError("the file has a layer twice")
    base = names.index(BASE) if BASE in names else len(names)
    if FINE in names[: base + 1] or (FINE in names and names[base + 1] != FINE):
        raise CorruptFileError("the second layer of the file does not follow the first")
    if late := [name for name in names[base:] if name in CHANGING]:
        raise CorruptFileError(f"chunk {late[0].decode()!r} stands behind the first layer, which needs it")
