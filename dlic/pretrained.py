"""`compress` and `decompress` with one loaded checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.api import read_as
from dlic.checkpoints import local as checkpoints
from dlic.errors import UnknownCheckpointError
from dlic.formats.channels import EXACT, check_channels
from dlic.formats.learned import encode_picture, rate_of
from dlic.formats.reading import Reading
from dlic.formats.writing import Wishes
from dlic.images.colours.code_points import CodePoints
from dlic.images.files import MAX_PIXELS, ImageFile
from dlic.images.metadata import Metadata, Part
from dlic.learned.codec import LearnedCodec, load_codec
from dlic.learned.exact.distortion import VISUAL
from dlic.pixels.reduction import reduction_of


@dataclass(frozen=True)
class PretrainedCodec:
    """`compress`, `decompress` and `read` with one loaded checkpoint. `from_pretrained` makes one."""

    codec: LearnedCodec = field(repr=False, compare=False)
    name: str
    fingerprint: bytes  # sha256 over architecture, weights and tables

    def compress(
        self,
        image: NDArray[np.uint8],
        quality: int | None = None,
        effort: int = 0,
        target_size: int | None = None,
        target_bpp: float | None = None,
        target_psnr: float | None = None,
        target_ms_ssim: float | None = None,
        *,
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
    ) -> bytes:
        """`dlic.compress` with this checkpoint."""
        wishes = Wishes(
            quality=quality,
            effort=effort,
            target_size=target_size,
            target_bpp=target_bpp,
            target_psnr=target_psnr,
            target_ms_ssim=target_ms_ssim,
            content=content,
            progressive=progressive or None,
            alpha_quality=alpha_quality,
            thumbnail=thumbnail,
            max_memory=max_memory,
            threads=threads,
        )
        metadata = Metadata(icc_profile, exif, xmp, dpi, text or {}, code_points, iptc, parts)
        picture = ImageFile(check_channels(image), metadata=metadata)
        visual = self.codec.unit.distortion == VISUAL
        return encode_picture(lambda: self.codec, picture, wishes, rate_of(wishes), visual).data

    def decompress(
        self,
        data: bytes,
        *,
        max_pixels: int = MAX_PIXELS,
        crop: tuple[int, int, int, int] | None = None,
        scale: float | Fraction = 1,
        max_memory: int | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """`dlic.decompress` with this checkpoint."""
        return self.read(data, max_pixels=max_pixels, crop=crop, scale=scale, max_memory=max_memory, threads=threads).pixels

    def read(
        self,
        data: bytes,
        *,
        max_pixels: int = MAX_PIXELS,
        crop: tuple[int, int, int, int] | None = None,
        scale: float | Fraction = 1,
        max_memory: int | None = None,
        threads: int | None = None,
        partial: bool = False,
    ) -> ImageFile:
        """`dlic.read` with this checkpoint."""
        options = Reading(
            codec=self.codec,
            max_pixels=max_pixels,
            crop=crop,
            reduction=reduction_of(scale),
            max_memory=max_memory,
            threads=threads,
        )
        return read_as(data, options, partial)


def from_pretrained(
    source: str | Path | None = None,
    revision: str | None = None,
    fingerprint: str | None = None,
    *,
    tune: str | None = None,
    runtime: str | None = None,
) -> PretrainedCodec:
    """The codec of a checkpoint, with every hash in it checked.

    A checkpoint from a repository is kept where `dlic checkpoints download` puts others, so that its files decode like any other.

    Args:
        source: folder of a checkpoint, name of one on this machine, or owner/name of a repository of Hugging Face, which has
            weights.safetensors and model.json at its top level and needs huggingface_hub. Without it, the default checkpoint, or
            that of `tune`.
        revision: branch, tag or commit of a repository.
        fingerprint: required beginning of the checkpoint's fingerprint, in hexadecimal, as `dlic info` prints it.
        tune: "visual", "psnr" or "ms-ssim": the shipped checkpoint that is tuned for it.
        runtime: as of `compress`.

    Raises:
        UnknownCheckpointError: there is no such checkpoint, it is damaged, or its fingerprint is another.
        DownloadError: the repository gave no files.
        DlicError: the source is not tuned for `tune`.

    Examples:
        >>> import numpy as np
        >>> codec = from_pretrained("light-1")
        >>> codec.name, codec.fingerprint.hex()[:16]
        ('light-1', '7332609debdb13d7')
        >>> data = codec.compress(np.zeros((16, 16, 3), np.uint8), quality=30)
        >>> codec.decompress(data).shape
        (16, 16, 3)
    """
    from dlic.checkpoints.huggingface import pretrained_folder

    folder = None if source is None else pretrained_folder(source, revision)
    codec = load_codec(checkpoints.choose(None, folder, tune), runtime)
    own = codec.fingerprint.hex()
    if fingerprint is not None and not (fingerprint and own.startswith(fingerprint.lower())):
        raise UnknownCheckpointError(f"{source or codec.name} has fingerprint {own[:16]}…, not {fingerprint or 'an empty one'}")
    return PretrainedCodec(codec, codec.name, codec.fingerprint)
