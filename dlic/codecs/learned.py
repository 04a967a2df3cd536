"""The learned codec: pixels ⇄ latent ⇄ symbols ⇄ stream ⇄ .dlic, around any network that speaks the `Network` protocol."""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from dlic import checkpoints
from dlic.codecs.base import check_pixels
from dlic.container.format import Container, read, write
from dlic.entropy import rans
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError, UnknownCheckpointError
from dlic.timing import timed


class Network(Protocol):
    """A trained model as the codec sees it: arrays in, arrays out, whatever runs it."""

    stride: int  # image sizes it takes are multiples of this

    def analyse(self, pixels: np.ndarray, level: int) -> np.ndarray:
        """uint8 (H, W, 3) → y float32 (M, h, w)."""

    def parameters(self, size: tuple[int, int], level: int) -> tuple[np.ndarray, np.ndarray]:
        """Table rows (M, h, w) integer and means (M, h, w) float32 of a latent of `size` (h, w)."""

    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        """y_hat float32 (M, h, w) → uint8 (H, W, 3)."""


@dataclass(frozen=True)
class Encoded:
    """A compressed image with what is worth reporting about it."""

    data: bytes
    symbols: np.ndarray  # (M, h, w) int32
    seconds: dict[str, float]  # by stage


@dataclass(frozen=True)
class Decoded:
    """A decompressed image."""

    image: np.ndarray  # uint8 (H, W, 3)
    seconds: dict[str, float]


@dataclass(frozen=True)
class LearnedCodec:
    """One checkpoint at work."""

    name: str
    fingerprint: bytes
    network: Network
    tables: FrequencyTables

    def compress(self, image: np.ndarray, level: int = 0) -> bytes:
        """uint8 (H, W, 3) → the bytes of a .dlic file."""
        return self.encode(image, level).data

    def decompress(self, data: bytes) -> np.ndarray:
        """Bytes of a .dlic file → uint8 (H, W, 3)."""
        return self.decode(read(data)).image

    def encode(self, image: np.ndarray, level: int = 0) -> Encoded:
        """`compress`, with symbols and times."""
        seconds: dict[str, float] = {}
        height, width = check_pixels(image).shape[:2]
        with timed(seconds, "transform"):
            y = self.network.analyse(_padded(image, self.network.stride), level)
        with timed(seconds, "parameters"):
            rows, means = self.network.parameters(y.shape[1:], level)
            symbols = self.tables.clip(np.rint(y - means), rows)
        with timed(seconds, "entropy"):
            stream = rans.encode(symbols.ravel(), rows.ravel(), self.tables)
            crc = _symbols_crc(symbols)
        data = write(Container(width, height, level, self.fingerprint[:8], crc, stream))
        return Encoded(data, symbols, seconds)

    def decode(self, container: Container) -> Decoded:
        """The picture in a container that was made with this checkpoint."""
        seconds: dict[str, float] = {}
        symbols, means = self._symbols(container, seconds)
        with timed(seconds, "transform"):
            padded = self.network.synthesise(symbols.astype(np.float32) + means, container.level)
            image = np.ascontiguousarray(padded[: container.height, : container.width])
        return Decoded(image, seconds)

    def estimated_bits(self, symbols: np.ndarray, level: int = 0) -> float:
        """What symbols (M, h, w) cost in their tables, to hold against the bytes written."""
        rows, _ = self.network.parameters(symbols.shape[1:], level)
        return self.tables.bits(symbols.ravel(), rows.ravel())

    def symbols(self, container: Container) -> np.ndarray:
        """The symbols (M, h, w) in a container, checked against their checksum; no transform is run."""
        return self._symbols(container, {})[0]

    def _symbols(self, container: Container, seconds: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        if container.model != self.fingerprint[:8]:
            raise UnknownCheckpointError(f"made with checkpoint {container.model.hex()[:8]}…, not with {self.name}")
        stride = self.network.stride
        size = -(-container.height // stride), -(-container.width // stride)
        with timed(seconds, "parameters"):
            rows, means = self.network.parameters(size, container.level)
        with timed(seconds, "entropy"):
            symbols = rans.decode(container.stream, rows.ravel(), self.tables).reshape(rows.shape)
            if _symbols_crc(symbols) != container.symbols_crc:
                raise CorruptFileError("the coded picture does not give the symbols it was made from")
        return symbols, means


@lru_cache(maxsize=4)
def load_codec(folder: str | Path) -> LearnedCodec:
    """The codec of a checkpoint folder, loaded once. Raises UnknownCheckpointError."""
    from dlic.models import deploy

    manifest = checkpoints.read_manifest(folder)
    try:
        network = deploy(manifest.model, manifest.config, checkpoints.read_weights(folder))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnknownCheckpointError(f"{folder} does not hold a model this dlic can run: {error}") from error
    return LearnedCodec(manifest.name, manifest.fingerprint, network, manifest.tables)


def _padded(image: np.ndarray, stride: int) -> np.ndarray:
    """Replicated at the bottom and right to multiples of `stride`."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="edge")


def _symbols_crc(symbols: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(symbols, dtype="<i4"))
