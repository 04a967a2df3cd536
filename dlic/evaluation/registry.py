"""Every codec that can be measured, by name.

a name of `known_codecs`                           what people have, and dlic's classical codecs
light-1, any other checkpoint, any folder of one   learned
compressai:ARCH[:METRIC][:QUALITY][@FILE or FOLDER]   CompressAI's; all qualities where none is named
a section of the file of --external                any program
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dlic.checkpoints import local as checkpoints
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.evaluation.compressai_series import compressai_series
from dlic.evaluation.known_codecs import KNOWN, KnownCodec
from dlic.evaluation.series import Series
from dlic.peers.compressai.names import is_zoo_name
from dlic.pixels.arrays import Codec

if TYPE_CHECKING:
    from dlic.learned.exact.codec import LayeredCodec

LEARNED_QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # the whole range, about a third of a rate octave apart


@dataclass(frozen=True)
class Settings:
    """Settings of learned codecs other than the quality, and the codecs of --external."""

    effort: int = 0
    external: Mapping[str, Series] = field(default_factory=dict)  # by name


def open_series(name: str, settings: Settings | None = None) -> Series:
    """The codec of a name. Raises DlicError for unknown names, and for codecs that are not installed, with the package to install;
    UnknownCheckpointError for folders without a checkpoint.
    """
    settings = settings or Settings()
    if name in settings.external:
        return settings.external[name]
    if name in KNOWN:
        return _known(name, KNOWN[name])
    if is_zoo_name(name):
        return compressai_series(name)
    return learned_series(checkpoint_folder(name, settings), settings.effort)


def checkpoint_folder(name: str, settings: Settings) -> Path:
    """The folder of a checkpoint, from its name or path. Raises DlicError for anything else."""
    if Path(name).is_dir():
        return checkpoints.as_folder(Path(name))
    try:
        return checkpoints.find(name)
    except UnknownCheckpointError as error:
        names = ", ".join([*KNOWN, *settings.external])
        raise DlicError(f"there is no codec and no checkpoint {name!r} here; codecs are {names}") from error


def learned_series(folder: Path, effort: int = 0) -> Series:
    """A checkpoint over its qualities, each file with an effort 0 … 9."""
    from dlic.learned.codec import load_codec
    from dlic.learned.exact.codec import LayeredCodec, one_layer

    codec = LayeredCodec(load_codec(folder))
    return Series(
        f"{codec.name}-e{effort}" if effort else codec.name,  # so that a run can hold several efforts
        f"{codec.name}, effort {effort}" if effort else codec.name,
        partial(_learned_at, codec, effort),
        LEARNED_QUALITIES if codec.levels > 1 else (None,),
        one_layer(codec.network).fingerprint.hex(),
        ".dlic",
        checkpoint=folder,
        effort=effort,
        between=codec.levels > 1,
        estimated_bits=codec.estimated_bits,
    )


def _learned_at(codec: "LayeredCodec", effort: int, quality: float | None) -> Codec:
    return codec.at(1 if quality is None else int(quality), effort)


def _known(name: str, codec: KnownCodec) -> Series:
    if not codec.is_available():
        raise DlicError(codec.how)
    made_by = f"{codec.label} by {codec.made_by()}"
    return Series(name, codec.label, lambda quality: codec.at(_whole(quality)), codec.qualities, made_by, codec.ending, codec.note)


def _whole(quality: float | None) -> int:
    assert quality is not None, "every known codec has several qualities"
    return int(quality)
