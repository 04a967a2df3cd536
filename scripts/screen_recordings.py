"""Renders recordings of screens to measure on: a terminal, an editor, an article that scrolls, a window that moves, and slides.

python scripts/screen_recordings.py PHOTO OUT [SEED]   OUT/terminal.webp, editor.webp, …: lossless animations of 640 × 400 pixels

They are functions of the seed and of the fonts of this machine. `dlic evaluate OUT` compares codecs on them.
"""

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dlic.data.rendered import FONT_FOLDERS, WORDS

WIDTH, HEIGHT, FRAMES, MILLISECONDS = 640, 400, 32, 100
MONO, SANS = "mono", "sans"
FONTS = {
    MONO: ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "FiraCode-Regular.ttf"),
    SANS: ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "OpenSans-Regular.ttf", "Roboto-Regular.ttf"),
}
PROMPT = "user@host:~/pictures$ "
CODE = (
    "def",
    "return",
    "if",
    "else:",
    "for",
    "in",
    "import",
    "None",
    "True",
    "x",
    "y",
    "=",
    "+",
    "(",
    ")",
    "range(8):",
    "print(x)",
)

Random = np.random.Generator


def main() -> None:
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    photograph, folder = Image.open(sys.argv[1]).convert("RGB"), Path(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) == 4 else 0
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, recording) in enumerate(RECORDINGS.items()):
        first, *others = recording(np.random.default_rng([seed, number]), photograph)
        first.save(
            folder / f"{name}.webp", save_all=True, append_images=others, duration=MILLISECONDS, lossless=True, method=4, quality=75
        )
        print(f"{name}: {len(others) + 1} frames", flush=True)


def terminal(rng: Random, photograph: Image.Image) -> Iterator[Image.Image]:
    """Commands are typed, their output scrolls."""
    font, paper, inks = font_of(rng, MONO, 14), "#1e1e2e", ("#cdd6f4", "#a6e3a1", "#f38ba8", "#89b4fa")
    lines, typed, left = [(PROMPT, inks[1])], "", sentence(rng, 24)
    for number in range(FRAMES):
        if left:
            count = int(rng.integers(1, 4))
            typed, left = typed + left[:count], left[count:]
            lines[-1] = PROMPT + typed, inks[1]
        else:
            lines += [
                (sentence(rng, int(rng.integers(8, 72))), inks[int(rng.integers(4))]) for _ in range(int(rng.integers(1, 14)))
            ]
            if rng.random() < 0.4:
                lines.append((PROMPT, inks[1]))
                typed, left = "", sentence(rng, 24)
        lines = lines[-22:]
        image = Image.new("RGB", (WIDTH, HEIGHT), paper)
        pen = ImageDraw.Draw(image)
        for row, (line, ink) in enumerate(lines):
            pen.text((6, 4 + 18 * row), line, ink, font)
        if number % 10 < 5:
            x, y = 6 + font.getlength(lines[-1][0]), 4 + 18 * (len(lines) - 1)
            pen.rectangle((x, y, x + 8, y + 16), fill=inks[0])
        yield image


def editor(rng: Random, photograph: Image.Image) -> Iterator[Image.Image]:
    """Code is typed in the middle of a file; words have colours; a bar at the bottom counts columns."""
    font, small = font_of(rng, MONO, 15), font_of(rng, SANS, 12)
    above = [code_line(rng) for _ in range(10)]
    below, line = [code_line(rng) for _ in range(9)], "    "
    for _ in range(FRAMES):
        line += sentence(rng, 3, CODE)[:3]
        if len(line) > 44:
            above, line = [*above[1:], line], "    "
        image = Image.new("RGB", (WIDTH, HEIGHT), "#ffffff")
        pen = ImageDraw.Draw(image)
        pen.rectangle((0, 0, 44, HEIGHT), fill="#f3f3f3")
        for row, text in enumerate([*above, line, *below]):
            y = 6 + 18 * row
            pen.text((10, y), f"{120 + row}", "#999999", small)
            x = 52.0
            for word in text.split(" "):
                pen.text((x, y), word, "#0000cc" if word in CODE[:9] else "#222222", font)
                x += font.getlength(word + " ")
        x = 52 + font.getlength(line)
        pen.line((x, 6 + 18 * len(above), x, 22 + 18 * len(above)), fill="#000000", width=2)
        pen.rectangle((0, HEIGHT - 22, WIDTH, HEIGHT), fill="#007acc")
        pen.text((500, HEIGHT - 19), f"Ln {120 + len(above)}, Col {len(line)}", "#ffffff", small)
        yield image


