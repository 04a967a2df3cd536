// Planes of 8 bits, coded exactly: the transparency of a picture (`dlic/classical/lossless`).
#pragma once
#include "huffman.h"
#include "palette.h"
SMALL_BEGIN

enum { STRIP = 1024, CANDIDATES = 12, PAETH = 0, MED = 1, BLEND = 2 };
enum { BAND = 1 << 22 };  // samples that are coded together

typedef struct {
  u8 *samples;
  i32 *magnitudes;  // of the residuals
  u8 *errors;       // of the candidates of a blend: (height, width, CANDIDATES)
  int height, width;
} Strip;

// Grey above; on the left the first sample of the row above; on the right the row's last.
INLINE i32 sample(const Strip *strip, int y, int x) {
  if (y < 0) return 128;
  if (x < 0) return y ? strip->samples[(size_t)(y - 1) * (size_t)strip->width] : 128;
  return strip->samples[(size_t)y * (size_t)strip->width + (size_t)(x < strip->width ? x : strip->width - 1)];
}

INLINE int inside(const Strip *strip, int y, int x) { return y >= 0 && x >= 0 && x < strip->width; }

// The neighbours whose residuals or errors measure a sample's uncertainty: rows down, columns right. The nearest two count twice.
static const struct {
  int down, right;
} near_and_far[9] = {{0, -1}, {-1, 0}, {-1, -1}, {-1, 1}, {0, -2}, {-2, 0}, {-1, -2}, {-2, -1}, {-2, 1}};

static i32 activity_at(const Strip *strip, int y, int x) {
  i32 total = 0;
  for (int n = 0; n < 9; n++) {
    int row = y + near_and_far[n].down, column = x + near_and_far[n].right;
    if (inside(strip, row, column)) total += strip->magnitudes[(size_t)row * (size_t)strip->width + (size_t)column] << (n < 2);
  }
  return total;
}

INLINE i32 clipped(i32 value, i32 low, i32 high) { return value < low ? low : value > high ? high : value; }

INLINE i32 median(i32 w, i32 n, i32 nw) { return clipped(w + n - nw, w < n ? w : n, w < n ? n : w); }

static i32 paeth(i32 w, i32 n, i32 nw) {
  i32 p = w + n - nw, to_w = p < w ? w - p : p - w, to_n = p < n ? n - p : p - n, to_nw = p < nw ? nw - p : p - nw;
  return to_w <= to_n && to_w <= to_nw ? w : to_n <= to_nw ? n : nw;
}

static void find_candidates(const Strip *strip, int y, int x, i32 *found) {
  i32 w = sample(strip, y, x - 1), n = sample(strip, y - 1, x), nw = sample(strip, y - 1, x - 1), ne = sample(strip, y - 1, x + 1);
  i32 nn = sample(strip, y - 2, x), ww = sample(strip, y, x - 2), nne = sample(strip, y - 2, x + 1);
  i32 all[CANDIDATES] = {w, n, w + n - nw, w + ne - n, n + ((ne - nw) >> 1), 2 * n - nn, 2 * w - ww, n + ne - nne,
                         median(w, n, nw), (w + n + 1) >> 1, w + ((ne - n) >> 1), (w + ne + 1) >> 1};
  for (int k = 0; k < CANDIDATES; k++) found[k] = clipped(all[k], 0, 255);
}

// The mean of the candidates, each weighted by 1 / (its errors nearby)².
static i32 blended(const Strip *strip, int y, int x, const i32 *found) {
  u32 errors[CANDIDATES] = {0};
  for (int n = 0; n < 9; n++) {
    int row = y + near_and_far[n].down, column = x + near_and_far[n].right;
    if (!inside(strip, row, column)) continue;
    const u8 *there = strip->errors + ((size_t)row * (size_t)strip->width + (size_t)column) * CANDIDATES;
    for (int k = 0; k < CANDIDATES; k++) errors[k] += (u32)there[k] << (n < 2);
  }
  u64 total = 0, sum = 0;
  for (int k = 0; k < CANDIDATES; k++) {
    u64 weight = ((u64)1 << 40) / (errors[k] * errors[k] + 1);
    total += weight, sum += weight * (u64)found[k];
  }
  return (i32)((sum + total / 2) / total);
}

