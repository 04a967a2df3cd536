"""The rule that selects ten photographs for a page, and the window of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

COUNT = 10
CROP = 256  # pixels of a side: four fit next to each other on a screen
STEP = 16  # pixels between windows that are tried


@dataclass(frozen=True)
class Theme:
    """A subject, where Kodak has it: the middle of the window as shares of height and width."""

    name: str
    middle: tuple[float, float]


THEMES = {
    "kodim04": Theme("a face", (0.46, 0.5)),
    "kodim15": Theme("skin", (0.6, 0.75)),
    "kodim08": Theme("text", (0.66, 0.9)),
    "kodim22": Theme("grass", (0.9, 0.55)),
}
# Ranks by difference, as shares from the worst (0) to the best (1): both ends before the middle, the worst cases first.
RANKS = {
    0.0: "the worst case",
    1.0: "the best case",
    0.5: "the median case",
}


@dataclass(frozen=True)
class Choice:
    """The reason for showing a photograph, and the window that is shown."""

    reason: str
    corner: tuple[int, int] | None = None  # top and left of the window; None: where the codecs differ most


def choose(differences: Mapping[str, float], images: Mapping[str, np.ndarray]) -> dict[str, Choice]:
    """Ten photographs, or all of fewer: both ends and the middle by difference, the themes, then the next from both ends.

    Args:
        differences: score of ours less that of the anchor, by name.
        images: uint8 (H, W, 3) by the same names.
    """
    ranked = sorted(differences, key=lambda name: (differences[name], name))
    choices: dict[str, Choice] = {}
    for share, reason in RANKS.items():
        name = ranked[round(share * (len(ranked) - 1))]
        choices.setdefault(name, Choice(f"{reason}, {differences[name]:+.1f}"))
    for name, theme in ((name, THEMES[Path(name).stem]) for name in differences if Path(name).stem in THEMES):
        reason = f"{theme.name}; {choices[name].reason}" if name in choices else f"{theme.name}, {differences[name]:+.1f}"
        choices[name] = Choice(reason, _window_around(images[name], theme.middle))
    darkest = min(differences, key=lambda name: float(images[name].mean()))
    if darkest in choices:
        choices[darkest] = Choice(f"the darkest photograph; {choices[darkest].reason}", choices[darkest].corner)
    else:
        choices[darkest] = Choice(f"the darkest photograph, {differences[darkest]:+.1f}", _darkest_window(images[darkest]))
    for place in range(1, len(ranked)):  # the second worst, the second best, the third worst …
        for name, end in ((ranked[place], "worst"), (ranked[-1 - place], "best")):
            if len(choices) < min(COUNT, len(ranked)):
                choices.setdefault(name, Choice(f"the {_ordinal(place + 1)} {end} case, {differences[name]:+.1f}"))
    return dict(sorted(choices.items(), key=lambda item: differences[item[0]]))


def differing_window(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """Top and left of the window in which two pictures, uint8 (H, W, 3), differ most."""
    difference = np.abs(first.astype(np.int16) - second).sum(axis=2)
    return _largest_window(difference)


def _darkest_window(image: np.ndarray) -> tuple[int, int]:
    return _largest_window(255 - image.mean(axis=2))


def _largest_window(values: np.ndarray) -> tuple[int, int]:
    """Top and left of the window with the largest sum, among those `STEP` apart and those at the edges."""
    sums = np.pad(values, ((1, 0), (1, 0))).astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    tops, lefts = (np.unique([*range(0, max(1, side - CROP), STEP), max(0, side - CROP)]) for side in values.shape)
    bottoms, rights = (np.minimum(start + CROP, side) for start, side in zip((tops, lefts), values.shape, strict=True))
    inside = sums[bottoms][:, rights] - sums[tops][:, rights] - sums[bottoms][:, lefts] + sums[tops][:, lefts]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(tops[row]), int(lefts[column])


def _window_around(image: np.ndarray, middle: tuple[float, float]) -> tuple[int, int]:
    """Top and left of the window with this middle, moved inside the picture."""
    top, left = (
        max(0, min(round(share * side) - CROP // 2, side - CROP)) for share, side in zip(middle, image.shape[:2], strict=True)
    )
    return top, left


def _ordinal(place: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh"}.get(place, f"{place}th")
