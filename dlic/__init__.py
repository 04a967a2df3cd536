"""dlic: deep learning image compression."""

from dlic.api import compress, decompress, read
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError, UnreadableImageError, VerificationError
from dlic.hub import from_pretrained

__version__ = "0.1.0"

encode, decode = compress, decompress  # as NumPy's friends look for them


def register_pillow() -> None:
    """Let Pillow open and save .dlic files, as `import dlic.pillow` does."""
    from dlic import pillow

    pillow.register()


__all__ = [
    "CorruptFileError",
    "DlicError",
    "UnknownCheckpointError",
    "UnreadableImageError",
    "VerificationError",
    "compress",
    "decode",
    "decompress",
    "encode",
    "from_pretrained",
    "read",
    "register_pillow",
]
