"""A report as one HTML file: curves, tables, and pictures next to each other, without network access.

figures.py     a run → what the tables and curves hold
gallery.py     pictures → what browsers can show, with their figures
template.html  page.css  page.js  curves.js  tables.js  slider.js
"""

import html
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import resources
from string import Template
from typing import Any

from dlic.evaluation.provenance import Provenance
from dlic.evaluation.run import Run
from dlic.report.figures import figures_of
from dlic.report.gallery import LEAST_PSNR, Gallery

SCRIPTS = ("page.js", "curves.js", "tables.js", "slider.js")  # one module, in this order


@dataclass(frozen=True)
class Page:
    """The content of a report."""

    title: str
    lead: str  # a sentence or two below the title
    provenance: Provenance
    figures: Mapping[str, Any] = field(default_factory=dict)  # as `figures.figures_of` gives them; a section without is left out
    gallery: Gallery = field(default_factory=Gallery)
    notes: tuple[str, ...] = ()  # notes for readers


NO_PICTURES = "This run holds no pictures at matched sizes, so none are shown side by side."
OF_MEANS = (
    "PSNR is the mean over images of the PSNR over RGB of 8-bit pixels, each from a file that was written, read and decoded. "
    "“PSNR of mean MSE” is the other common convention, PSNR of the mean squared error over all images; it is lower where images "
    "differ, and figures of the two must not be mixed."
)
OF_TIMES = "Times are from pixels to bytes and back without the disk; means have the median over images."
OF_TABLES = "“Files over tables”: how much larger files are than a learned codec's tables say of their symbols."
OF_BROWSERS = (
    "JPEG, WebP and AVIF files are shown by the browser's own decoder; Chromium's gives the very pixels that were measured, "
    "those of others may differ by a rounding."
)


def page_of(run: Run, gallery: Gallery) -> Page:
    """The report of a run."""
    first = next(iter(run.codecs.values()))
    count = len(run.pictures)
    title = f"{first.label} on {count} image{'s' * (count != 1)} of {run.title}"
    lead = f"{len(run.codecs)} codecs, {len(run.rows):,} files; every point is from real files and the pixels they decode to."
    jobs = [f"{run.jobs} files were coded at the same time, which lengthens the times."] if run.jobs > 1 else []
    tables = [OF_TABLES] if any(row.estimated_bits for row in run.rows) else []
    codec_notes = [f"{entry.label}: {entry.note}." for entry in run.codecs.values() if entry.note]
    notes = [*run.notes, *codec_notes, OF_MEANS, OF_TIMES, *jobs, *tables, *(notes_of(gallery) or [NO_PICTURES])]
    return Page(title, lead, run.provenance, figures_of(run), gallery, tuple(notes))


def notes_of(gallery: Gallery) -> list[str]:
    """Notes on the pictures; empty where there are none."""
    if not gallery.pictures:
        return []
    if gallery.worst_copy is None:
        return ["Originals, and pictures in formats that browsers do not read, are shown exactly.", OF_BROWSERS]
    copies = (
        "Originals, and pictures in formats that browsers do not read, are shown as JPEG 4:4:4 copies, the worst of them "
        f"{gallery.worst_copy:.1f} dB from the true pixels (at least {LEAST_PSNR:g}); every figure is of the true pixels, and "
        "--lossless embeds those."
    )
    return [copies, OF_BROWSERS]


def html_of(page: Page) -> str:
    """The whole file."""
    plotly = _plotly() if "curves" in page.figures else ""
    script = "\n".join(map(own_text, SCRIPTS))
    return Template(own_text("template.html")).substitute(
        policy=policy_of(plotly, script),
        title=html.escape(page.title),
        lead=html.escape(page.lead),
        style=own_text("page.css"),
        notes="".join(f"<li>{html.escape(note)}</li>" for note in page.notes),
        provenance=definitions_of(page.provenance),
        report=as_script_text({**page.figures, "pictures": page.gallery.pictures}),
        files="\n".join(_file(name, file.type, file.data) for name, file in page.gallery.files.items()),
        plotly=plotly,
        script=script,
    )


def as_script_text(value: Any) -> str:
    """JSON that means the same within <script> … </script>, where `</`, `<!--` and two line separators mean something else."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


def _file(name: str, kind: str, data: bytes) -> str:
    """A picture's file as a data URL; the browser decodes it only when it is shown."""
    return f'<script type="text/plain" id="{name}" data-type="{kind}">{b64encode(data).decode()}</script>'


def policy_of(*scripts: str) -> str:
    """Content-Security-Policy: no external resources, and only this page's scripts."""
    hashes = (f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {' '.join(hashes)}; style-src 'unsafe-inline'; img-src data: blob:"


def definitions_of(origin: Provenance) -> str:
    """Where the figures come from, as the items of a <dl>."""
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    machine = f"{origin.cpu}, {origin.cores} cores, threads used: {origin.threads}, {origin.system}"
    items = {"Command": origin.command, "Machine": machine, "Versions": versions}
    return "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in items.items())


def own_text(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()
