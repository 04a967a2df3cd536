"""A plugin for Pillow: after `import dlic.pillow`, `Image.open` and `Image.save` know .dlic files.

`Image.open` reads the header and the metadata. Pixels are decoded when they are needed; after `Image.draft`, and in
`Image.thumbnail`, 1/2, 1/4 or 1/8 of the picture, as with JPEG.

`Image.save` takes the options of `dlic.compress`, from quality to thumbnail, and two more: lossless=True, and strict=True, which
refuses a loss instead of warning of it. Metadata that is not given is the image's own; None leaves it out. Pixels are stored
upright, and the orientation in EXIF and XMP is then 1. Pillow opens 16-bit colour as 8 bits: half of it is gone before it is saved.

A sequence has `n_frames` and `seek`, and its times in `info`. save_all=True writes one.

Examples:
    >>> import io
    >>> import dlic.pillow
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (48, 32), "teal").save(file, "DLIC", quality=60)
    >>> image = Image.open(file)
    >>> image.format, image.size, image.mode
    ('DLIC', (48, 32), 'RGB')
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile

from dlic.api import compress
from dlic.container.format import MAGIC, VERSION_ZERO, read_beginning
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError, UnreadableImageError
from dlic.formats.kind import Description
from dlic.formats.reading import Reading
from dlic.formats.registry import CODECS, describe
from dlic.formats.writing import Wishes
from dlic.images import files, gain_map
from dlic.images.bit_depth import to_eight_bits
from dlic.images.colours.code_points import CodePoints
from dlic.images.exif import PREFIX
from dlic.images.kinds import PROFILED_MODES, conversions, eight_bit_pixels, refuse_deep
from dlic.images.metadata import Metadata, fitting, is_keyword, upright
from dlic.images.pillow.exact import EXACT_MODES, exact_samples
from dlic.images.pillow.metadata import metadata_of
from dlic.integrations.pillow_frames import SequenceFrames, count_of, frames_file
from dlic.pixels.reduction import reduced_size, reduction_for
from dlic.progress import no_progress

OF_DLIC = {"iptc": bytes, "code_points": CodePoints, "parts": tuple}  # what images of .dlic files hold in addition to Pillow's
FORMAT, MIME, ENDING = "DLIC", "image/x-dlic", ".dlic"
KEPT = ("gray", "alpha")  # of the kinds of pixels
ROUNDED = "16-bit samples become 8-bit"
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by channels
OPTIONS = (  # of `dlic.compress`, without metadata
    "quality", "effort", "target_size", "target_bpp", "target_psnr", "target_ms_ssim",
    "tune", "model", "weights", "alpha_quality", "thumbnail", "max_memory", "content", "progressive", "threads", "runtime",
)  # fmt: skip


def register() -> None:
    """Registers the format with Pillow; repeated calls do no harm."""
    Image.register_open(FORMAT, DlicImageFile, _accept)
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_extension(FORMAT, ENDING)
    Image.register_mime(FORMAT, MIME)


@contextmanager
def _errors_of_pillow() -> Iterator[None]:
    """Bad files as OSError and bad arguments as ValueError, as programs that use Pillow expect."""
    try:
        yield
    except (CorruptFileError, UnknownCheckpointError, UnreadableImageError) as error:
        raise OSError(str(error)) from error
    except DlicError as error:
        raise ValueError(str(error)) from error


# --- open ---------------------------------------------------------------------------------------------------------------


def _accept(prefix: bytes) -> bool | str:
    """Whether a file that begins like this is ours; a sentence for one of another version, or changed by a transfer."""
    if prefix.startswith(MAGIC) or prefix[1:3] != MAGIC[1:3] or prefix[0] <= VERSION_ZERO:
        return prefix.startswith(MAGIC)
    try:
        read_beginning(prefix)
    except CorruptFileError as error:
        return str(error)
    return False


class DlicImageFile(ImageFile.ImageFile):
    """A .dlic file as L, LA, RGB or RGBA; as I;16 where a lossless file holds such gray. Colour of 16 bits is rounded to 8."""

    format = FORMAT
    format_description = "Deep learning image compression"
    _described: Description | None = None  # until it is decoded
    _sequence: SequenceFrames | None = None
    _reduction: int | None = None  # of `draft`

    def _open(self) -> None:
        assert self.fp is not None
        data = self.fp.read()  # checksums and metadata stand at the end
        if not data.startswith(MAGIC):
            raise SyntaxError("not a .dlic file")
        with _errors_of_pillow():
            described = describe(data)
            self._mode = _mode(described.channels, described.depth)
        self._size = described.width, described.height
        self.text = dict(described.metadata.text)  # as PNG images have it
        self.info.update(_info(gain_map.without(described.metadata)))  # Pillow turns and cuts pixels, and leaves `info`
        self._described = described
        if described.frames > 1:
            self._sequence = SequenceFrames(data, described)
            self.info.update(self._sequence.info(0))

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> tuple[str, tuple[int, int, float, float]] | None:
        """Decode 1/2, 1/4 or 1/8 of the picture, the smallest that is not smaller than `size`, as JPEG's plugin does;
        `Image.thumbnail` calls it. The mode stays. A second call does nothing, nor one for a sequence or after decoding.
        """
        if self._described is None or self._sequence is not None or self._reduction is not None:
            return None
        width, height = self.size
        self._reduction = 1 if size is None else reduction_for(width, height, size)
        self._size = reduced_size(width, height, self._reduction)
        return self.mode, (0, 0, width / self._reduction, height / self._reduction)

    @property
    def n_frames(self) -> int:
        """Frames of a sequence; 1 of a picture."""
        return 1 if self._sequence is None else self._sequence.count

    @property
    def is_animated(self) -> bool:
        return self.n_frames > 1

    def seek(self, frame: int) -> None:
        """Choose a frame of a sequence; its duration in milliseconds is in `info`. Raises EOFError beyond the last one."""
        if frame != self.tell() and self._sequence is not None and 0 <= frame < self.n_frames:
            self._sequence.number = frame
            self.info.update(self._sequence.info(frame))
        elif frame != self.tell():
            raise EOFError("attempt to seek outside sequence")

    def tell(self) -> int:
        """Number of the chosen frame."""
        return 0 if self._sequence is None else self._sequence.number

    def load(self) -> Any:
        """Decode, if that has not been done."""
        if self._sequence is not None:
            if self._sequence.is_new:
                with _errors_of_pillow():
                    self.im = Image.fromarray(self._sequence.decoded()).im
            return super().load()
        if self._described is not None:
            self.im = self._decoded(self._described).im
            self._described = None
            if self.fp and self._exclusive_fp:
                self.fp.close()
        return super().load()

    def _decoded(self, described: Description) -> Image.Image:
        whole = described.width * described.height  # which `Image.open` has held against Image.MAX_IMAGE_PIXELS
        with _errors_of_pillow():
            pixels = described.kind.read(described, Reading(max_pixels=whole, reduction=self._reduction or 1)).picture.pixels
            if pixels.dtype == np.uint16 and pixels.ndim == 3:
                warnings.warn(ROUNDED, stacklevel=4)  # where the pixels were asked for
                pixels = to_eight_bits(pixels)
            image = Image.fromarray(pixels)
            if (image.mode, image.size) != (self.mode, self.size):
                raise CorruptFileError(f"the file promises {self.mode} {self.size} and holds {image.mode} {image.size}")
        return image


def _mode(channels: int, depth: int) -> str:
    if channels not in MODES or depth not in (8, 16):
        raise CorruptFileError(f"the file would have {channels} channels of {depth} bits, which no .dlic file has")
    return "I;16" if (channels, depth) == (1, 16) else MODES[channels]


def _info(metadata: Metadata) -> dict[str, Any]:
    """As Pillow's other plugins name it."""
    values = {name: getattr(metadata, name) for name in metadata.given}
    return values | ({"exif": PREFIX + metadata.exif} if metadata.exif else {})


