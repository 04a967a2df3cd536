"""Settings of a sequence's encoder."""

from dataclasses import dataclass

from dlic.errors import DlicError
from dlic.learned.codec import MAX_EFFORT
from dlic.learned.exact.choice import AUTO, check_content

LONGEST_GOP = 64  # frames, where next to nothing changes; an encoder holds so many in memory
HIERARCHY = (0, -6, -12, -16, -19, -20, -21)  # levels of the layers, from the key frame's
CHAIN = (0, -5, -10)
MOST_ROUNDS = 3  # of the search for motion


def search_rounds(effort: int) -> int:
    """Rounds of the search for motion."""
    return min(1 + effort, MOST_ROUNDS)


@dataclass(frozen=True, kw_only=True)
class SequenceSettings:
    """How a sequence is cut into groups and coded."""

    level: int  # rate level of key frames; others have offsets by their layer
    low_delay: bool = False  # P frames only: no frame refers to a later one
    max_gop: int = LONGEST_GOP  # frames of a group at most; 32 where something changes
    effort: int = 0  # 0 … 9: smaller files for more encoding time; of key frames where PyTorch is installed
    content: str = AUTO  # what is weighed to be exact: auto, photo (nothing) or screen (everything)

    def __post_init__(self) -> None:
        if not 1 <= self.max_gop <= LONGEST_GOP:
            raise DlicError(f"a group has 1 to {LONGEST_GOP} frames, not {self.max_gop}")
        if not 0 <= self.effort <= MAX_EFFORT:
            raise DlicError(f"effort goes from 0 to {MAX_EFFORT}, not {self.effort}")
        check_content(self.content)

    def level_of(self, layer: int, levels: int) -> int:
        """The level of a frame of a layer, for a codec of so many levels; below 0 where a frame is worth fewer bits than any level
        gives: its motion is priced by that, and the network has level 0.
        """
        offsets = CHAIN if self.low_delay else HIERARCHY
        return min(self.level + offsets[min(layer, len(offsets) - 1)], levels - 1) if levels > 1 else 0
