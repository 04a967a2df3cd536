"""`python scripts/download_checkpoints.py NAME [--from BASE]`: the same as `dlic checkpoints download`."""

import sys

from dlic.cli.main import main

if __name__ == "__main__":
    main(["checkpoints", "download", *sys.argv[1:]])
