"""Pictures of exact blocks and nothing else: text, screens and drawings, decoded without a network."""

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from dlic.container.exact_layer import ExactLayer
from dlic.container.format import EXACT
from dlic.formats.container_kind import COLOURS, WholeKind, container_of
from dlic.formats.kind import Description, Details
from dlic.formats.rated import effort_of, outcome_of, said_of_share
from dlic.formats.reading import Reading
from dlic.formats.writing import DEFAULT_QUALITY, Encode, Outcome, Wishes, separated
from dlic.images.files import ImageFile
from dlic.progress import Progress
from dlic.runtime.timing import timed


class ExactBlocks(WholeKind):
    """Files that `Learned` writes too, of pictures in which a network would have no part."""

    name = "exact"
    numbers = (EXACT,)
    takes = frozenset(["quality", "effort", "alpha_quality", "thumbnail", "browsed", "source_hash"])

    def details(self, described: Description) -> Details:
        from dlic.learned.exact import whole

        container, colours = container_of(described), COLOURS[described.channels]
        layer = whole.layer_of_whole(container)
        figures = {"colours": colours, "level": container.level}
        return with_layer(Details(figures, f"{colours}, no network", f", level {container.level}"), layer)

    def decode(self, described: Description, reading: Reading) -> tuple[NDArray[Any], dict[str, float]]:
        from dlic.learned.exact import whole

        seconds: dict[str, float] = {}
        with timed(seconds, "exact blocks"):
            return whole.decode(container_of(described)), seconds

    def prepare(self, wishes: Wishes) -> Encode:
        from dlic.learned.exact import whole
        from dlic.learned.exact.choice import Chooser
        from dlic.learned.picture_codec import check_quality
        from dlic.learned.rate_control import Achieved

        quality = check_quality(DEFAULT_QUALITY if wishes.quality is None else wishes.quality)
        effort = effort_of(wishes)

        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            seconds: dict[str, float] = {}
            parts = separated(picture, wishes)
            with timed(seconds, "exact blocks"):
                made = whole.forced(Chooser(parts.colours), quality, effort, parts.chunks)
            return outcome_of(Achieved(made, {}), picture, wishes, seconds, whole.WholeCodec())

        return encode


def with_layer(details: Details, layer: ExactLayer | None) -> Details:
    """Adds how much of a picture is stored exactly, or in few colours, 0 … 1, and how these pixels are coded."""
    if layer is None:
        return replace(details, figures={**details.figures, "exact": 0.0})
    from dlic.classical.lossless.repeating import name_of

    names = sorted(set(map(name_of, layer.streams)))
    figures = {**details.figures, "exact": layer.share, "exact_coding": names}
    return replace(
        details,
        figures=figures,
        sentence=details.sentence + said_of_share(layer.share),
        detail=f"{details.detail}, exact blocks by {' and '.join(names)}",
    )
