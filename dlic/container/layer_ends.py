"""Where the layers of a progressive file end, and their parts."""

from dataclasses import dataclass, replace

from dlic.container.chunks import THUMBNAIL
from dlic.container.format import BASE, FINE, Container, write, write_chunk
from dlic.container.layers import LayerData, entry
from dlic.container.progressive import layers_of


@dataclass(frozen=True, kw_only=True)
class LayerEnd:
    """A thumbnail, or a part of a layer, and where it ends."""

    name: str
    level: int | None  # of what a reader shows when the layer is whole
    size: int  # bytes of its own
    at: int  # bytes of the file up to its end


def ends_of_layers(picture: Container) -> list[LayerEnd]:
    """The thumbnail and the parts of both layers, as far as they are there. Raises CorruptFileError."""
    ends, at, layers = list[LayerEnd](), len(write(replace(picture, chunks=()))), layers_of(picture)
    for name, data in picture.chunks:
        start, at = at, at + len(write_chunk(name, data))
        if name == THUMBNAIL:
            ends.append(LayerEnd(name="thumbnail", level=None, size=at - start, at=at))
        elif name == BASE:
            ends += _ends(layers.first, "first", layers.first.level, at)
        elif name == FINE and layers.second is not None:
            ends += _ends(layers.second, "second", picture.level, at)
    return ends


def _ends(layer: LayerData, name: str, level: int, end: int) -> list[LayerEnd]:
    """Of a layer whose chunk ends at `end`."""
    tiles, ends, sizes = len(layer.finer), list[LayerEnd](), [len(entry(part)) for part in layer.parts]
    at = end - 4 - sum(sizes)
    for number in range(-(-len(sizes) // tiles)):
        size = sum(sizes[number * tiles : (number + 1) * tiles])
        at += size
        ends.append(LayerEnd(name=f"part {number + 1} of {layer.count} of the {name} layer", level=level, size=size, at=at))
    return ends
