"""The base install with every Python that dlic supports: `nox -s tests-3.12`, or `nox` for those that are on this machine.

Each session installs the base install, without PyTorch, and checks what `make base` checks, the golden files among them.
"""

from pathlib import Path

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Golden files, commands and messages of the base install."""
    session.install(".")
    session.run("dlic", "--version")
    photograph = str(Path("tests", "photographs", "kodim23.png"))
    target = str(Path(session.create_tmp(), "kodim23.dlic"))
    session.run("dlic", "compress", photograph, "--force", "-o", target)  # by the wheel: base_install finds the checkout
    session.run("python", "-m", "tests.base_install")


@nox.session
def package(session: nox.Session) -> None:
    """The sdist, and the wheel that is built from it, in dist/."""
    session.install("build", "twine")
    session.run("python", "-m", "build")
    session.run("twine", "check", "--strict", "dist/*", external=False)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, in site/."""
    session.install(".[docs]")
    session.run("mkdocs", "build", "--strict", *session.posargs)
