"""The progress of a run fits a terminal of 80 columns, and counts steps."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.training.test_run import NETWORKS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")


def test_a_run_on_a_terminal_of_80_columns(photographs: Path, tmp_path):
    arguments = [
        "train", "--config", "configs/study.yaml", "--data.train_dir", str(photographs), "--data.crop", "64",
        "--trainer.max_steps", "3", "--trainer.val_check_interval", "2", "--data.cache_dir", str(tmp_path / "decoded"),
        "--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.accelerator", "cpu",
        *(f"--model.network.init_args.{name}={value}" for name, value in NETWORKS["factorized"].items()),
    ]  # fmt: skip
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    child = subprocess.Popen([sys.executable, "-m", "dlic", *arguments], cwd=ROOT, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b"".join(iter(lambda: _read(ours), b"")).decode()
    assert child.wait() == 0, said
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", said)]
    bars = [line for line in lines if re.search(r"step \d/3 ", line)]
    assert not [line for line in bars if len(line) > 80]
    assert any("loss" in line for line in bars)
    assert any(line.startswith("step 2: validation loss ") for line in lines)
    assert not re.search(r"Epoch|Tip|litlogger|TPU", said)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other side is closed
        return b""
