"""Threads have an owner: pools have one core a thread, and the files that a reader needs import no torch."""

import subprocess
import sys
import textwrap
from threading import Barrier, get_ident

import pytest

from dlic.errors import DlicError
from dlic.runtime import threads
from tests.conftest import ROOT
from tests.golden.rewrite import TINY_LIGHT


def test_a_thread_of_a_pool_has_one_core_and_its_owner_keeps_all():
    before = threads.cores()
    with threads.pool(3) as executor:
        together = Barrier(3)
        found = list(executor.map(lambda _: (together.wait(10), threads.cores(), get_ident()), range(3)))
    assert {cores for _, cores, _ in found} == {1}
    assert len({thread for *_, thread in found}) == 3
    assert threads.cores() == before


def test_the_side_thread_is_one():
    first, second = (threads.side().submit(get_ident).result() for _ in range(2))
    assert first == second != get_ident()
    assert threads.side().submit(threads.cores).result() == 1


def test_after_an_error_in_the_block_nobody_waits_for_pieces_that_have_not_begun():
    begun = []
    with pytest.raises(ZeroDivisionError), threads.pool(1) as executor:
        together = Barrier(2)
        executor.submit(lambda: (begun.append(0), together.wait(10)))
        for number in range(1, 50):
            executor.submit(begun.append, number)
        executor.submit(together.wait, 10)  # never runs
        try:
            raise ZeroDivisionError
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            together.wait(10)
    assert begun == [0]


@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("5,2", 5)])
def test_cores_are_those_of_the_environment(setting, expected, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert threads.cores_of_process() == expected


@pytest.mark.parametrize("setting", ["", "0", "many"])
def test_without_a_number_cores_are_those_of_the_machine(setting, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    everything = threads.cores_of_process()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert everything == threads.cores_of_process() >= 1


def test_a_limit_holds_in_its_block_and_inner_limits_only_lower_it():
    before = threads.cores()
    with threads.limited(3):
        assert threads.cores() == 3
        with threads.limited(5), threads.limited(None):
            assert threads.cores() == 3
        with threads.limited(2):
            assert threads.cores() == 2
        assert threads.cores() == 3
    assert threads.cores() == before and threads.limit_here() is None


@pytest.mark.parametrize("count", [0, -1])
def test_a_limit_is_at_least_one(count):
    with pytest.raises(DlicError, match="1 thread or more"), threads.limited(count):
        pass


@pytest.mark.parametrize(
    ("setting", "most"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 10**6), ("", 10**6), ("1 0", 10**6)]
)
def test_a_container_bounds_the_cores(setting, most, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    everything = threads.cores_of_process()
    (tmp_path / "cpu.max").write_text(setting + "\n")
    monkeypatch.setattr(threads, "CGROUP", tmp_path)
    assert threads.cores_of_process() == min(everything, most)


def without_torch(script: str, *words: str) -> str:
    """What a fresh process prints in which torch cannot be imported."""
    blocked = "import sys\nsys.modules['torch'] = None\n" + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", blocked, *words], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def test_a_reader_imports_no_torch():
    """Everything that decoding needs but the network itself."""
    without_torch(
        """
        import dlic.api, dlic.formats.learned, dlic.formats.reading, dlic.formats.registry
        import dlic.checkpoints.local, dlic.checkpoints.weights, dlic.container.format, dlic.container.tiles
        import dlic.entropy.coder, dlic.entropy.parts, dlic.entropy.rans
        import dlic.learned.codec, dlic.learned.unit, dlic.learned.tiles.decoder
        import dlic.runtime.exact, dlic.runtime.network, dlic.runtime.rows, dlic.runtime.threads, dlic.runtime.weights
        """
    )


def test_a_file_is_parsed_without_torch():
    """The symbols of a file of `light` against their checksum, whose rows torch computed when it was written."""
    script = """
        from types import SimpleNamespace
        from dlic.checkpoints.manifest import read_manifest
        from dlic.checkpoints.weights import read_weights
        from dlic.container.format import read
        from dlic.learned.codec import LearnedCodec
        from dlic.learned.unit import UnitCodec
        from dlic.runtime.network import DeployedModel
        from dlic.runtime.rows import table_rows
        manifest = read_manifest(sys.argv[1])
        rows = table_rows(manifest.model, manifest.config, read_weights(sys.argv[1]))
        decoder = SimpleNamespace(stride=16, levels=64, halo=2)
        model = DeployedModel(None, decoder, rows)
        unit = UnitCodec(name="reader", fingerprint=manifest.fingerprint, deployed=model, tables=manifest.tables)
        codec = LearnedCodec(unit)
        symbols = codec.symbols(read(open(sys.argv[2], "rb").read()))
        print(symbols.y.size, "torch" in sys.modules and sys.modules["torch"])
    """
    file = ROOT / "tests" / "golden" / "light_31_photograph.dlic"
    size, torch = without_torch(script, str(TINY_LIGHT), str(file)).split()
    assert int(size) > 0 and torch == "None"
