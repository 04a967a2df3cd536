"""What a codec asks of a trained model: arrays in, arrays out, whatever runs it."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from dlic.entropy.parts import Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.progress import Progress
from dlic.runtime.tile_context import Surroundings


class Network(Protocol):
    """A trained model as the codec sees it.

    Latents and everything of their shape are laid out as the network likes; `size` is their height and width. Rows, and the symbols
    z they depend on, come from whole numbers only, so that every machine parses a file the same way.
    """

    stride: int  # image sizes it takes are multiples of this
    levels: int  # rates it has
    refinable: bool  # whether `refine` can be called
    beside: Executor  # runs what is computed while the codec does something else
    cores: int  # that it may use
    space: int  # the first of the two axes of a latent that are height and width
    halo: int  # latents around a part of a picture that its transforms are shown, so that it comes out as in the whole
    step_price: float | None  # bits that a squared error of one step of y is worth; None: y is rounded to the nearest

    def workers(self, count: int) -> AbstractContextManager[Executor]:
        """Threads that compute on one core each, for as long as a block lasts."""

    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) → latent float32, the same for every level."""

    def at_level(self, latent: np.ndarray, level: int) -> np.ndarray:
        """The latent in quantisation steps of a level: y."""

    def hyper(self, y: np.ndarray, level: int) -> np.ndarray:
        """y → symbols of z, rounded but not yet clipped; empty where the model has none."""

    def hyper_rows(self, size: tuple[int, int], level: int) -> np.ndarray:
        """Table row of every symbol of z."""

    def rows(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        """Table row of every symbol of y."""

    def refine(
        self,
        image: np.ndarray,
        y: np.ndarray,
        plain: Symbols,
        rounded: Callable[[np.ndarray], Symbols],
        level: int,
        tables: FrequencyTables,
        effort: int,
        progress: Progress,
        around: Surroundings | None,
        distortion: str,
    ) -> Symbols:
        """Symbols for an image uint8 (H, W, 3), not padded, that cost less in bits + λ · distortion the higher the effort 1 … 9.

        `plain` are those of plain encoding, `rounded` gives them for other symbols of z. Of a tile the distortion is that of all
        the pixels that its latents change, amid what is `around` it.
        """

    def context(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> Any:
        """What z says of y beside the rows, for `quantise` and `reconstruct`."""

    def quantise(self, context: Any, quantise: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """y_hat as `synthesise` takes it, of symbols that `quantise(means, which)` chooses around these means where `which` is."""

    def reconstruct(self, context: Any, symbols: np.ndarray) -> np.ndarray:
        """The same y_hat, of symbols that are known."""

    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        """y_hat → uint8 (H, W, 3)."""
