"""The protocols of a deployed model: NumPy arrays in, NumPy arrays out, whatever library runs it.

Latents are float32 arrays (h, w, M) for every model: height and width first, channels last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.coder import CODERS, PLAIN, Coder
from dlic.entropy.parts import Path, Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.progress import Progress
from dlic.runtime.tile_context import Surroundings

# means (h, w, M) and mask (h, w, M) bool of one context step → y_hat less these means, in steps; only read where the mask is set
Quantiser = Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.float32]]


class TableRows(Protocol):
    """The table row of every symbol, from whole numbers alone: every machine parses a file the same way."""

    def path(self, size: tuple[int, int], level: int) -> Path:
        """The parts of a picture's symbols in the order of coding, for a y of `size` (h, w); encoder and decoder both walk it."""

    def hyper_rows(self, size: tuple[int, int], level: int) -> NDArray[Any]:
        """Rows of the symbols of z, for a y of `size` (h, w); empty where the model has no z."""

    def rows(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[Any]:
        """Rows of the symbols of y (h, w, M), given the symbols of z."""

    def steps(self, size: tuple[int, int]) -> NDArray[np.float32] | None:
        """Context step of every symbol of y (h, w, M), in which `EncoderNetwork.quantise` asks for it; None without a context."""


class DecoderNetwork(Protocol):
    """The part of a model that readers of files run."""

    stride: int  # pixels along one latent; images are padded to multiples of it
    levels: int  # rates the model has
    unit: int  # pixels along the part of a picture that one symbol of z covers; tiles begin at multiples of it
    halo: int  # latents around a part of a picture that the transforms need to see, so that it comes out as in the whole picture

    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> Any:
        """The information about y (h, w, M) that z holds beside the rows, for `reconstruct` and `EncoderNetwork.quantise`."""

    def reconstruct(self, context: Any, symbols: NDArray[Any]) -> NDArray[np.float32]:
        """Symbols of y (h, w, M), whole or in fractions of a step → y_hat as `synthesise` takes it."""

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        """y_hat (h, w, M) → uint8 (H, W, 3)."""


class EncoderNetwork(Protocol):
    """The part of a model that only writers of files run."""

    refinable: bool  # `refine` can be called
    step_price: float | None  # bits that a squared error of one step of y is worth; None: y is rounded to the nearest

    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (H, W, 3), H and W multiples of the stride → latent float32 (h, w, M), the same for every level."""

    def at_level(self, latent: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        """The latent in quantisation steps of a level: y."""

    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        """y → symbols of z, rounded but not yet clipped; empty where the model has none."""

    def quantise(self, context: Any, quantiser: Quantiser) -> NDArray[np.float32]:
        """Runs the context loop on a decoder's `context`; returns y_hat as `DecoderNetwork.synthesise` takes it."""

    def refine(
        self,
        goal: "RefinementGoal",
        y: NDArray[np.float32],
        plain: Symbols,
        rounded: Callable[[NDArray[np.int32]], Symbols],
        effort: int,
        progress: Progress,
    ) -> Symbols:
        """Symbols that cost less in bits + λ · distortion, the higher the effort 1 … 9.

        Args:
            goal: the image, and the measure of success.
            y: its latent (h, w, M) in steps of the level.
            plain: the symbols of plain encoding.
            rounded: gives them for other symbols of z.
            effort: 1 … 9.
            progress: told the share of the work that is done.
        """


@dataclass(frozen=True, eq=False)
class RefinementGoal:
    """The image that refined symbols stand for, and how their cost is measured."""

    image: NDArray[np.uint8]  # uint8 (H, W, 3), not padded
    level: int
    tables: FrequencyTables  # that the symbols are coded with
    distortion: str = "mse"  # as a checkpoint's manifest names it
    around: Surroundings | None = None  # of a tile: distortion is that of all pixels that its latents change
    coder: Coder = CODERS[PLAIN]  # of the file: says what symbols cost, and whether their groups must be even


@dataclass(frozen=True, eq=False)
class DeployedModel:
    """A trained model as a codec runs it."""

    encoder: EncoderNetwork
    decoder: DecoderNetwork
    rows: TableRows
