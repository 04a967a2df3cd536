"""The public functions: arrays ⇄ bytes."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.errors import CorruptFileError
from dlic.formats.channels import EXACT, check_channels
from dlic.formats.kind import Description
from dlic.formats.reading import Reading
from dlic.formats.registry import describe, describe_beginning, kind_to_write
from dlic.formats.writing import Wishes
from dlic.images.colours.code_points import CodePoints
from dlic.images.files import MAX_PIXELS, ImageFile
from dlic.images.metadata import Metadata, Part
from dlic.pixels.reduction import reduction_of
from dlic.progress import no_progress
from dlic.runtime.threads import limited


def compress(
    image: NDArray[np.uint8],
    quality: int | None = None,
    effort: int = 0,
    target_size: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    target_ms_ssim: float | None = None,
    *,
    tune: str | None = None,
    model: str | None = None,
    weights: str | Path | None = None,
    content: str = "auto",
    progressive: bool = False,
    alpha_quality: int = EXACT,
    icc_profile: bytes = b"",
    exif: bytes = b"",
    xmp: bytes = b"",
    dpi: tuple[float, float] | None = None,
    text: Mapping[str, str] | None = None,
    iptc: bytes = b"",
    code_points: CodePoints | None = None,
    parts: tuple[Part, ...] = (),
    thumbnail: int = 0,
    max_memory: int | None = None,
    threads: int | None = None,
    runtime: str | None = None,
) -> bytes:
    """uint8 pixels of any size from 1×1 → the bytes of a .dlic file, from which `decompress` gives back pixels of the same kind.

    Args:
        image: (height, width) gray, (height, width, 2) gray and alpha, (height, width, 3) RGB or (height, width, 4) RGBA, with
            upright pixels. Colours where alpha is 0 are not kept: a decoder shows a smooth continuation of the rest there.
        quality: 1 (small) … 100 (best); 60 when no target is given either.
        effort: 0 (fast) … 9: smaller files for more encoding time; decoding takes the same time.
        target_size: largest file in bytes, all of it counted.
        target_bpp: most bits per pixel.
        target_psnr: least PSNR in dB, of the colours.
        target_ms_ssim: least MS-SSIM, below 1; of fewer than five scales where a side is below 161 pixels.
        tune: "visual", "psnr" or "ms-ssim": the shipped checkpoint that is tuned for it. Without it, `model` and `weights` the
            default checkpoint is used.
        model: name of a checkpoint on this machine. A name like compressai:mbt2018-mean:4 or compressai:mbt2018-mean@weights.pth
            takes a model of CompressAI, at the one rate it has.
        weights: folder of a checkpoint instead of a name.
        content: "auto" stores text, screens and drawings exactly, or in few colours, where that costs less; "photo" never looks
            for them, and "screen" looks at every block.
        progressive: makes a file in two layers, of which every beginning shows a picture (`ProgressiveReader`, `read` with
            `partial`); 5 to 6 % larger.
        alpha_quality: 100 is exact; below, alpha is coded like a picture, with a quality like JPEG's, where that is smaller.
        icc_profile: stored as it is, like the other metadata below; `read` gives it back under the same name.
        exif: a TIFF structure.
        xmp: an XMP packet in UTF-8.
        dpi: pixels per inch, across and down.
        text: texts by keyword, as PNG has them.
        iptc: Photoshop's image resources, which hold IPTC.
        code_points: primaries, transfer and range of the pixels (CICP); a reader takes them before the ICC profile.
        parts: chunks of PNG or segments of JPEG that mean something in their format alone.
        thumbnail: largest side in pixels of a preview that viewers show without the network; 0 for none.
        max_memory: approximate limit in bytes for this process: fewer tiles of a big picture are in work at once. Without it,
            three quarters of the memory that the machine has free.
        threads: most threads that compute at once; without it, one for each core that the process may use.
        runtime: "onnx" or "torch"; without it, PyTorch if the process has loaded it already, else ONNX Runtime.

    Raises:
        DlicError: `image` is no such array, an argument is out of range, the target cannot be met, no file could hold the
            metadata, or memory is not enough.
        UnknownCheckpointError: the checkpoint is missing or damaged.

    Examples:
        >>> import numpy as np
        >>> rows, columns = np.mgrid[:64, :96]
        >>> image = np.stack([2 * columns, 2 * rows, rows + columns], axis=2).astype(np.uint8)
        >>> data = compress(image, quality=60)
        >>> len(data) < image.nbytes / 50
        True
        >>> len(compress(image, target_size=300)) <= 300
        True
    """
    wishes = Wishes(
        quality=quality,
        effort=effort or None,
        target_size=target_size,
        target_bpp=target_bpp,
        target_psnr=target_psnr,
        target_ms_ssim=target_ms_ssim,
        tune=tune,
        model=model,
        weights=weights,
        content=None if content == "auto" else content,
        progressive=progressive or None,
        alpha_quality=None if alpha_quality == EXACT else alpha_quality,
        thumbnail=thumbnail,
        max_memory=max_memory,
        threads=threads,
        runtime=runtime,
    )
    metadata = Metadata(icc_profile, exif, xmp, dpi, text or {}, code_points, iptc, parts)
    picture = ImageFile(check_channels(image), metadata=metadata)
    with limited(threads):
        return kind_to_write("learned", wishes).prepare(wishes)(picture, no_progress).data


def decompress(
    data: bytes,
    *,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    model: str | None = None,
    crop: tuple[int, int, int, int] | None = None,
    scale: float | Fraction = 1,
    max_memory: int | None = None,
    threads: int | None = None,
    runtime: str | None = None,
) -> NDArray[Any]:
    """The bytes of a .dlic or JPEG file → pixels of the kind that was encoded.

    They are uint8: (height, width) gray, (height, width, 2) gray and alpha, (height, width, 3) RGB or (height, width, 4) RGBA; or
    uint16 where a lossless file was made of that.

    Args:
        data: the whole file.
        weights: folder of the checkpoint it was made with, where dlic would not find it.
        max_pixels: larger pictures are refused before anything is allocated.
        model: name of the checkpoint it was made with; files of CompressAI's models need it, as `compress` was given it.
        crop: x, y, width and height of a part; of a big learned picture only the tiles that it needs are decoded.
        scale: 1, 1/2, 1/4 or 1/8 of the size of the picture or of its crop, rounded up: pixels are averages. At 1/4 and 1/8 a
            progressive picture is that of its first layer.
        max_memory: approximate limit in bytes for this process, while it decodes a learned picture. Without it, three quarters of
            the memory that the machine has free.
        threads: as of `compress`.
        runtime: as of `compress`.

    Raises:
        CorruptFileError: `data` is truncated, damaged, or neither kind of file.
        UnknownCheckpointError: the checkpoint it was made with is not on this machine.
        DlicError: `crop` is no part of the picture, `scale` is none of these, or memory is not enough.

    Examples:
        >>> import numpy as np
        >>> data = compress(np.full((64, 96, 3), 200, np.uint8))
        >>> pixels = decompress(data)
        >>> pixels.shape, pixels.dtype
        ((64, 96, 3), dtype('uint8'))
        >>> decompress(data, crop=(8, 16, 20, 10)).shape  # x, y, width, height
        (10, 20, 3)
        >>> decompress(data, scale=1 / 4).shape
        (16, 24, 3)
        >>> decompress(data[:-1])
        Traceback (most recent call last):
        dlic.errors.TruncatedError: the file is truncated: 1 more bytes expected after 63
    """
    return read(
        data,
        weights=weights,
        max_pixels=max_pixels,
        model=model,
        crop=crop,
        scale=scale,
        max_memory=max_memory,
        threads=threads,
        runtime=runtime,
    ).pixels


def read(
    data: bytes,
    *,
    weights: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    model: str | None = None,
    crop: tuple[int, int, int, int] | None = None,
    scale: float | Fraction = 1,
    max_memory: int | None = None,
    threads: int | None = None,
    runtime: str | None = None,
    partial: bool = False,
) -> ImageFile:
    """Pixels and metadata of a file. Other arguments and errors are those of `decompress`.

    Args:
        data: the file.
        partial: `data` may end early or be damaged. The readable part is read, and `.notes` of the result name what is missing.
            Of a progressive file every beginning with the first part of its first layer shows a picture. One without it shows
            the enlarged thumbnail, if there is one.

    Returns:
        `.pixels` as of `decompress`, and `.metadata` with `icc_profile`, `exif`, `xmp`, `dpi`, `text`, `iptc`, `code_points` and
        `parts`.

    Examples:
        >>> import numpy as np
        >>> file = read(compress(np.zeros((8, 8, 3), np.uint8), text={"Author": "Ada"}, dpi=(300, 300)))
        >>> file.metadata.text, file.metadata.dpi
        ({'Author': 'Ada'}, (300.0, 300.0))
    """
    options = Reading(
        weights=weights,
        max_pixels=max_pixels,
        model=model,
        crop=crop,
        reduction=reduction_of(scale),
        max_memory=max_memory,
        threads=threads,
        runtime=runtime,
    )
    return read_as(data, options, partial)


def verify(data: bytes, *, weights: str | Path | None = None, max_pixels: int = MAX_PIXELS, model: str | None = None) -> None:
    """Checks a .dlic or JPEG file: its checksums and its coded symbols. Runs no transforms of learned pictures.
    Arguments and errors are those of `decompress`.

    Examples:
        >>> import numpy as np
        >>> data = compress(np.zeros((8, 8, 3), np.uint8))
        >>> verify(data)
        >>> verify(data[:30] + b"?" + data[31:])
        Traceback (most recent call last):
        dlic.errors.CorruptFileError: the picture is damaged: its checksum does not match
    """
    described = _described(data)
    described.kind.verify(described, Reading(weights=weights, max_pixels=max_pixels, model=model))


def read_as(data: bytes, reading: Reading, partial: bool = False) -> ImageFile:
    """`read` with its options as one object."""
    described = _described(data, describe_beginning if partial else describe)
    read = described.kind.read_partial if partial else described.kind.read
    with limited(reading.threads):
        return reading.fitting(read(described, reading).picture)


def _described(data: bytes, describe: Callable[[bytes], Description] = describe) -> Description:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise CorruptFileError(f"a .dlic file is bytes, not {type(data).__name__}")
    return describe(bytes(data))
