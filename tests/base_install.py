"""What the base install must do, without pytest and without anything that an extra brings: python -m tests.base_install."""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

import dlic
from dlic.checkpoints.local import find_by_fingerprint
from dlic.checkpoints.manifest import read_manifest
from dlic.cli.main import run
from dlic.container.format import read
from dlic.errors import DlicError
from dlic.metrics.registry import available
from tests.golden.sequences.rewrite import shown

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
PHOTOGRAPH = ROOT / "tests" / "photographs" / "kodim23.png"
OF_EXTRAS = ("torch", "onnx", "scipy", "matplotlib", "compressai", "pytorch_lightning", "hypothesis", "wasmtime")


def main() -> None:
    """Raises AssertionError at the first thing that does not work."""
    installed = [name for name in OF_EXTRAS if is_installed(name)]
    assert not installed, f"this is no base install: it has {', '.join(installed)}"
    files = golden_files_decode() + golden_sequences_decode()
    there_and_back()
    commands_work()
    extras_are_named()
    print(f"base install: {files} golden files decode, a photograph goes there and back, commands work, extras are named")


def is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # its import is blocked
        return False


def golden_files_decode() -> int:
    """Every learned file that was ever written, within one level."""
    checkpoints = {read_manifest(GOLDEN / name).fingerprint[:8]: GOLDEN / name for name in ("tiny", "tiny_light")}
    files = [*GOLDEN.glob("*.dlic"), *(GOLDEN / "kinds").glob("*.dlic"), *(GOLDEN / "shipped").glob("*.dlic")]
    for path in files:
        data = path.read_bytes()
        model = read(data).model
        weights = checkpoints.get(model) or find_by_fingerprint(model)
        expected = np.array(Image.open(path.with_suffix(".png"))).astype(int)
        assert np.abs(dlic.decompress(data, weights=weights) - expected).max() <= 1, path
    return len(files)


def golden_sequences_decode() -> int:
    """By NumPy, where Wasmtime is missing."""
    files = sorted((GOLDEN / "sequences").glob("*.dlic"))
    for path in files:
        expected = np.array(Image.open(path.with_suffix(".png"))).astype(int)
        assert np.abs(shown(path.read_bytes()) - expected).max() <= 1, path
    return len(files)


def there_and_back() -> None:
    """Compression, targets and every metric that a base install measures with."""
    image = np.array(Image.open(PHOTOGRAPH).convert("RGB"))[:256, :384]
    shown = dlic.decompress(dlic.compress(image, target_psnr=34))
    for name in ("psnr", "ms_ssim", "ssimulacra2"):
        value = available([name])[name].compute(image, shown)
        assert value is not None and value > {"psnr": 34, "ms_ssim": 0.9, "ssimulacra2": 30}[name], (name, value)


def commands_work() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, shown = f"{folder}/a.dlic", f"{folder}/a.png"
        for words in (["compress", str(PHOTOGRAPH), "-o", file], ["info", file], ["decompress", file, "-o", shown]):
            assert run(words) == 0, words
        assert Image.open(shown).size == Image.open(PHOTOGRAPH).size


def extras_are_named() -> None:
    """An effort takes PyTorch, and says so before the work."""
    try:
        dlic.compress(np.zeros((8, 8, 3), np.uint8), effort=3)
    except DlicError as error:
        assert "dlic[effort]" in str(error), error
    else:
        raise AssertionError("an effort was made without PyTorch")


if __name__ == "__main__":
    sys.exit(main())
