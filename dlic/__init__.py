"""dlic: deep learning image compression."""

from dlic.api import compress, decompress
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError, UnreadableImageError, VerificationError

__version__ = "0.1.0"
__all__ = [
    "CorruptFileError",
    "DlicError",
    "UnknownCheckpointError",
    "UnreadableImageError",
    "VerificationError",
    "compress",
    "decompress",
]
