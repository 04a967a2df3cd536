"""`python -m dlic`: the same as `dlic`."""

from dlic.cli.main import main

main()
