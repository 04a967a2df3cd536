"""`python scripts/evaluate.py DIR`: the same as `dlic evaluate`."""

import sys

from dlic.cli.main import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
