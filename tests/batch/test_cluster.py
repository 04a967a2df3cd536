"""Folders on a Dask cluster of two workers, one of which is killed while it works."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from dlic.batch import cluster as engine
from dlic.cli.main import run
from tests.cli.test_main import sentence

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")

COUNT = 60
OPTIONS = ["--codec", "jpeg"]


@pytest.fixture(scope="module")
def cluster():
    """One on this machine, that takes the place of the dead: as `dask worker` does."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL") as cluster:
        cluster.wait_for_workers(2, timeout=60)
        yield cluster


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, photograph) -> Path:
    folder = tmp_path_factory.mktemp("tree") / "photos"
    for place in range(COUNT):
        path = folder / f"{place % 3}" / f"{place:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph[place : place + 64, 2 * place : 2 * place + 64]).save(path)
    return folder


@pytest.fixture(scope="module")
def expected(pictures, tmp_path_factory) -> dict[str, bytes]:
    """What one process of this machine makes of them."""
    out = tmp_path_factory.mktemp("expected")
    assert run(["compress", str(pictures), "-r", "-o", str(out), *OPTIONS]) == 0
    return contents(out)


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def on(cluster, pictures: Path, out: Path, *more: str) -> list[str]:
    address = ["--engine", "dask", "--cluster", cluster.scheduler_address]
    return ["compress", str(pictures), "-r", "-o", str(out), *OPTIONS, *address, *more]


def kill_when(files: int, out: Path, pid: int, seen: list[int]) -> None:
    """Kill a process when that many outputs are there, and note how many there are."""
    while len(there := list(out.rglob("*.jpg"))) < files:
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    seen.append(len(there))


def test_a_worker_killed_mid_way_loses_nothing(cluster, pictures, expected, tmp_path, capsys):
    out, seen = tmp_path / "out", []
    victim = next(iter(cluster.workers.values())).pid
    killer = threading.Thread(target=kill_when, args=(5, out, victim, seen), daemon=True)
    killer.start()
    assert run(on(cluster, pictures, out)) == 0
    killer.join(10)
    assert seen and 5 <= seen[0] < COUNT  # it died mid-way
    assert contents(out) == expected  # every file, whole, and nothing else
    assert "failed" not in capsys.readouterr().out


def test_results_that_die_with_a_worker_are_made_again(cluster, pictures, expected, tmp_path, monkeypatch, capsys):
    out, seen, honest = tmp_path / "out", [], engine._result

    def late(future, pair):
        """Asks for a result when others have long been waiting on the workers."""
        time.sleep(0.02)
        return honest(future, pair)

    monkeypatch.setattr(engine, "_result", late)
    cluster.wait_for_workers(2, timeout=60)
    victim = next(iter(cluster.workers.values())).pid
    killer = threading.Thread(target=kill_when, args=(COUNT // 2, out, victim, seen), daemon=True)
    killer.start()
    assert run(on(cluster, pictures, out)) == 0
    killer.join(10)
    assert seen and contents(out) == expected
    assert "failed" not in capsys.readouterr().out


def test_what_is_there_is_left_and_what_fails_is_told(cluster, pictures, expected, tmp_path, capsys):
    out, bad = tmp_path / "out", pictures / "bad.png"
    for name in list(expected)[:-2]:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(expected[name])
    bad.write_text("no picture")
    try:
        assert run(on(cluster, pictures, out, "--skip-existing")) == 2
    finally:
        bad.unlink()
    said = capsys.readouterr()
    assert contents(out) == expected
    assert f"2 compressed, {COUNT - 2} there already, 1 failed" in said.out and "not an image" in said.err


def test_a_cluster_that_is_not_there(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(engine, "PATIENCE", 0.2)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        asked = ["--engine", "dask", "--cluster", address]
        assert run(["compress", str(pictures), "-r", "-o", str(tmp_path / "out"), *OPTIONS, *asked]) == 1
        assert "no Dask scheduler" in capsys.readouterr().err
    assert run(["compress", str(pictures), "-r", "-o", str(tmp_path / "out"), "--cluster", "tcp://127.0.0.1:9"]) == 1
    assert "--engine dask" in sentence(capsys)


def test_workers_of_another_dlic_are_refused(cluster, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("dlic.__version__", "9.9")
    assert run(on(cluster, pictures, tmp_path / "out")) == 1
    assert "install the same everywhere" in capsys.readouterr().err and not contents(tmp_path / "out")
