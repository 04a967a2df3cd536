"""Rendered pages to train on: text, code, charts and interfaces in several fonts, sizes and themes, and text over photographs.

A page is a function of the random numbers it is given and of the fonts of this machine: those below FONT_FOLDERS, and Pillow's own.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "C:/Windows/Fonts")
MOST_FONTS = 40
SMALLEST, LARGEST = 9, 30  # height of letters in pixels
THEMES = (  # paper, ink, accent
    ("#ffffff", "#000000", "#0645ad"), ("#fafafa", "#24292e", "#d73a49"), ("#1e1e1e", "#d4d4d4", "#569cd6"),
    ("#fdf6e3", "#586e75", "#cb4b16"), ("#002b36", "#93a1a1", "#b58900"), ("#f0f0f0", "#222222", "#2a9d8f"),
)  # fmt: skip
COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c")
WORDS = [
    "the",
    "of",
    "and",
    "a",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "they",
    "which",
    "one",
    "you",
    "were",
    "Compression",
    "quality",
    "level",
    "1,248",
    "px",
    "37.5",
    "%",
    "width:",
    "height;",
    "Results",
    "(2026)",
    "figure",
    "x",
    "=",
    "y",
    "+",
    "3;",
    "def",
    "return",
    "if",
    "else",
    "None",
    "True",
    "print()",
    "https://example.org/index.html#top",
    "[",
    "OK",
    "]",
    "Save",
    "Cancel",
    "Möglichkeit",
    "façade",
    "niño",
    "Ærø",
    "žluťoučký",
    "—",
    "–",
    "“quoted”",
    "…",
    "©",
    "±",
    "µ",
    "λ",
    "Σ",
]
PROBE, NO_LETTER = "aZé7%", "\U0010ffff"  # what a font must draw, and what none has a letter for
FINE = 4  # charts are drawn so many times larger and shrunk, for smooth edges

Theme = tuple[str, str, str]
Random = np.random.Generator


def rendered_page(rng: Random, size: int, photograph: np.ndarray) -> np.ndarray:
    """A page of `size` × `size`: uint8 (size, size, 3). One of four kinds; text over a photograph takes `photograph`, of the page's
    size, for its ground.
    """
    kinds: tuple[Callable[[Random, int], Image.Image], ...] = (_text, _chart, _interface)
    kind = int(rng.integers(len(kinds) + 1))
    page = _caption(rng, photograph) if kind == len(kinds) else kinds[kind](rng, size)
    return np.asarray(page)


def _text(rng: Random, size: int) -> Image.Image:
    """Lines of words, some of them indented, coloured or bold by their font."""
    paper, ink, accent = _theme(rng)
    page = Image.new("RGB", (size, size), paper)
    font, height = _font(rng)
    pen, top = ImageDraw.Draw(page), int(rng.integers(-height, height))
    while top < size:
        left = int(rng.integers(0, 4)) * height if rng.random() < 0.3 else 4
        pen.text((left, top), _words(rng, size // 4), accent if rng.random() < 0.15 else ink, font)
        top += int(height * rng.uniform(1.2, 1.8))
    return page


def _chart(rng: Random, size: int) -> Image.Image:
    """Lines or bars between axes, a legend and numbers."""
    paper, ink, _ = _theme(rng)
    large, wide = Image.new("RGB", (FINE * size, FINE * size), paper), FINE * size
    pen, count = ImageDraw.Draw(large), int(rng.integers(2, 7))
    for share in np.linspace(0.1, 0.9, int(rng.integers(3, 9))):
        pen.line((wide // 8, int(share * wide), wide, int(share * wide)), fill="#cccccc", width=FINE)
    for number in range(count):
        heights = wide * np.clip(0.5 + rng.normal(0, 0.12, 24).cumsum(), 0.05, 0.95)
        places = np.linspace(wide // 8, wide, len(heights))
        if rng.random() < 0.6:
            pen.line([*zip(places, heights, strict=True)], fill=COLOURS[number], width=int(rng.integers(1, 3)) * FINE)
        else:
            left = wide // 8 + number * wide // 8
            pen.rectangle((left, heights[0], left + wide // 12, wide * 0.9), fill=COLOURS[number], outline=ink)
    page = large.resize((size, size), Image.Resampling.LANCZOS)
    _labels(rng, page, ink)
    return page


def _interface(rng: Random, size: int) -> Image.Image:
    """A window: a title, boxes with gradients or borders, buttons and text."""
    paper, ink, accent = _theme(rng)
    page = Image.new("RGB", (size, size), paper)
    pen, (font, height) = ImageDraw.Draw(page), _font(rng)
    pen.rectangle((0, 0, size, 2 * height), fill=accent)
    pen.text((8, height // 2), _words(rng, 20), paper, font)
    for _ in range(int(rng.integers(3, 9))):
        left, top = (int(number) for number in rng.integers(0, size, 2))
        width, tall = int(rng.integers(40, size // 2 + 41)), int(rng.integers(height + 8, 3 * height + 9))
        box = (left, top + 2 * height, left + width, top + 2 * height + tall)
        if rng.random() < 0.3:
            page.paste(_shade(rng, width, tall), box[:2])
        else:
            fill = str(rng.choice([*COLOURS, paper]))
            pen.rounded_rectangle(box, radius=int(rng.integers(0, 9)), fill=fill, outline=ink)
        pen.text((box[0] + 6, box[1] + 4), _words(rng, width // 8), ink, font)
    return page


def _caption(rng: Random, photograph: np.ndarray) -> Image.Image:
    """A photograph with large letters over it, with or without an outline."""
    page, (font, height) = Image.fromarray(photograph), _font(rng, LARGEST)
    pen, outline = ImageDraw.Draw(page), int(rng.integers(0, 3))
    for top in rng.integers(0, page.height, int(rng.integers(1, 4))):
        inks = ("white", "black") if rng.random() < 0.7 else ("#ffd60a", "#10002b")
        pen.text((6, int(top)), _words(rng, page.width // height), inks[0], font, stroke_width=outline, stroke_fill=inks[1])
    return page


def _labels(rng: Random, page: Image.Image, ink: str) -> None:
    pen, font = ImageDraw.Draw(page), _font(rng, SMALLEST)[0]
    for share in np.linspace(0.1, 0.9, 5):
        pen.text((2, int(share * page.height)), f"{rng.uniform(0, 100):.{int(rng.integers(3))}f}", ink, font)
        pen.text((int(share * page.width), page.height - 2 * SMALLEST), _words(rng, 6), ink, font)


def _shade(rng: Random, width: int, height: int) -> Image.Image:
    """A vertical gradient between two colours."""
    first, last = rng.integers(0, 256, (2, 1, 1, 3))
    share = np.linspace(0, 1, height)[:, None, None]
    return Image.fromarray(np.broadcast_to(first + share * (last - first), (height, width, 3)).astype(np.uint8))


def _theme(rng: Random) -> Theme:
    return THEMES[int(rng.integers(len(THEMES)))]


def _words(rng: Random, letters: int) -> str:
    """Words of about so many letters."""
    line = str(rng.choice(WORDS))
    while len(line) < letters:
        line += f" {rng.choice(WORDS)}"
    return line


def _font(rng: Random, height: int | None = None) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, int]:
    """A font, and the height of its letters in pixels: that, or any."""
    height = int(rng.integers(SMALLEST, LARGEST)) if height is None else height
    files = fonts()
    file = files[int(rng.integers(len(files) + 1)) - 1] if files else None
    return _loaded(file, height), height


@cache
def fonts() -> tuple[Path, ...]:
    """Fonts of this machine that have Latin letters, by name. Others, of which there may be many, would draw boxes."""
    found = sorted(path for folder in map(Path, FONT_FOLDERS) if folder.is_dir() for path in folder.rglob("*.[to]tf"))
    latin = list(filter(_is_latin, found))
    return tuple(latin[:: max(1, len(latin) // MOST_FONTS)])


def _is_latin(file: Path) -> bool:
    try:
        font = ImageFont.truetype(str(file), SMALLEST)
    except OSError:
        return False
    drawn = [bytes(font.getmask(letter)) for letter in (NO_LETTER, *PROBE)]
    return all(of_letter != drawn[0] for of_letter in drawn[1:])


@cache
def _loaded(file: Path | None, height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of this machine; Pillow's where there is none, or FreeType does not read it."""
    try:
        return ImageFont.load_default(height) if file is None else ImageFont.truetype(str(file), height)
    except OSError:
        return ImageFont.load_default(height)
