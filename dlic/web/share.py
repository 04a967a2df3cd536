"""A page that is one file: the picture, the decoder, its weights and a viewer, which opens from a disk and without a network.

Bytes lie in it as text of windows-1252, in which every byte is a letter; base64 would take a third more. 42 is added to each, so
that common bytes are letters that need no escape, and five values, which HTML reads otherwise, stand behind "=".
"""

import base64
import hashlib
import html
import json

import numpy as np

from dlic.web.bundle import FOLDER, bundle
from dlic.web.content import Content

ESCAPE, SHIFT, ESCAPED_SHIFT = ord("="), 42, 64
SPECIAL = (0, ord("\n"), ord("\r"), ord("<"), ESCAPE)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="windows-1252">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{script_hash}' 'wasm-unsafe-eval'; \
worker-src blob:; style-src 'sha256-{style_hash}'; img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header>
<h1 id="name">{title}</h1>
<p id="facts" role="status"></p>
<div id="buttons">
<button id="zoom" type="button" aria-pressed="false" disabled>Actual size</button>
<button id="save" type="button" disabled>Save as PNG</button>
</div>
</header>
<main id="stage" tabindex="0" aria-label="Picture">{preview}</main>
<noscript>This page decodes its picture with JavaScript and WebAssembly, which are off.</noscript>
<script type="application/json" id="picture">{facts}</script>
"""


def page(content: Content) -> bytes:
    """The page of a picture."""
    script, style = bundle("pages/share.js"), (FOLDER / "pages" / "viewer.css").read_text(encoding="utf-8")
    preview = base64.b64encode(content.preview or b"").decode()
    head = PAGE.format(
        title=html.escape(content.name),
        script_hash=_hash(script),
        style_hash=_hash(style),
        style=style,
        preview=f'<img src="data:image/webp;base64,{preview}" alt="">' if preview else "",
        facts=_json(content),
    )
    blocks = [_block("data", content.data)]
    if content.kind == "dlic":
        blocks += [
            _script(f"(async () => {{\n{bundle('worker.js')}\n}})();", 'type="text/plain" id="worker"'),
            _block("wasm", (FOLDER / "decoder.wasm").read_bytes()),
            *(_block(f"weights-{model}", weights) for model, weights in content.weights.items()),
        ]
    return b"\n".join([_text(head), *blocks, _script(script, 'type="module"'), b"</body>\n</html>\n"])


def escaped(data: bytes) -> bytes:
    """Bytes as they stand in the page."""
    values = np.frombuffer(data, np.uint8) + np.uint8(SHIFT)
    special = np.isin(values, SPECIAL)
    places = np.arange(len(values)) + np.cumsum(special)
    coded = np.full(len(values) + int(special.sum()), ESCAPE, np.uint8)
    coded[places] = values + special.astype(np.uint8) * np.uint8(ESCAPED_SHIFT)
    return coded.tobytes()


def _block(name: str, data: bytes) -> bytes:
    return f'<script type="application/octet-stream" id="{name}">'.encode() + escaped(data) + b"</script>"


def _script(source: str, attributes: str) -> bytes:
    return f"<script {attributes}>".encode() + _text(source) + b"</script>"


def _text(text: str) -> bytes:
    return text.encode("ascii", errors="xmlcharrefreplace")


def _json(content: Content) -> str:
    return json.dumps({"name": content.name, "kind": content.kind, "size": content.size}).replace("<", "\\u003c")


def _hash(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
