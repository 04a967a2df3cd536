"""Free memory of machines and containers."""

from pathlib import Path

import pytest

from dlic.runtime import memory


def test_the_ceiling_is_a_share_of_the_free_memory():
    assert 0 < memory.available() < 1 << 46
    assert memory.ceiling() == pytest.approx(memory.SHARE * memory.available(), rel=0.2)


@pytest.mark.parametrize(("limit", "usage", "statistics"), memory.LIMITS)
def test_a_container_bounds_it(limit: str, usage: str, statistics: str, tmp_path: Path, monkeypatch):
    (tmp_path / limit).parent.mkdir(exist_ok=True)
    (tmp_path / limit).write_text("5000\n")
    (tmp_path / usage).write_text("2000\n")
    (tmp_path / statistics).write_text("anon 1500\nactive_file 100\ninactive_file 300\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.available() == 3400
    (tmp_path / usage).write_text("6000\n")
    assert memory.available() == 0
    (tmp_path / limit).write_text("max\n")
    assert memory.available() > 6000


def test_a_system_that_does_not_tell_has_some(monkeypatch):
    def unreadable(self: Path) -> str:
        raise OSError

    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(Path, "read_text", unreadable)
    assert memory.available() == memory.UNKNOWN
