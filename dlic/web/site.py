"""The folder that a site serves to show .dlic pictures, which is also an npm package; and the pages of `dlic view`."""

import json
from collections.abc import Iterable
from pathlib import Path

from dlic._version import __version__
from dlic.checkpoints.manifest import read_manifest
from dlic.web.bundle import FOLDER
from dlic.web.content import Content
from dlic.web.weights import file_name, web_weights

MODULES = (
    "dlic",
    "arriving",
    "canvas",
    "colour",
    "decoder",
    "element",
    "errors",
    "exact",
    "frames",
    "header",
    "picture",
    "playback",
    "player",
    "pool",
    "resources",
    "sequence",
    "tasks",
    "upgrade",
    "worker",
)
TYPES = ("dlic.d.ts", "element.d.ts", "upgrade.d.ts")
WASM = ("decoder.wasm", "decoder.relaxed.wasm")
VIEWER = ("viewer.html", "viewer.css", "viewer.js", "stage.js", "example.js")
EXAMPLES = ("example.html", "example.css", "README.md", "nginx.conf", "apache.conf")


def decoder_files() -> dict[str, bytes]:
    """Modules and WebAssembly, by their paths in a folder."""
    names = [*(f"{module}.js" for module in MODULES), *WASM]
    return {name: (FOLDER / name).read_bytes() for name in names}


def site_files(checkpoints: Iterable[Path]) -> dict[str, bytes]:
    """Everything of the folder. Weights are those of the checkpoints."""
    weights = {f"weights/{file_name(read_manifest(folder))}": web_weights(folder) for folder in checkpoints}
    pages = {f"pages/{name}": (FOLDER / "pages" / name).read_bytes() for name in VIEWER}
    examples = {name: (FOLDER / "pages" / name).read_bytes() for name in EXAMPLES}
    types = {name: (FOLDER / name).read_bytes() for name in TYPES}
    lists = {"package.json": _package(), "weights/index.js": _index(weights)}
    return {**decoder_files(), **types, **pages, **examples, **weights, **lists}


def view_files(content: Content) -> dict[str, bytes]:
    """The pages of `dlic view`, by their paths."""
    page = (FOLDER / "pages" / "viewer.html").read_text(encoding="utf-8")
    facts = json.dumps({"name": content.name, "kind": content.kind, "size": content.size}).replace("<", "\\u003c")
    page = page.replace('href="viewer.css"', 'href="pages/viewer.css"').replace('src="viewer.js"', 'src="pages/view.js"')
    page = page.replace("</body>", f'  <script type="application/json" id="picture">{facts}</script>\n  </body>')
    weights = {f"weights/{model}.weights": data for model, data in content.weights.items()}
    files = {"index.html": page.encode(), "picture": content.data, "weights/index.js": _index(weights)}
    files |= {f"pages/{name}": (FOLDER / "pages" / name).read_bytes() for name in ("viewer.css", "view.js", "stage.js")}
    return {**decoder_files(), **files, **weights}


def _package() -> bytes:
    package = json.loads((FOLDER / "package.json").read_bytes())
    return (json.dumps(package | {"version": __version__}, indent=2) + "\n").encode()


def _index(paths: Iterable[str]) -> bytes:
    """weights/index.js, in the form that bundlers recognise as references to files."""
    names = [path.partition("/")[2] for path in paths]
    lines = [f'  "{name.partition(".")[0]}": new URL("./{name}", import.meta.url),\n' for name in names if not name.startswith(".")]
    remark = "// The weights that lie in this folder, by the fingerprint in a file's header."
    return f"{remark}\nexport default {{\n{''.join(lines)}}};\n".encode()
