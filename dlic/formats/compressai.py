"""Pictures coded by models of CompressAI: .dlic files that need the weights they were made with, named by the person."""

from typing import Any

from numpy.typing import NDArray

from dlic.container.format import COMPRESSAI, append
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.formats.container_kind import WholeKind, container_of
from dlic.formats.kind import Description, Details
from dlic.formats.reading import Reading
from dlic.formats.writing import Encode, Outcome, Wishes, cheap_thumbnail, option, separated
from dlic.images.files import ImageFile
from dlic.peers.compressai.names import ALL_IN_THE_NAME, FORM, PREFIX, is_zoo_name
from dlic.progress import Progress
from dlic.runtime.memory import PROCESS_WITH_TORCH
from dlic.runtime.timing import timed


class CompressAI(WholeKind):
    """A model compressai:ARCHITECTURE:QUALITY[@FILE], at the one rate it has."""

    name = "compressai"
    numbers = (COMPRESSAI,)
    takes = frozenset(["model", "alpha_quality", "thumbnail", "browsed", "source_hash"])
    model_prefix = PREFIX
    process_memory = PROCESS_WITH_TORCH

    def details(self, described: Description) -> Details:
        from dlic.container.latent_streams import unpack

        container = container_of(described)
        streams, _ = unpack(container.stream)
        fingerprint, sizes = container.model.hex(), [len(stream) for stream in streams]
        figures = {"quality": container.level or None, "fingerprint": fingerprint, "latent_bytes": sizes}
        quality = f", quality {container.level}" if container.level else ""
        latents = " + ".join(f"{size:,}" for size in sizes)
        return Details(figures, f"CompressAI weights {fingerprint}{quality}, latents {latents} bytes")

    def decode(self, described: Description, reading: Reading) -> tuple[NDArray[Any], dict[str, float]]:
        container, model = container_of(described), reading.model
        if model is not None and reading.weights is not None:
            raise DlicError(f"give a model or weights, not both: {ALL_IN_THE_NAME}")
        if model is None or not is_zoo_name(model):
            raise UnknownCheckpointError(
                f"made with checkpoint {container.model.hex()[:8]}…, a model of CompressAI; name it as it was made, --model {FORM}"
            )
        from dlic.peers.compressai.zoo import open_codec

        seconds: dict[str, float] = {}
        with timed(seconds, "load model"):
            codec = open_codec(model)
        decoded = codec.decode(container)
        return decoded.image, {**seconds, **decoded.seconds}

    def prepare(self, wishes: Wishes) -> Encode:
        model = wishes.model
        if model is None:
            raise DlicError(f"a model of CompressAI must be named: --model {FORM}")

        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            from dlic.peers.compressai.zoo import open_codec

            seconds: dict[str, float] = {}
            with timed(seconds, "load model"):
                codec = open_codec(model)
            with timed(seconds, "encode"):
                parts = separated(picture, wishes)
                data = codec.compress(parts.colours)
            return Outcome(
                append(data, (*parts.chunks, *cheap_thumbnail(picture, wishes, data))),
                lambda written: codec.decompress(written).shape == parts.colours.shape,  # a checksum has compared the symbols
                seconds,
                {"fingerprint": codec.fingerprint.hex()},
                notes=(_notice(codec.is_autoregressive),),
            )

        return encode

    def refusal(self, wish: str, wishes: Wishes) -> str:
        return f"{option(wish)} does not go with --model {wishes.model}: {ALL_IN_THE_NAME}"


def _notice(slowly: bool) -> str:
    return (
        f"decodes{' slowly and' if slowly else ''} only with the same CompressAI weights; the parse depends on floating point, "
        "so that another machine may refuse the file"
    )
