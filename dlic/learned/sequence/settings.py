"""Settings of a sequence encoder."""

from dataclasses import dataclass

from dlic.errors import DlicError

LONGEST_GOP = 32  # frames; an encoder holds so many in memory


@dataclass(frozen=True, kw_only=True)
class SequenceSettings:
    """How a sequence is cut into groups and coded."""

    level: int  # rate level of key frames; others have offsets by their layer
    low_delay: bool = False  # P frames only: no frame refers to a later one
    max_gop: int = LONGEST_GOP  # frames of a GOP at most: the intra period
    search: int = 1  # 0: fast motion search, 1: usual

    def __post_init__(self) -> None:
        if not 1 <= self.max_gop <= LONGEST_GOP:
            raise DlicError(f"a GOP has 1 to {LONGEST_GOP} frames, not {self.max_gop}")