def article(rng: Random, photograph: Image.Image) -> Iterator[Image.Image]:
    """A page with two photographs scrolls, stands still, and scrolls faster."""
    font, title = font_of(rng, SANS, 15), font_of(rng, SANS, 28)
    page = Image.new("RGB", (WIDTH, 2400), "#fdfdfb")
    pen, y = ImageDraw.Draw(page), 20
    pen.text((60, y), sentence(rng, 24), "#111111", title)
    y += 60
    while y < page.height:
        if y in range(200, 222) or y in range(1200, 1222):
            page.paste(photograph.resize((360, 240)), (130, y))
            y += 260
        pen.text((60, y), sentence(rng, 62), "#222222", font)
        y += 22
    at = 0
    for number in range(FRAMES):
        at += 0 if 10 <= number < 15 else (9 if number < 10 else (23 if number < 24 else 40))
        image = page.crop((0, at, WIDTH, at + HEIGHT))
        pen = ImageDraw.Draw(image)
        pen.rectangle((WIDTH - 10, 0, WIDTH, HEIGHT), fill="#eeeeee")
        pen.rectangle((WIDTH - 8, at // 6, WIDTH - 2, at // 6 + 60), fill="#999999")
        yield image


def window(rng: Random, photograph: Image.Image) -> Iterator[Image.Image]:
    """A window with text is dragged over a photograph and over another window."""
    font = font_of(rng, SANS, 13)
    back = photograph.resize((WIDTH, HEIGHT))
    back.paste(page_of(rng, font, 300, 260, "#1f6f8b"), (300, 90))
    front = page_of(rng, font, 280, 180, "#555555")
    for number in range(FRAMES):
        turn = max(0, number - 4) / 5
        image = back.copy()
        x, y = int(170 + 150 * np.sin(turn)), int(110 + 90 * np.sin(0.7 * turn))
        image.paste(front, (x, y))
        ImageDraw.Draw(image).polygon([(x + 90, y + 10), (x + 90, y + 26), (x + 101, y + 21)], fill="#000000", outline="#ffffff")
        yield image


def slides(rng: Random, photograph: Image.Image) -> Iterator[Image.Image]:
    """Three slides whose points appear in turn; the second has a shade, the last one a video."""
    title, font = font_of(rng, SANS, 34), font_of(rng, SANS, 20)
    heads, points = [sentence(rng, 22) for _ in range(3)], [[sentence(rng, 34) for _ in range(4)] for _ in range(3)]
    for number in range(FRAMES):
        slide, step = min(number // 11, 2), number % 11
        paper = Image.new("RGB", (WIDTH, HEIGHT), "#ffffff")
        if slide == 1:
            paper = Image.fromarray(np.linspace((20, 40, 90), (60, 110, 190), HEIGHT).astype(np.uint8)[:, None].repeat(WIDTH, 1))
        pen, ink = ImageDraw.Draw(paper), "#ffffff" if slide == 1 else "#202020"
        pen.text((30, 20), heads[slide], "#ffdd66" if slide == 1 else "#b03030", title)
        for row, point in enumerate(points[slide][: 1 + step // 3]):
            pen.text((40, 90 + 34 * row), f"• {point}", ink, font)
        if slide == 2:
            left = 40 + 3 * step
            paper.paste(photograph.crop((left, 60 + step, left + 300, 230 + step)), (310, 210))
        yield paper


RECORDINGS: dict[str, Callable[[Random, Image.Image], Iterator[Image.Image]]] = {
    "terminal": terminal, "editor": editor, "article": article, "window": window, "slides": slides,
}  # fmt: skip


def page_of(rng: Random, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int, height: int, bar: str) -> Image.Image:
    """A window with a bar and text."""
    image = Image.new("RGB", (width, height), "#fafafa")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, width, 24), fill=bar)
    pen.text((8, 5), sentence(rng, 14), "#ffffff", font)
    for row in range((height - 40) // 20):
        pen.text((10, 32 + 20 * row), sentence(rng, width // 9), "#303030", font)
    pen.rectangle((0, 0, width - 1, height - 1), outline="#808080")
    return image


def sentence(rng: Random, letters: int, words: tuple[str, ...] | list[str] = WORDS) -> str:
    """So many letters of words."""
    text = ""
    while len(text) < letters:
        text += f"{rng.choice(words)} "
    return text[:letters]


def code_line(rng: Random) -> str:
    return " " * 4 * int(rng.integers(0, 4)) + sentence(rng, int(rng.integers(4, 40)), CODE)


def font_of(rng: Random, kind: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """One of the usual fonts of a kind, or Pillow's own where there is none."""
    files = [path for path in _files() if path.name in FONTS[kind]]
    return ImageFont.truetype(str(files[int(rng.integers(len(files)))]), size) if files else ImageFont.load_default(size)


@cache
def _files() -> tuple[Path, ...]:
    return tuple(sorted(path for folder in map(Path, FONT_FOLDERS) if folder.is_dir() for path in folder.rglob("*.ttf")))


if __name__ == "__main__":
    main()
