"""`python scripts/train.py --config configs/factorized.yaml --data.train_dir PATH`: the same as `dlic train`."""

import sys

from dlic.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
