"""Shared parts of all kinds of .dlic files: description from the container, gray and transparency from chunks."""

from abc import abstractmethod
from typing import Any

from numpy.typing import NDArray

from dlic.container.chunks import ALPHA, GRAY, by_name
from dlic.container.format import KIND_AT, MAGIC, VERSION, Container, check_no_coder, check_no_exact_blocks, read, read_beginning
from dlic.entropy.byte_reader import Field, Reader
from dlic.formats import metadata_chunks
from dlic.formats.channels import unite
from dlic.formats.kind import Description, Kind
from dlic.formats.reading import Reading, ReadResult
from dlic.images.files import ImageFile
from dlic.progress import Progress, no_progress
from dlic.runtime.timing import timed

COLOURS = {1: "gray", 2: "gray and alpha", 3: "RGB", 4: "RGB and alpha"}  # by channels


class ContainerKind(Kind):
    """A kind of .dlic file: a coded picture with gray and transparency in chunks, where its codec does not hold them itself."""

    endings = (".dlic",)
    numbers: tuple[int, ...]  # its values of the header's field `kind`

    def recognise(self, data: bytes) -> bool:
        return data.startswith(MAGIC) and data[KIND_AT : KIND_AT + 1] in [bytes([number]) for number in self.numbers]

    def describe(self, data: bytes) -> Description:
        return self.describe_container(data, read(data))

    def describe_beginning(self, data: bytes) -> Description:
        return self.describe_container(data, read_beginning(data)[0])

    def describe_container(self, data: bytes, container: Container) -> Description:
        self.check_coder(container)
        self.check_chunks(container)
        return Description(
            kind=self,
            data=data,
            file_type=f".dlic version {VERSION}",
            width=container.width,
            height=container.height,
            channels=self.channels(container),
            depth=self.depth(container),
            metadata=metadata_chunks.read(container.chunks),
            container=container,
            in_parts=self.is_in_parts(container),
        )

    def check_coder(self, container: Container) -> None:
        """Raises CorruptFileError for an entropy coder that files of this kind do not have."""
        check_no_coder(container)

    def check_chunks(self, container: Container) -> None:
        """Raises CorruptFileError for chunks that files of this kind do not have."""
        check_no_exact_blocks(container)

    def channels(self, container: Container) -> int:
        chunks = by_name(container.chunks)
        return (1 if GRAY in chunks else 3) + (ALPHA in chunks)

    def depth(self, container: Container) -> int:
        return 8

    def is_in_parts(self, container: Container) -> bool:
        return False


class WholeKind(ContainerKind):
    """A kind whose pictures are decoded as a whole, also where a crop or a smaller picture is asked for."""

    @abstractmethod
    def decode(self, described: Description, reading: Reading) -> tuple[NDArray[Any], dict[str, float]]:
        """The coded picture without its chunks, and seconds by stage."""

    def read(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        described.check_size(reading.max_pixels)  # before anything is allocated for it
        reading.part_of(described.width, described.height)  # refused before the work
        pixels, seconds = self.decode(described, reading)
        pixels = self.united(pixels, container_of(described), seconds)
        return ReadResult(ImageFile(reading.shown(pixels), metadata=described.metadata), seconds)

    def united(self, pixels: NDArray[Any], container: Container, seconds: dict[str, float]) -> NDArray[Any]:
        """The picture with gray and transparency from the chunks; the time it takes is added to `seconds`."""
        if not container.chunks:
            return pixels
        with timed(seconds, "channels"):
            return unite(pixels, container.chunks)


def head_of(container: Container, fields: list[Field]) -> dict[str, int]:
    """The numbers that a classical codec's stream begins with. Raises CorruptFileError where they are missing."""
    reader = Reader(container.stream)
    return {field.name: int(field.read(reader)) for field in fields}


def container_of(described: Description) -> Container:
    """The container of a .dlic file, which every description of one has."""
    assert described.container is not None, described
    return described.container
