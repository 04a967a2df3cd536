"""dlic.js in Node, as a package's user runs it."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlic.web.bundle import FOLDER

NODE = shutil.which("node")
RELAXED = "--experimental-wasm-relaxed-simd"  # Node 20 has it behind this flag, later ones without
HAS_RELAXED = """
const bytes = require("fs").readFileSync(process.argv[1]);
process.exit(WebAssembly.validate(bytes) ? 0 : 1);
"""


def node_flags() -> dict[str, list[str]]:
    """Flags of Node, by the name of the WebAssembly file that it takes with them."""
    wasm = str(FOLDER / "decoder.relaxed.wasm")
    flags: dict[str, list[str]] = {}
    for each in [RELAXED], []:
        done = subprocess.run([str(NODE), *each, "-e", HAS_RELAXED, wasm], capture_output=True)
        if done.returncode in (0, 1):  # Node ends with 9 at a flag that it does not know
            flags["decoder.wasm" if done.returncode else "decoder.relaxed.wasm"] = each
    return flags


def answers(script: str, site: Path, out: Path, requests: list[dict[str, Any]], flags: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What a script of this folder answers to requests; pixels that it wrote to `out` are an array ([frames,] H, W, 4)."""
    lines = "\n".join(json.dumps(request) for request in requests)
    command = [str(NODE), *flags, str(Path(__file__).parent / script), str(site), str(out)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(requests)
    for answer in found:
        if "pixels" in answer:
            frames = [len(answer["frames"])] if "frames" in answer else []
            shape = *frames, answer["height"], answer["width"], 4
            answer["pixels"] = np.fromfile(out / answer["pixels"], np.uint8).reshape(shape)
    return found
