"""A film strip of one photograph arriving: a part of it after the first part, the first layer, half and all of the second layer.

python scripts/progressive_strip.py PHOTO OUT.webp --crop 40,60,240,240
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import dlic
from dlic.container.format import read
from dlic.container.layer_ends import ends_of_layers
from dlic.container.progressive import layers_of
from dlic.images.files import read_image
from dlic.metrics.distances import psnr

GAP = 6  # pixels between frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--quality", type=int, default=60)
    parser.add_argument("--crop", default="0,0,240,240", help="x,y,width,height")
    asked = parser.parse_args()
    image = np.ascontiguousarray(read_image(str(asked.photo)).pixels[..., :3])
    data = dlic.compress(image, asked.quality, progressive=True, thumbnail=0)
    ends, first = [end.at for end in ends_of_layers(read(data))], len(layers_of(read(data)).first.parts)
    x, y, width, height = map(int, asked.crop.split(","))
    strip = np.full((height, 4 * width + 3 * GAP, 3), 255, np.uint8)
    for number, end in enumerate((ends[0], ends[first - 1], ends[(first + len(ends)) // 2 - 1], len(data))):
        pixels = dlic.read(data[:end], partial=True).pixels[..., :3]
        strip[:, number * (width + GAP) :][:, :width] = pixels[y : y + height, x : x + width]
        print(f"{end:,} bytes, {end / len(data):.0%}: {psnr(image, pixels):.1f} dB")
    Image.fromarray(strip).save(asked.output, quality=85, method=6)
    print(f"{asked.output}: {asked.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
