"""What a stream says of a picture: whole numbers, and the table row of each."""

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Symbols:
    """The symbols of the latents z and y, each laid out as the network that made them likes."""

    z: np.ndarray  # int32; empty where the network has no z
    z_rows: np.ndarray  # as z
    y: np.ndarray  # int32
    y_rows: np.ndarray  # as y

    @property
    def values(self) -> np.ndarray:
        """All symbols in coding order: int32 (N,)."""
        return np.concatenate([self.z.ravel(), self.y.ravel()])

    @property
    def rows(self) -> np.ndarray:
        """The table row of each: (N,)."""
        return np.concatenate([self.z_rows.ravel(), self.y_rows.ravel()])

    @property
    def parts(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Symbols and rows in the parts a stream is coded in: the rows of y depend on z."""
        return [(self.z.ravel(), self.z_rows.ravel()), (self.y.ravel(), self.y_rows.ravel())]

    @property
    def crc(self) -> int:
        """CRC-32 of `values` as little-endian int32."""
        z, y = (np.ascontiguousarray(part, dtype="<i4") for part in (self.z, self.y))
        return zlib.crc32(y, zlib.crc32(z))
