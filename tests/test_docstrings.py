"""The examples in docstrings of the public names run, and give what they say."""

import doctest
from importlib import import_module

import pytest

from dlic import PLACES

MODULES = sorted({module for module, _ in PLACES.values()} - {"dlic.errors"} | {"dlic.integrations.pillow"})
FUNCTIONS = ["compress", "compress_sequence", "decompress", "from_pretrained", "open", "read", "verify"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    done = doctest.testmod(import_module(name))
    assert done.attempted > 0 and done.failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_an_example(name):
    module, attribute = PLACES[name]
    assert ">>> " in getattr(import_module(module), attribute).__doc__
