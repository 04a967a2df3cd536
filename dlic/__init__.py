"""dlic: deep learning image compression."""

from dlic.api import compress, decompress, read
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError, UnreadableImageError, VerificationError

__version__ = "0.1.0"

encode, decode = compress, decompress  # as NumPy's friends look for them
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
    "read",
]
