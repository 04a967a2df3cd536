// What tiles are put together on: RGBA of the size that was asked for, by area averages where that is smaller.

/** All pixels as they come. */
class Whole {
  constructor(crop, alpha) {
    Object.assign(this, { crop, alpha });
    this.width = crop.width;
    this.height = crop.height;
    this.data = new Uint8ClampedArray(4 * crop.width * crop.height);
  }

  put(part, rgba) {
    withAlpha(part, rgba, this.alpha, this.crop);
    const [left, top] = [part.x - this.crop.x, part.y - this.crop.y];
    for (let row = 0; row < part.height; row++) {
      const line = rgba.subarray(4 * row * part.width, 4 * (row + 1) * part.width);
      this.data.set(line, 4 * ((top + row) * this.width + left));
    }
  }

  finish() {
    return this.data;
  }
}

/** Sums of the pixels under each pixel of a smaller picture, weighted by area and opacity. */
class Scaled {
  constructor(crop, alpha, width, height) {
    Object.assign(this, { crop, alpha, width, height });
    this.sums = new Float32Array(4 * width * height); // colours × opacity, opacity
  }

  put(part, rgba) {
    withAlpha(part, rgba, this.alpha, this.crop);
    const across = shares(part.x - this.crop.x, part.width, this.crop.width, this.width);
    const down = shares(part.y - this.crop.y, part.height, this.crop.height, this.height);
    for (let row = 0; row < part.height; row++) {
      for (const [y, high] of down[row]) this.#add(rgba.subarray(4 * row * part.width), across, y, high);
    }
  }

  #add(line, across, y, high) {
    for (let column = 0; column < across.length; column++) {
      const opacity = line[4 * column + 3];
      for (const [x, wide] of across[column]) {
        const [at, weight] = [4 * (y * this.width + x), wide * high * opacity];
        for (let i = 0; i < 3; i++) this.sums[at + i] += weight * line[4 * column + i];
        this.sums[at + 3] += weight;
      }
    }
  }

  finish() {
    const data = new Uint8ClampedArray(this.sums.length);
    const area = (this.width / this.crop.width) * (this.height / this.crop.height);
    for (let at = 0; at < data.length; at += 4) {
      const opacity = this.sums[at + 3];
      for (let i = 0; i < 3; i++) data[at + i] = opacity ? this.sums[at + i] / opacity : 0;
      data[at + 3] = opacity * area;
    }
    return data;
  }
}

/** A canvas for a crop of the picture at a scale of 0 … 1; `alpha` (crop) or null. */
export function canvasFor(crop, scale, alpha) {
  const { width, height } = scaledSize(crop, scale);
  return width === crop.width && height === crop.height ? new Whole(crop, alpha) : new Scaled(crop, alpha, width, height);
}

export function scaledSize({ width, height }, scale) {
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function withAlpha(part, rgba, alpha, crop) {
  if (!alpha) return;
  for (let row = 0, at = 3; row < part.height; row++) {
    const from = (part.y - crop.y + row) * crop.width + part.x - crop.x;
    for (let column = 0; column < part.width; column++, at += 4) rgba[at] = alpha[from + column];
  }
}

/** For each of `count` pixels from `first` on: which pixels of the smaller picture it lies in, and with what share of itself. */
function shares(first, count, length, smaller) {
  return Array.from({ length: count }, (_, i) => {
    const [begin, end] = [((first + i) * smaller) / length, ((first + i + 1) * smaller) / length];
    const before = Math.min(Math.floor(begin), smaller - 1);
    const after = Math.min(Math.floor(end), smaller - 1);
    if (before === after) return [[before, 1]];
    const split = (before + 1 - begin) / (end - begin);
    return [[before, split], [after, 1 - split]];
  });
}
