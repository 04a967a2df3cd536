"""`python scripts/compress.py input.png`: the same as `dlic compress`."""

import sys

from dlic.cli.main import main

if __name__ == "__main__":
    main(["compress", *sys.argv[1:]])
