"""An image whose exact blocks are chosen, with what is computed once for it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.learned.exact.blocks import squares
from dlic.learned.exact.few_colours import Colours
from dlic.learned.exact.ground import ground_of
from dlic.learned.exact.visibility import visibility

Samples = NDArray[np.uint8]  # (H, W, 3)


@dataclass(frozen=True, eq=False)
class Subject:
    """An image, and how errors in it count: for eyes, or alike everywhere."""

    image: Samples
    visual: bool = True

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Of squared errors: (H, W)."""
        return visibility(self.image) if self.visual else np.ones(self.image.shape[:2], np.float32)

    @cached_property
    def colours(self) -> Colours:
        """All of the image."""
        return Colours.of(self.image)

    @cached_property
    def ground(self) -> Samples | None:
        """The smooth shades of the image, continued everywhere; None: there are none."""
        return ground_of(self.image)

    @cached_property
    def apart(self) -> NDArray[np.float32]:
        """Squared distance of each pixel to the ground, all channels together: (H, W)."""
        assert self.ground is not None, "only asked for where there is a ground"
        return squares(self.image, self.ground)
