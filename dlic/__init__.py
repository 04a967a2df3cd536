"""dlic: deep learning image compression."""

from dlic._version import __version__ as __version__
from dlic.api import PretrainedCodec, compress, decompress, from_pretrained, read, verify
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError, UnreadableImageError, VerificationError

encode, decode = compress, decompress  # as NumPy's friends look for them


def register_pillow() -> None:
    """Let Pillow open and save .dlic files, as `import dlic.pillow` does."""
    from dlic import pillow

    pillow.register()


__all__ = [
    "CorruptFileError",
    "DlicError",
    "PretrainedCodec",
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
    "verify",
]