# --- save ---------------------------------------------------------------------------------------------------------------


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    with _errors_of_pillow():
        lossless = bool(image.encoderinfo.get("lossless"))
        upright, metadata = _as_told(image)
        encode = _lossless if lossless else _lossy
        file.write(encode(upright, metadata, image.encoderinfo))


def _save_all(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """The frames of an image, and of `append_images`; one frame is a picture."""
    with _errors_of_pillow():
        if count_of(image) == 1 and not image.encoderinfo.get("append_images"):
            _save(image, file, filename)
        else:
            file.write(frames_file(image))


def _as_told(image: Image.Image) -> tuple[Image.Image, Metadata]:
    """The upright picture for `save`, and the metadata to store; options of `save` override the image's own."""
    options = {name: read(image.encoderinfo[name]) for name, read in GIVEN.items() if name in image.encoderinfo}
    own = metadata_of(image)
    if not own.text and isinstance(texts := image.info.get("text"), Mapping):  # of a copy
        own = replace(own, text={keyword: str(text) for keyword, text in texts.items() if is_keyword(keyword)})
    of_dlic = {name: image.info[name] for name, kind in OF_DLIC.items() if isinstance(image.info.get(name), kind)}
    metadata = replace(replace(own, **of_dlic), **options)
    upright = image.copy()
    upright.info |= {name: getattr(metadata, name) for name in ("exif", "xmp") if name in options}
    return upright, metadata.without(["icc_profile"] if image.mode in PROFILED_MODES else [])  # used up by the conversion


def _lossy(image: Image.Image, metadata: Metadata, options: Mapping[str, Any]) -> bytes:
    _refuse_mode(image, image.mode == "F")
    refuse_deep(image, "the image")
    notes = list(conversions(image, KEPT))
    if options.get("strict") and notes:
        raise DlicError(f"the image is refused by strict: {', '.join(notes)}")
    for note in notes:
        warnings.warn(note, stacklevel=4)  # where `save` was called
    pixels = eight_bit_pixels(image, KEPT, "the image")
    wishes = {name: options[name] for name in OPTIONS if options.get(name) is not None}
    return compress(pixels, **wishes, **vars(_of_pixels(metadata, pixels)))


def _lossless(image: Image.Image, metadata: Metadata, options: Mapping[str, Any]) -> bytes:
    _refuse_mode(image, image.mode not in EXACT_MODES)
    pixels = exact_samples(image, "the image")
    encode = CODECS["lossless"].prepare(Wishes(thumbnail=options.get("thumbnail") or 0))
    return encode(files.ImageFile(pixels, metadata=_of_pixels(metadata, pixels)), no_progress).data


def _refuse_mode(image: Image.Image, refused: bool) -> None:
    """In the words of Pillow's plugins."""
    if refused:
        raise OSError(f"cannot write mode {image.mode} as {FORMAT}")


def _of_pixels(metadata: Metadata, pixels: np.ndarray) -> Metadata:
    """The metadata of upright pixels, without a profile for others."""
    return upright(fitting(metadata, b"GRAY" if pixels.shape[2:] in ((), (2,)) else b"RGB "))


def _bytes(value: bytes | str | Image.Exif | None) -> bytes:
    if isinstance(value, Image.Exif):
        return value.tobytes()
    return value.encode() if isinstance(value, str) else value or b""


def _dpi(value: Any) -> tuple[float, ...] | None:
    return tuple(float(number) for number in value) if value else None


GIVEN: dict[str, Callable[[Any], Any]] = {  # to `save`, and how it becomes Metadata
    "icc_profile": _bytes, "exif": _bytes, "xmp": _bytes, "dpi": _dpi, "text": lambda texts: dict(texts or {}), "iptc": _bytes,
    "code_points": lambda points: CodePoints(*points) if isinstance(points, tuple) else points,
    "parts": lambda parts: tuple(parts or ()),
}  # fmt: skip

register()
