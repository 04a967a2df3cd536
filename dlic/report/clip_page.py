"""The report of an evaluation on clips as one HTML file: tables, PSNR over the frames, and a player with a divider."""

import html
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from string import Template

from dlic.errors import CorruptFileError
from dlic.evaluation.clips.plots import over_frames
from dlic.evaluation.clips.run import ClipRun
from dlic.evaluation.clips.summary import PROTOCOL, means_table, rates_table, settings_of
from dlic.report import as_script_text, definitions_of, own_text, policy_of
from dlic.report.clip_sprites import FOLDER, Sprite
from dlic.storage.files import read_whole

OF_SPRITES = (
    "The player shows the middle of each frame as a JPEG 4:4:4 copy of quality 90; every figure is of the true pixels. Codecs are "
    "shown at the quality whose rate is nearest to that of the first codec."
)


def html_of_clips(run: ClipRun, sprites: Sequence[Sprite], out: Path) -> str:
    """The whole file."""
    script = own_text("player.js")
    figure = b64encode(over_frames(run, ".png")).decode()
    first = next(iter(run.codecs.values()))
    count = len(run.clips)
    return Template(own_text("clips.html")).substitute(
        policy=policy_of(script),
        title=html.escape(f"{first.label} on {count} clip{'s' * (count != 1)} of {run.title}"),
        style=own_text("page.css"),
        tables="".join(_tables(run)),
        figure=f'<img alt="PSNR over the frames" src="data:image/png;base64,{figure}">',
        notes="".join(f"<li>{html.escape(note)}</li>" for note in (*run.notes, PROTOCOL, OF_SPRITES)),
        provenance=definitions_of(run.provenance),
        player=as_script_text({"sprites": [asdict(sprite) for sprite in sprites]}),
        files="\n".join(_file(out / FOLDER / sprite.file, sprite.file) for sprite in sprites),
        script=script,
    )


def _file(path: Path, name: str) -> str:
    """A picture as a data URL, which the browser decodes when it is shown."""
    data = b64encode(read_whole(path, CorruptFileError)).decode()
    return f'<script type="text/plain" id="{html.escape(name)}">{data}</script>'


def _tables(run: ClipRun) -> list[str]:
    parts = list[str]()
    for setting, names in settings_of(run).items():
        parts.append(f"<h2>{html.escape(setting.capitalize())}</h2>")
        if len(names) > 1:
            label = html.escape(run.codecs[names[0]].label)
            parts.append(f"<h3>BD-rate of {label}; negative where it needs fewer bits</h3>{_table(rates_table(run, names))}")
        parts.append(f"<h3>Means over the clips</h3>{_table(means_table(run, names))}")
    commands = [[codec.label, codec.command] for codec in run.codecs.values() if codec.command]
    return [*parts, "<h2>Commands</h2>", _table([["codec", "command"], *commands])]


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
