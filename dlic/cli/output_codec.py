"""The ending of an output chooses its codec, as in Pillow, ffmpeg and ImageMagick; one that contradicts is refused."""

from pathlib import Path

from dlic.errors import DlicError
from dlic.formats.kind import Kind
from dlic.formats.registry import CODECS
from dlic.images.files import EXTENSIONS

DEFAULT = "learned"


def codec_of(codec: str | None, output: str | None) -> str:
    """The codec by name, or else that of the output's ending, or else the learned one."""
    if codec is not None:
        return codec
    suffix = Path(output or "").suffix.lower()
    if any(suffix in kind.endings for kind in CODECS.values()):
        return DEFAULT if suffix in CODECS[DEFAULT].endings else next(n for n, kind in CODECS.items() if suffix in kind.endings)
    return DEFAULT


def check_ending(target: str, kind: Kind) -> None:
    """Raises DlicError for a file whose ending says another kind of picture than the one that is written."""
    suffix = Path(target).suffix.lower()
    known = EXTENSIONS.union(*(other.endings for other in CODECS.values()))
    if suffix in kind.endings or suffix not in known:
        return
    owner = next((name for name, other in CODECS.items() if suffix in other.endings), None)
    if owner is None:
        raise DlicError(f"dlic compress writes .dlic and .jpg files, not {suffix}; dlic decompress writes {suffix}")
    raise DlicError(f"{target} would be a {kind.endings[0]} file by --codec {kind.name}; leave out one of them")
