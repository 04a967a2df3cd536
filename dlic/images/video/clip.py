"""A clip: frames with times, and packets of sound and subtitles that are copied."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from dlic.errors import UnreadableImageError
from dlic.pixels.frames import Frame, SequenceFormat

BROWSER_DELAY = Fraction(1, 10)  # seconds that browsers show a frame of an animation that states none


@dataclass(frozen=True, kw_only=True)
class Track:
    """A stream that is copied: its parameters as a Matroska file of one packet."""

    kind: str  # audio or subtitle
    codec: str
    time_base: Fraction  # seconds of one tick of its packets
    template: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TrackPacket:
    """A coded piece of a track; times are in ticks of the track, 0 is where the first frame appears."""

    track: int  # index
    pts: int
    dts: int
    duration: int
    is_key: bool
    data: bytes = field(repr=False)


Item = Frame | TrackPacket


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A clip that has been opened. `items` starts at the beginning whenever it is called."""

    form: SequenceFormat
    items: Callable[[], Iterator[Item]]
    frames: int | None = None  # as the file states it; a guess
    seconds: float | None = None  # likewise
    pixel_aspect: Fraction = Fraction(1)  # width of a pixel over its height
    tracks: tuple[Track, ...] = ()
    notes: list[str] = field(default_factory=list)  # one clause for each change or loss; reading adds some

    def pictures(self) -> Iterator[Frame]:
        """The frames alone."""
        return (item for item in self.items() if isinstance(item, Frame))

    def note(self, clause: str) -> None:
        """Adds a note, once."""
        if clause not in self.notes:
            self.notes.append(clause)


def at_rate(clip: Clip, fps: Fraction) -> Clip:
    """The frames of a clip at a constant rate, without its tracks, whose times would no longer fit."""

    def items() -> Iterator[Item]:
        for number, frame in enumerate(clip.pictures()):
            yield replace(frame, pts=number, duration=1)

    seconds = None if clip.frames is None else float(clip.frames / fps)
    form = replace(clip.form, time_base=1 / fps)
    return replace(clip, form=form, items=items, seconds=seconds, tracks=())


def check_frame_size(name: str, size: tuple[int, int], form: SequenceFormat, number: int) -> None:
    """Raises UnreadableImageError for a frame of another (width, height) than the clip."""
    if size != (form.width, form.height):
        raise UnreadableImageError(
            f"{name} changes its size at frame {number}: {size[0]} × {size[1]} after {form.width} × {form.height}; "
            "a sequence has one size"
        )


def check_clip_size(name: str, width: int, height: int, max_pixels: int) -> None:
    """Raises UnreadableImageError for frames of more than `max_pixels` pixels, or none."""
    if not 0 < width * height <= max_pixels:
        raise UnreadableImageError(
            f"{name} has frames of {width} × {height} = {width * height:,} pixels, not 1 to {max_pixels:,}; --max-pixels raises it"
        )
