"""The page of photographs at equal size, AVIF as shipped, JPEG XL where it is installed, and a checkpoint of dlic.

python scripts/gallery.py FOLDER -o docs/gallery                    # docs/gallery.md, and its crops in docs/gallery/
python scripts/gallery.py FOLDER -o docs/gallery --model light-1 --bpp 0.5
"""

import argparse
import sys
from pathlib import Path

from dlic.checkpoints import local as checkpoints
from dlic.cli import bars, values
from dlic.errors import DlicError, UnreadableImageError
from dlic.evaluation.known_codecs import AS_SHIPPED, present
from dlic.evaluation.registry import open_series
from dlic.evaluation.scores import MAIN
from dlic.evaluation.sweep import images_of
from dlic.metrics.registry import available
from dlic.report.equal_sizes import RATE, write_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of photographs that may be published, such as Kodak")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/gallery"), help="path of the page, without .md")
    parser.add_argument("--model", default=checkpoints.default_name(), help="name or folder of a checkpoint")
    parser.add_argument("--bpp", type=float, default=RATE, help="bits per pixel that no file may exceed")
    parser.add_argument("--metrics", default=",".join(MAIN), help="for example psnr,ms_ssim,ssimulacra2,butteraugli")
    asked = parser.parse_args()
    try:
        codecs = [open_series(name) for name in (AS_SHIPPED, asked.model, *present(("jxl",)))]
        images = {name: pixels for name, pixels in images_of(asked.folder) if not isinstance(pixels, UnreadableImageError)}
        with bars.busy("photographs at equal size") as progress:
            size = write_page(asked.output, images, codecs, tuple(available(values.words(asked.metrics))), asked.bpp, progress)
    except DlicError as error:
        sys.exit(f"gallery: {error}")
    print(f"{asked.output}.md: {size:,} bytes with its pictures")


if __name__ == "__main__":
    main()
