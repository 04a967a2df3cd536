"""`python scripts/decompress.py input.dlic`: the same as `dlic decompress`."""

import sys

from dlic.cli.main import main

if __name__ == "__main__":
    main(["decompress", *sys.argv[1:]])
