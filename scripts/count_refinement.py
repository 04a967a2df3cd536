"""Counts the tables of second layers of progressive pictures, which all checkpoints of `light` share, on photographs.

python scripts/count_refinement.py FOLDER light-1 light-1-visual light-1-ms-ssim     # dlic/learned/progressive/refinement.json
python scripts/count_refinement.py FOLDER light-2-visual --add                       # shifts for one more; the tables stay
"""

import argparse
import json
import sys
from pathlib import Path

from dlic.checkpoints.local import folder_of
from dlic.errors import DlicError
from dlic.learned import progressive
from dlic.learned.codec import read_codec
from dlic.learned.progressive.tables import STORED
from dlic.training.refinement import count, shifts_added

OUTPUT = Path(progressive.__file__).parent / STORED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of photographs, none of them of an evaluation set")
    parser.add_argument("checkpoints", nargs="+", help="names")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT, help="default: the file that dlic reads")
    parser.add_argument("--photographs", type=int, default=40, help="as many, drawn at random")
    parser.add_argument("--add", action="store_true", help="keep the tables, and add shifts for one more checkpoint")
    asked = parser.parse_args()
    if asked.add and len(asked.checkpoints) > 1:
        parser.error("--add takes one checkpoint")
    try:
        codecs = [read_codec(folder_of(name), "onnx") for name in asked.checkpoints]
        if asked.add:
            stored = shifts_added(codecs[0], json.loads(asked.output.read_text()), asked.folder, asked.photographs)
        else:
            stored = count(codecs, asked.folder, asked.photographs)
    except DlicError as error:
        sys.exit(f"count_refinement: {error}")
    asked.output.write_text(json.dumps(stored, separators=(",", ":")) + "\n")
    print(f"{asked.output}: {asked.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
