"""A file kind: one object that recognises, describes, reads, verifies and writes its files."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from dlic.container.format import Container
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.reading import Reading, ReadResult
from dlic.formats.writing import Encode, Wishes, option
from dlic.images.files import EVERYTHING, ImageFile, read_image
from dlic.images.metadata import Metadata
from dlic.pixels.arrays import check_size
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress, no_progress

PROCESS = 100_000_000  # bytes of a process without torch


@dataclass(frozen=True)
class Description:
    """Facts about a file, known before decoding."""

    kind: "Kind"
    data: bytes = field(repr=False)  # the whole file, or the part that is present
    file_type: str  # ".dlic version 1" or "JPEG"
    width: int
    height: int
    channels: int  # 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha; other numbers are damage that decoding finds
    depth: int = 8  # bits of a sample
    metadata: Metadata = field(default_factory=Metadata)  # as it is in the file
    container: Container | None = field(default=None, repr=False)  # of a .dlic file
    frames: int = 1  # of a sequence
    in_parts: bool = False  # whether a crop is decoded without the rest of the picture

    def check_size(self, max_pixels: int, part: Rectangle | None = None) -> None:
        """Raises CorruptFileError where more pixels would be decoded: those of the part where it is decoded alone, or all."""
        decoded = part if part and self.in_parts else self
        check_size(decoded.width, decoded.height, max_pixels)


@dataclass(frozen=True)
class Details:
    """Facts about a file that are specific to its kind."""

    figures: dict[str, Any]  # for --json
    sentence: str  # for a person
    detail: str = ""  # further facts, beginning with ", "
    drawing: tuple[str, ...] = ()  # lines for a person


class Kind(ABC):
    """One kind of file.

    beginning of a file ─ recognise ─ describe ─┬─ details
                                                ├─ read ─ pixels and metadata
                                                └─ verify
    image file ─ load ─ prepare(wishes) ─ bytes of a new file
    """

    name: ClassVar[str]  # name in `dlic compress --codec` and `dlic info`
    endings: ClassVar[tuple[str, ...]]  # of its files; the first is that of new ones
    takes: ClassVar[frozenset[str]]  # the fields of Wishes that it takes
    model_prefix: ClassVar[str] = ""  # names of models with this prefix choose this kind, instead of --codec
    process_memory: ClassVar[int] = PROCESS  # bytes of a process that reads its files
    exact: ClassVar[bool] = False  # whether it gives back every sample

    # --- files that are there

    @abstractmethod
    def recognise(self, data: bytes) -> bool:
        """Whether a file that begins like this is of this kind."""

    @abstractmethod
    def describe(self, data: bytes) -> Description:
        """Describes a recognised file. Raises CorruptFileError for damage that shows before decoding."""

    @abstractmethod
    def details(self, described: Description) -> Details:
        """Raises CorruptFileError for damage that shows before decoding."""

    @abstractmethod
    def read(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        """The pixels and metadata of a file, or of the crop in `reading`. `progress` gets the share of the work that is done, 0 …
        1, if known. Raises CorruptFileError, UnknownCheckpointError, or DlicError where the crop does not lie inside.
        """

    def describe_beginning(self, data: bytes) -> Description:
        """Describes a recognised file that may be truncated or damaged. Raises CorruptFileError where its header is damaged."""
        return self.describe(data)

    def read_partial(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        """The readable part of a file described by `describe_beginning`; the notes name the missing parts."""
        try:
            return self.read(self.describe(described.data), reading, progress)
        except CorruptFileError as error:
            raise CorruptFileError(f"{error}; no part of this {self.name} file can be shown") from error

    def verify(self, described: Description, reading: Reading) -> None:
        """Checks all checksums. Raises CorruptFileError for damage, and UnknownCheckpointError."""
        self.read(described, reading)

    # --- new files

    def load(self, source: str | bytes, max_pixels: int, strict: bool) -> ImageFile:
        """The part of an image file that a file of this kind can hold. Raises UnreadableImageError; if `strict`, for losses too."""
        return read_image(source, max_pixels, EVERYTHING, strict)

    @abstractmethod
    def prepare(self, wishes: Wishes) -> Encode:
        """Returns a function from pictures to new files. Raises DlicError for invalid wishes."""

    def check(self, wishes: Wishes) -> None:
        """Raises DlicError for options that this kind does not have."""
        for wish in wishes.given:
            if wish not in self.takes:
                raise DlicError(self.refusal(wish, wishes))

    def refusal(self, wish: str, wishes: Wishes) -> str:
        """The message for an option that this kind does not have."""
        options = [option(field.name) for field in fields(Wishes) if field.name in self.takes]
        takes = f"it takes {', '.join(options)}" if options else "it takes no such option"
        return f"{option(wish)} does not go with --codec {self.name}; {takes}"
