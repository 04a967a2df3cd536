"""The protocols of a deployed model: NumPy arrays in, NumPy arrays out, for any library that runs it.

Latents are float32 arrays (h, w, M) for every model: height and width first, channels last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.coder import CODERS, PLAIN, Coder
from dlic.entropy.parity import Groups
from dlic.entropy.parts import Path, Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.progress import Progress
from dlic.runtime.gains import Gains
from dlic.runtime.memory import PROCESS_WITH_TORCH
from dlic.runtime.tile_context import Surroundings

# means (h, w, M) and mask (h, w, M) bool of one context step → y_hat − means, in steps; it is read only where the mask is set
Quantiser = Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.float32]]


class TableRows(Protocol):
    """Computes the table row of every symbol in whole numbers only, so every machine parses a file in the same way."""

    def path(self, size: tuple[int, int], level: int) -> Path:
        """The parts of a picture's symbols in the order of coding, for a y of `size` (h, w); encoder and decoder both walk it."""

    def hyper_rows(self, size: tuple[int, int], level: int) -> NDArray[Any]:
        """Rows of the symbols of z, for a y of `size` (h, w); empty where the model has no z."""

    def rows(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[Any]:
        """Rows of the symbols of y (h, w, M), given the symbols of z."""

    def steps(self, size: tuple[int, int]) -> NDArray[np.float32] | None:
        """Context step of every symbol of y (h, w, M), as `EncoderNetwork.quantise` runs them; None without a context."""


class DecoderNetwork(Protocol):
    """The decoder of a model; readers of files need only this."""

    stride: int  # pixels along one latent; images are padded to multiples of it
    levels: int  # rates the model has
    unit: int  # pixels along the part of a picture that one symbol of z covers; tiles begin at multiples of it
    halo: int  # border in latents around a part of a picture; with it the part comes out as in the whole picture

    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> Any:
        """The information about y (h, w, M) that z holds in addition to the rows, for `reconstruct` and
        `EncoderNetwork.quantise`.
        """

    def reconstruct(self, context: Any, symbols: NDArray[Any]) -> NDArray[np.float32]:
        """Symbols of y (h, w, M), whole or fractional → y_hat for `synthesise`."""

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        """y_hat (h, w, M) → uint8 (H, W, 3)."""


class Unrounded(Protocol):
    """A decoder that also gives pixels before they are rounded (`learned.guarded_rounding`)."""

    def differences(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        """y_hat (h, w, M) → float32 (H, W, 3): unrounded pixels less the prediction, or less 128 without one, and ½. Their floor
        is added to the prediction, or to 128.
        """


class EncoderNetwork(Protocol):
    """The encoder of a model; only writers of files need it."""

    refinable: bool  # `refine` can be called
    step_price: float | None  # bits a squared error of one step of y; None: y is rounded to the nearest integer

    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (H, W, 3), H and W multiples of the stride → latent float32 (h, w, M), the same for every level."""

    def at_level(self, latent: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        """The latent in quantisation steps of a level: y."""

    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        """y → symbols of z, rounded but not yet clipped; empty where the model has none."""

    def quantise(self, context: Any, quantiser: Quantiser) -> NDArray[np.float32]:
        """Runs the context loop on a decoder's `context`; returns y_hat for `DecoderNetwork.synthesise`."""

    def refine(
        self,
        goal: "RefinementGoal",
        y: NDArray[np.float32],
        plain: Symbols,
        rounded: Callable[[NDArray[np.int32]], Symbols],
        effort: int,
        progress: Progress,
    ) -> Symbols:
        """Searches for symbols of lower bits + λ · distortion; a higher effort 1 … 9 finds a lower cost.

        Args:
            goal: the image, and the terms of the cost.
            y: its latent (h, w, M) in steps of the level.
            plain: the symbols of plain encoding.
            rounded: computes the plain symbols for other symbols of z.
            effort: 1 … 9.
            progress: gets the share of the work that is done, 0 … 1.
        """

    def refine_further(self, goal: "FurtherGoal", plain: NDArray[np.int32], effort: int, progress: Progress) -> NDArray[np.int32]:
        """`refine` for the second layer of a progressive picture: refinements (h, w, M) of lower bits + λ · distortion than
        `plain`, next to a first layer that stays.
        """


class Unrefined:
    """The part of an `EncoderNetwork` without refinement: every effort keeps the plain symbols."""

    refinable = False

    def refine(
        self,
        goal: "RefinementGoal",
        y: NDArray[np.float32],
        plain: Symbols,
        rounded: Callable[[NDArray[np.int32]], Symbols],
        effort: int,
        progress: Progress,
    ) -> Symbols:
        return plain

    def refine_further(self, goal: "FurtherGoal", plain: NDArray[np.int32], effort: int, progress: Progress) -> NDArray[np.int32]:
        return plain


class InterNetwork(Protocol):
    """A model of frames that are predicted from others. Given a prediction, it is a model of one picture."""

    def given(self, prediction: NDArray[np.uint8]) -> "DeployedModel":
        """A model bound to a prediction p, uint8 (H, W, 3), H and W multiples of the stride. Its `analyse` takes the pixels x of
        the same place and runs g_a on x − p; its `synthesise` returns x_hat = clip(p + g_s(y_hat)) of p's size, uint8. Its
        `context`, `reconstruct` and `quantise` may use p; its rows never do. Binding is cheap: weights are shared.
        """


class ExitsEarly(Protocol):
    """A decoder that can stop in the middle of g_s (`runtime.early_exit`)."""

    exits_early: bool  # whether the checkpoint has a graph for it

    def early_features(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        """y_hat (h, w, M) → features behind the first blocks at 1/8, weighted as before the last layer: (2h, 2w, C)."""


@dataclass(frozen=True, eq=False)
class RefinementGoal:
    """The image of a refinement, and the terms of its cost."""

    image: NDArray[np.uint8]  # uint8 (H, W, 3), not padded
    level: int
    tables: FrequencyTables  # frequency tables of the symbols
    distortion: str = "mse"  # as a checkpoint's manifest names it
    around: Surroundings | None = None  # of a tile: the distortion covers all pixels that its latents change
    coder: Coder = CODERS[PLAIN]  # of the file: prices symbols, and says whether groups must be even


@dataclass(frozen=True, eq=False, kw_only=True)
class FurtherGoal:
    """A second layer to refine, and the terms of its cost."""

    image: NDArray[np.uint8]  # uint8 (H, W, 3), not padded
    level: int  # of both layers
    base: NDArray[np.float32]  # y_hat (h, w, M) without refinements
    unit: NDArray[np.float32]  # change of y_hat by a refinement of 1 (h, w, M)
    tables: FrequencyTables
    rows: NDArray[Any]  # table of each refinement (h, w, M)
    groups: Groups | None  # with even sums, in places of the raveled refinements
    bits: Callable[[NDArray[Any]], float]  # of refinements, by the tables
    y_hat: Callable[[NDArray[Any]], NDArray[np.float32]]  # of a decoder, for refinements
    distortion: str = "mse"  # as a checkpoint's manifest names it
    around: Surroundings | None = None  # of a tile, in units of `level`; `unit` has the scale of its steps


@dataclass(frozen=True, eq=False)
class DeployedModel:
    """A trained model as a codec runs it."""

    encoder: EncoderNetwork
    decoder: DecoderNetwork
    rows: TableRows
    process: int = PROCESS_WITH_TORCH  # bytes of a process that has loaded it
    gains: Gains | None = None  # of a latent that is the same at all levels, which progressive files refine
