"""The base install's checks where extras are installed, with their imports blocked; `make test` runs them in a base install too."""

import subprocess
import sys

from tests.base_install import OF_EXTRAS
from tests.conftest import ROOT


def test_the_base_install_needs_no_extra():
    blocked = f"import runpy, sys\nsys.modules.update(dict.fromkeys({OF_EXTRAS!r}))\n"
    script = blocked + "runpy.run_module('tests.base_install', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "golden files decode" in done.stdout
