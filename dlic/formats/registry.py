"""The file kinds of dlic. A new kind is one module in this folder and one line in KINDS."""

from dlic.container.format import read_beginning
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.compressai import CompressAI
from dlic.formats.exact import ExactBlocks
from dlic.formats.jpeg import Jpeg
from dlic.formats.kind import Description, Kind
from dlic.formats.learned import Learned
from dlic.formats.lossless import Lossless
from dlic.formats.progressive import Progressive
from dlic.formats.sequence import Sequence
from dlic.formats.wavelet import Wavelet
from dlic.formats.writing import Wishes

KINDS: tuple[Kind, ...] = (
    Learned(),
    Jpeg(),
    Wavelet(),
    Lossless(),
    ExactBlocks(),
    Progressive(),
    CompressAI(),
    Sequence(),
)
CODECS = {kind.name: kind for kind in KINDS if not kind.model_prefix}  # that --codec names
ENDINGS = frozenset(ending for kind in KINDS for ending in kind.endings)


# --- files that are there -----------------------------------------------------------------------------------------------


def describe(data: bytes) -> Description:
    """Describes a file of any kind. Raises CorruptFileError for anything else, and for damage that shows before decoding."""
    return kind_of(data).describe(data)


def describe_beginning(data: bytes) -> Description:
    """Describes a file of any kind that may be truncated or damaged. Raises CorruptFileError where its header is damaged."""
    return kind_of(data).describe_beginning(data)


def kind_of(data: bytes) -> Kind:
    """The kind of a file, from its first bytes. Raises CorruptFileError for an unknown kind."""
    for kind in KINDS:
        if kind.recognise(data):
            return kind
    number = read_beginning(data)[0].kind  # raises where it is no .dlic file
    raise CorruptFileError(f"the file is of kind {number}, which this dlic does not know")


# --- new files ----------------------------------------------------------------------------------------------------------


def kind_to_write(codec: str, wishes: Wishes) -> Kind:
    """The kind of a new file, from the codec's or the model's name. Raises DlicError for unknown codecs, and for options that the
    kind does not have.
    """
    if codec not in CODECS:
        raise DlicError(f"there is no codec {codec!r}; --codec is one of {', '.join(CODECS)}")
    kind = CODECS[codec]
    if "model" in kind.takes:
        kind = kind_of_model(wishes.model) or kind
    kind.check(wishes)
    return kind


def kind_of_model(model: str | None) -> Kind | None:
    """The kind whose models have names that begin like this one; None for the name of a checkpoint of dlic."""
    if model is None:
        return None
    return next((kind for kind in KINDS if kind.model_prefix and model.startswith(kind.model_prefix)), None)
