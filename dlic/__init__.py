"""dlic: deep learning image compression."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlic._version import __version__ as __version__

if TYPE_CHECKING:
    from dlic.api import compress as compress
    from dlic.api import compress as encode
    from dlic.api import decompress as decode
    from dlic.api import decompress as decompress
    from dlic.api import read as read
    from dlic.api import verify as verify
    from dlic.errors import CorruptFileError as CorruptFileError
    from dlic.errors import DlicError as DlicError
    from dlic.errors import UnknownCheckpointError as UnknownCheckpointError
    from dlic.errors import UnreadableImageError as UnreadableImageError
    from dlic.errors import VerificationError as VerificationError
    from dlic.formats.incremental import ProgressiveReader as ProgressiveReader
    from dlic.formats.sequence_file import SequenceFile as SequenceFile
    from dlic.formats.sequence_file import SequenceFile as open
    from dlic.formats.sequence_file import compress_sequence as compress_sequence
    from dlic.pretrained import PretrainedCodec as PretrainedCodec
    from dlic.pretrained import from_pretrained as from_pretrained

# Public name → module and name there. Each is imported when it is first used, so that `dlic info` needs no codec.
PLACES = {
    "PretrainedCodec": ("dlic.pretrained", "PretrainedCodec"),
    "ProgressiveReader": ("dlic.formats.incremental", "ProgressiveReader"),
    "SequenceFile": ("dlic.formats.sequence_file", "SequenceFile"),
    "compress": ("dlic.api", "compress"),
    "compress_sequence": ("dlic.formats.sequence_file", "compress_sequence"),
    "decode": ("dlic.api", "decompress"),  # as users of NumPy look for them
    "decompress": ("dlic.api", "decompress"),
    "encode": ("dlic.api", "compress"),
    "from_pretrained": ("dlic.pretrained", "from_pretrained"),
    "open": ("dlic.formats.sequence_file", "SequenceFile"),
    "read": ("dlic.api", "read"),
    "verify": ("dlic.api", "verify"),
    **{
        name: ("dlic.errors", name)
        for name in ("CorruptFileError", "DlicError", "UnknownCheckpointError", "UnreadableImageError", "VerificationError")
    },
}


def register_pillow() -> None:
    """Let Pillow open and save .dlic files, as `import dlic.pillow` does."""
    from dlic import pillow

    pillow.register()


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'dlic' has no attribute {name!r}")
    module, attribute = PLACES[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *PLACES})


__all__ = [
    "CorruptFileError",
    "DlicError",
    "PretrainedCodec",
    "ProgressiveReader",
    "SequenceFile",
    "UnknownCheckpointError",
    "UnreadableImageError",
    "VerificationError",
    "compress",
    "compress_sequence",
    "decode",
    "decompress",
    "encode",
    "from_pretrained",
    "open",
    "read",
    "register_pillow",
    "verify",
]
