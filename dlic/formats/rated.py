"""New files of codecs that have a rate: their effort, and their facts."""

from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from dlic.container.format import Container, append, read
from dlic.errors import DlicError
from dlic.formats.writing import Outcome, Wishes, cheap_thumbnail, whole_number
from dlic.images.files import ImageFile
from dlic.runtime.choice import INSTALL, TORCH, is_installed

if TYPE_CHECKING:
    from dlic.learned.rate_control import Achieved

REACHED = {"psnr": ", PSNR {:.2f} dB", "ms-ssim": ", MS-SSIM {:.4f}"}  # by the measure of a target


def effort_of(wishes: Wishes) -> int:
    """0 … 9. Raises DlicError for anything else, and for efforts above 0 without PyTorch."""
    from dlic.learned.codec import MAX_EFFORT

    effort = 0 if wishes.effort is None else whole_number("effort", wishes.effort, 0, MAX_EFFORT)
    if effort > 0 and not is_installed(TORCH):
        raise DlicError(f"an effort above 0 takes PyTorch, which is not installed: {INSTALL[TORCH]}")
    return effort


class ReadBack(Protocol):
    """A codec that reads its files back to verify them."""

    @property
    def levels(self) -> int: ...

    def crcs(self, container: Container) -> tuple[int, ...]: ...


def outcome_of(achieved: "Achieved", picture: ImageFile, wishes: Wishes, seconds: dict[str, float], codec: ReadBack) -> Outcome:
    """A new file with its facts."""
    from dlic.learned.picture_codec import quality_of

    encoded = achieved.encoded
    scales = _scales(picture.pixels) if "ms-ssim" in achieved.figures else {}
    said = f", looks as at quality {quality_of(encoded.level, codec.levels)}" if codec.levels > 1 else ""
    said += "".join(REACHED[name].format(value) for name, value in achieved.figures.items() if name in REACHED)
    said += "".join(f" of {count} scales" for count in scales.values() if count < 5)
    exact = {"exact": encoded.exact} if encoded.exact else {}
    return Outcome(
        data=append(encoded.data, cheap_thumbnail(picture, wishes, encoded.data)),
        matches=lambda written: codec.crcs(read(written)) == encoded.crcs,
        seconds={**seconds, **encoded.seconds},
        figures={"level": encoded.level, "estimated_bits": encoded.estimated_bits, **exact, **achieved.figures, **scales},
        said=said + said_of_share(encoded.exact),
        detail=f", estimated {encoded.estimated_bits / 8:,.0f} bytes, level {encoded.level}",
    )


def said_of_share(share: float) -> str:
    """', 37 % of it exact blocks', if there are any."""
    return f", {100 * share:.0f} % of it exact blocks" if share else ""


def _scales(pixels: NDArray[Any]) -> dict[str, int]:
    """How many scales of MS-SSIM were measured; small pictures have fewer than five."""
    from dlic.metrics.registry import ms_ssim_scales

    return {"ms_ssim_scales": ms_ssim_scales(*pixels.shape[:2])}