static void restore_sample(Strip *strip, int y, int x, int predictor, Grouped *grouped) {
  i32 found[CANDIDATES], predicted;
  size_t at = (size_t)y * (size_t)strip->width + (size_t)x;
  if (predictor == BLEND) {
    find_candidates(strip, y, x, found);
    predicted = blended(strip, y, x, found);
  } else {
    i32 w = sample(strip, y, x - 1), n = sample(strip, y - 1, x), nw = sample(strip, y - 1, x - 1);
    predicted = predictor == MED ? median(w, n, nw) : paeth(w, n, nw);
  }
  i32 residual = pull_value(grouped, activity_at(strip, y, x)), value = (predicted + residual) & 255;
  strip->samples[at] = (u8)value;
  strip->magnitudes[at] = residual < 0 ? -residual : residual;
  for (int k = 0; predictor == BLEND && k < CANDIDATES; k++)
    strip->errors[at * CANDIDATES + (size_t)k] = (u8)(value < found[k] ? found[k] - value : value - found[k]);
}

// Strips of equal size, side by side: diagonal by diagonal, as their values were coded.
static int restore_strips(int count, int height, int width, int predictor, Grouped *grouped, Strip *strips) {
  size_t size = (size_t)height * (size_t)width;
  for (int s = 0; s < count; s++) {
    strips[s] = (Strip){take(size), take(size * sizeof(i32)), predictor == BLEND ? take(size * CANDIDATES) : NULL, height, width};
    if (!strips[s].samples || !strips[s].magnitudes || (predictor == BLEND && !strips[s].errors)) return fail(NO_MEMORY);
  }
  for (int t = 0; t < width + 2 * (height - 1); t++) {
    int first = t - width + 2 > 0 ? (t - width + 2) / 2 : 0, behind = t / 2 + 1 < height ? t / 2 + 1 : height;
    for (int s = 0; s < count; s++)
      for (int y = first; y < behind; y++) restore_sample(&strips[s], y, t - 2 * y, predictor, grouped);
  }
  return 1;
}

// Predicted samples of a band (height, width).
static int read_predicted(Bytes *from, int height, int width, u8 *to) {
  u32 colour = big_endian(from, 1), predictor = big_endian(from, 1);
  Grouped grouped;
  if (from->short_of || colour || predictor > BLEND || !read_groups(from, (size_t)height * (size_t)width, &grouped))
    return fail("the transparency is damaged");
  int turned = height > width, rows = turned ? width : height, columns = turned ? height : width;
  int parts = (columns + STRIP - 1) / STRIP, each = (columns + parts - 1) / parts, equal = columns / each, rest = columns - equal * each;
  Strip *strips = take((size_t)(equal + 1) * sizeof(Strip));
  if (!strips) return fail(NO_MEMORY);
  if (!restore_strips(equal, rows, each, (int)predictor, &grouped, strips)) return 0;
  if (rest && !restore_strips(1, rows, rest, (int)predictor, &grouped, strips + equal)) return 0;
  if (!all_used(&grouped)) return fail("the transparency is damaged: its residuals do not fit their contexts");
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      int row = turned ? x : y, column = turned ? y : x;
      const Strip *strip = &strips[column / each];
      to[(size_t)y * (size_t)width + (size_t)x] = strip->samples[(size_t)row * (size_t)strip->width + (size_t)(column % each)];
    }
  return 1;
}

// The stream of a lossless plane of one channel of 8 bits.
static int read_lossless(Bytes *from, int height, int width, u8 *to) {
  if (big_endian(from, 1) != 8 || big_endian(from, 1) != 1) return fail("the transparency is coded in a way that this decoder does not know");
  int step = BAND / width > 1 ? BAND / width : 1;
  for (int top = 0; top < height; top += step) {
    int rows = height - top < step ? height - top : step;
    size_t size = (size_t)rows * (size_t)width;
    u32 kind = big_endian(from, 1);
    Mark start = mark();
    if (kind == 0) {
      const u8 *raw = take_bytes(from, size);
      if (!raw) return fail("the transparency is damaged: it ends too early");
      memcpy(to + (size_t)top * (size_t)width, raw, size);
    } else if (kind == 3) {
      u64 length = varint(from);
      const u8 *stream = length <= from->size ? take_bytes(from, (size_t)length) : 0;
      u32 *gray = stream ? read_repeating(stream, (size_t)length, (u32)width, (u32)rows, 0) : 0;
      if (!gray) return fail("the transparency is damaged: it ends too early");
      for (size_t i = 0; i < size; i++) to[(size_t)top * (size_t)width + i] = (u8)gray[i];
    } else if (kind != 1) {
      return fail("the transparency is coded in a way that this decoder does not know");
    } else if (!read_predicted(from, rows, width, to + (size_t)top * (size_t)width)) {
      return 0;
    }
    release(start);
  }
  return from->at == from->size ? 1 : fail("the transparency is damaged: it holds more than its samples");
}
SMALL_END
