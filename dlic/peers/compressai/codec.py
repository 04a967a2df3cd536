"""A model of CompressAI as a codec: pixels ⇄ the streams of its `compress` and `decompress` ⇄ .dlic."""

import copy
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dlic.container.format import COMPRESSAI, Container, check_kind, check_no_coder, read, write
from dlic.container.latent_streams import pack, unpack
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError
from dlic.pixels.arrays import Decoded, check_pixels, padded
from dlic.runtime.timing import timed

if TYPE_CHECKING:
    import torch
    from compressai.entropy_models import EntropyModel
    from compressai.models import CompressionModel

QUANTISE = ("quantize", "quantize_variable")  # methods of CompressAI's entropy models that turn latents into symbols …
DEQUANTISE = ("dequantize", "dequantize_variable")  # … and back
LARGEST_SYMBOL = 1 << 24  # whole numbers that float32 holds, which the decoders of context models pass symbols through

# CompressAI's decoder reads on where a damaged stream ends too early. A symbol takes one 32-bit word at most, and one more for
# each eight numbers of four bits in the rare ones that escape the table; zeros for two words a symbol keep it inside its buffer.
SLACK_PER_SYMBOL, SLACK = 8, 4096

Note = Callable[["torch.Tensor"], None]


@dataclass(frozen=True)
class CompressAICodec:
    """One model of CompressAI's zoo, at one rate.

        x ─ pad ─ model.compress ─── streams of y and z ─── model.decompress ─ crop, round ─ x_hat
                        └─ symbols ─ CRC-32 in the file ─ symbols ─┘

    A file holds CompressAI's own streams, with its range coder, tables and order of symbols. The row of the
    table for each symbol comes from floating point, so that another machine, library or number of threads may parse a file
    otherwise; the checksum of the symbols then makes it an error rather than a wrong picture. Models with a context (mbt2018,
    cheng2020) also compute every position from those before it, one call of the network each: minutes for a photograph.
    """

    name: str
    fingerprint: bytes
    architecture: str
    model: "CompressionModel" = field(repr=False, compare=False)
    quality: int | None = None  # a label, which the file carries as its level
    rate: int | None = None  # `s` of a variable-rate model

    @property
    def shows_symbols(self) -> bool:
        """Whether the encoder's symbols can be observed; that of mbt2018-vbr quantises y elsewhere."""
        return self.architecture != "mbt2018-vbr"

    @property
    def is_autoregressive(self) -> bool:
        return hasattr(self.model, "context_prediction")

    def compress(self, image: np.ndarray) -> bytes:
        """uint8 (H, W, 3), any size from 1×1 → the bytes of a .dlic file.

        Raises DlicError where `image` is no such array, or the weights give latents that cannot be coded.
        """
        height, width = check_pixels(image).shape[:2]
        streams, shape, crc = self._encode(padded(image, self.model.downsampling_factor))
        container = Container(
            kind=COMPRESSAI,
            width=width,
            height=height,
            level=self.quality or 0,
            model=self.fingerprint[:8],
            symbols_crc=crc,
            stream=pack(streams, shape),
        )
        return write(container)

    def decompress(self, data: bytes) -> np.ndarray:
        """Bytes of a .dlic file → uint8 (H, W, 3). Raises CorruptFileError and UnknownCheckpointError."""
        return self.decode(read(data)).image

    def decode(self, container: Container) -> Decoded:
        """The picture in a container that was made with these weights. Raises CorruptFileError and UnknownCheckpointError."""
        if container.model != self.fingerprint[:8]:
            raise UnknownCheckpointError(
                f"made with checkpoint {container.model.hex()[:8]}…, not with {self.name} ({self.fingerprint.hex()[:8]}…)"
            )
        seconds: dict[str, float] = {}
        streams, shape = self._streams(container)
        with timed(seconds, "decode"):
            pixels, _ = self._decode(streams, shape, container.symbols_crc)
        return Decoded(np.ascontiguousarray(pixels[: container.height, : container.width]), seconds)

    # --- arrays ⇄ streams ----------------------------------------------------------------------------------------------

    def _encode(self, pixels: np.ndarray) -> tuple[list[bytes], tuple[int, int], int]:
        """uint8 (H, W, 3) in multiples of the model's stride → streams, shape of the last latent, checksum of the symbols."""
        import torch

        parts: list[np.ndarray] = []
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W)
        with torch.inference_mode(), _memory_errors():
            coded = _observed(self.model, QUANTISE, self._noting(parts)).compress(x, **self._at_rate)
        streams, shape = [strings[0] for strings in coded["strings"]], tuple(coded["shape"])
        return streams, shape, _crc(parts) if self.shows_symbols else self._decode(streams, shape)[1]

    def _decode(self, streams: list[bytes], shape: tuple[int, int], crc: int | None = None) -> tuple[np.ndarray, int]:
        """Inverse of `_encode`: uint8 (H, W, 3), still padded, and the checksum of the symbols.

        Raises CorruptFileError where it is not `crc`, before the synthesis, which takes most of the memory.
        """
        import torch

        parts: list[np.ndarray] = []
        slack = bytes(SLACK + SLACK_PER_SYMBOL * self._most_symbols(shape))

        def synthesise(y_hat: "torch.Tensor") -> "torch.Tensor":
            if crc not in (None, _crc(parts)):
                raise CorruptFileError("the decoded symbols do not match their checksum")
            return self.model.g_s(y_hat)

        with torch.inference_mode(), _memory_errors():
            model = _observed(self.model, DEQUANTISE, lambda symbols: parts.append(symbols.long().numpy().ravel()))
            del model._modules["g_s"]  # a module's place takes no function
            model.g_s = synthesise
            x_hat = model.decompress([[stream + slack] for stream in streams], shape, **self._at_rate)["x_hat"]  # (1, 3, H, W)
            pixels = (x_hat[0] * 255).round().clamp(0, 255).byte()
        return pixels.permute(1, 2, 0).numpy(), _crc(parts)

    def _noting(self, parts: list[np.ndarray]) -> Note:
        def note(symbols: "torch.Tensor") -> None:
            values = symbols.long().numpy().ravel()
            if values.size and np.abs(values).max() >= LARGEST_SYMBOL:  # the encoder would not end
                raise DlicError(f"the latents that {self.name} gives cannot be coded; its weights are not those of a trained model")
            parts.append(values)

        return note

    @property
    def _at_rate(self) -> dict[str, int]:
        return {} if self.rate is None else {"s": self.rate}

    def _most_symbols(self, shape: tuple[int, int]) -> int:
        """The largest number of symbols in any of the streams."""
        height, width = (side * self.model.downsampling_factor // 16 for side in shape)  # of y
        return height * width * max(self.model.N, self.model.M)

    def _streams(self, container: Container) -> tuple[list[bytes], tuple[int, int]]:
        """The streams of a container, with their number and size checked against the model before decoding."""
        check_kind(container, COMPRESSAI, codec="a model of CompressAI")
        check_no_coder(container)
        streams, shape = unpack(container.stream)
        expected = tuple(-(-side // self.model.downsampling_factor) for side in (container.height, container.width))
        count = 2 if hasattr(self.model, "gaussian_conditional") else 1
        if shape != expected or len(streams) != count:
            raise CorruptFileError(
                f"the coded picture has {len(streams)} streams for {shape[1]} × {shape[0]} latents; {self.architecture} makes "
                f"{count} for {expected[1]} × {expected[0]}"
            )
        return streams, shape


def _observed(model: "CompressionModel", methods: tuple[str, ...], note: Note) -> "CompressionModel":
    """A copy of the model whose entropy models pass the symbols of `methods` to `note`; the original is unchanged."""
    view = copy.copy(model)
    view._modules = {  # a shallow copy would share them
        name: _observed_entropy_model(module, methods, note) if hasattr(module, "entropy_coder") else module
        for name, module in model.named_children()
    }
    return view


def _observed_entropy_model(module: "EntropyModel", methods: tuple[str, ...], note: Note) -> "EntropyModel":
    view = copy.copy(module)
    for method in methods:
        if hasattr(module, method):
            setattr(view, method, _told(getattr(module, method), note, of_result=methods is QUANTISE))
    return view


def _told(method: Callable, note: Note, of_result: bool) -> Callable:
    def told(inputs: "torch.Tensor", *args, **kwargs) -> "torch.Tensor":
        if not of_result:
            note(inputs)
        outputs = method(inputs, *args, **kwargs)
        if of_result:
            note(outputs)
        return outputs

    return told


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turns torch's errors of exhausted memory into MemoryError: these networks take hundreds of bytes a pixel."""
    try:
        yield
    except RuntimeError as error:
        if "can't allocate" in str(error) or "not enough memory" in str(error):
            raise MemoryError from error
        raise


def _crc(symbols: list[np.ndarray]) -> int:
    """CRC-32 of the symbols in the order they are decoded, as little-endian int32."""
    return zlib.crc32(np.concatenate(symbols).astype("<i4").tobytes())
