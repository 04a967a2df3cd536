// Planes of 8 bits, coded with loss: bit planes of wavelet coefficients (`dlic/classical/wavelet`, `dlic/entropy/adaptive.py`).
#pragma once
#include "adaptive.h"
SMALL_BEGIN

enum { WAVELET_LEVELS = 5, MAX_PLANES = 24, UNKNOWN = 255, NEAR = 12, FAR = 7 };
enum { REFINEMENT = 4 * FAR * NEAR, SIGN = REFINEMENT + 4 * NEAR, ALIVE = SIGN + 36, BIT_CONTEXTS = ALIVE + 2 };
enum { LL, HL, LH, HH };

typedef struct {
  Bytes from;
  Rans rans;
  Counts counts;
  i64 budget;  // of the chunk, in units of costs
  i64 pieces;  // left in the last chunk; −1: not the last
  int started, ended, damaged;
} BitDecoder;

typedef struct Subband {
  int level, kind, height, width, top, left, alive;
  i32 *known;  // with a border of zeros
  u8 *low;     // the lowest plane known of each coefficient
  struct Subband *parent, *beside[2];
} Subband;

static void prior(Counts *counts) {
  for (int c = 0; c < BIT_CONTEXTS; c++) counts->ones[c] = counts->zeros[c] = 16;
  for (int c = 0; c < REFINEMENT; c++) {
    int ones = 4 * (2 * (c / NEAR % FAR) + 3 * (c % NEAR) + 1);
    counts->ones[c] = ones < 255 ? ones : 255, counts->zeros[c] = 256 - counts->ones[c];
  }
}

INLINE i32 cost(const Counts *counts, int context) {
  i64 ones = chance(counts, context);
  return (i32)(ones * (65536 - ones) >> 18) + (context < REFINEMENT ? (i32)(ones >> 4) : 0);
}

static void start_chunk(BitDecoder *bits) {
  i64 share = (i64)bits->from.at / 4;
  bits->budget = (share < 64 ? 64 : share > 1024 ? 1024 : share) << 15;
  u64 head = varint(&bits->from);
  bits->pieces = head & 1 ? (i64)varint(&bits->from) : -1;
  size_t size = (size_t)(head >> 1) * 4;
  const u8 *words = bits->from.short_of || (head >> 1) > bits->from.size ? 0 : take_bytes(&bits->from, size);
  if (!words || !start_rans(&bits->rans, words, size)) bits->damaged = bits->ended = 1;
  if (!bits->pieces) bits->ended = 1;
  bits->started = 1;
}

// Bits in contexts; the probabilities are those before the first of them.
static void code_bits(BitDecoder *bits, const u16 *contexts, size_t count, u8 *to) {
  if (!bits->started) start_chunk(bits);
  if (bits->ended) return;
  pull_bits(&bits->rans, &bits->counts, BIT_CONTEXTS, contexts, count, to);
}

static void end_piece(BitDecoder *bits, i64 spent) {
  if (bits->ended) return;
  if (bits->pieces > 0 && --bits->pieces == 0) {
    bits->ended = 1;
    return;
  }
  bits->budget -= spent;
  if (bits->budget > 0) return;
  if (bits->rans.left || bits->rans.state) bits->damaged = bits->ended = 1;
  bits->started = 0;
}

INLINE i32 magnitude_of(i32 value) { return value < 0 ? -value : value; }

INLINE i32 *at_border(const Subband *band, int y, int x) { return band->known + (size_t)(y + 1) * (size_t)(band->width + 2) + (size_t)(x + 1); }

INLINE int class_in(const u8 *thresholds, int count, i32 value) {
  int found = 0;
  while (found < count && thresholds[found] <= value) found++;
  return found;
}

static int far_class(const Subband *band, int y, int x, int plane) {
  static const u8 thresholds[FAR - 1] = {1, 2, 4, 7, 12, 22};
  i32 total = 0;
  if (band->parent) {
    const Subband *parent = band->parent;
    int row = y / 2 < parent->height ? y / 2 : parent->height - 1, column = x / 2 < parent->width ? x / 2 : parent->width - 1;
    total += 2 * magnitude_of(*at_border(parent, row, column)) >> plane;
  }
  for (int i = 0; i < 2; i++)
    if (band->beside[i] && y < band->beside[i]->height && x < band->beside[i]->width)
      total += 2 * magnitude_of(*at_border(band->beside[i], y, x)) >> plane;
  return class_in(thresholds, FAR - 1, total);
}

INLINE int sign_of(i32 value) { return (value > 0) - (value < 0); }

INLINE int bounded(int value) { return value < -1 ? -1 : value > 1 ? 1 : value; }

// Contexts of a coefficient's bit and of its sign.
static void contexts_of(const Subband *band, int y, int x, int plane, int far, u16 *context, u16 *sign) {
  static const u8 thresholds[NEAR - 1] = {1, 2, 3, 4, 6, 8, 11, 15, 21, 30, 45};
  const i32 *p = at_border(band, y, x);
  int line = band->width + 2;
#define SIZE(offset) (2 * magnitude_of(p[offset]) >> plane)
  i32 sideways = SIZE(-1) + SIZE(1), upright = SIZE(-line) + SIZE(line);
  i32 oblique = SIZE(-line - 1) + SIZE(line + 1) + SIZE(-line + 1) + SIZE(line - 1);
#undef SIZE
  i32 near = sideways + upright + ((sideways + upright) >> 1);
  if (band->kind == HL) near = sideways + 2 * upright;
  if (band->kind == LH) near = 2 * sideways + upright;
  int class = class_in(thresholds, NEAR - 1, near + (oblique >> 1));
  i32 magnitude = magnitude_of(*p) >> (plane + 1);
  *context = (u16)(magnitude > 0 ? REFINEMENT + (magnitude > 1) * NEAR + class : ((band->kind == HH) * FAR + far) * NEAR + class);
  int across = bounded(sign_of(p[-1]) + sign_of(p[1])), along = bounded(sign_of(p[-line]) + sign_of(p[line]));
  *sign = (u16)(SIGN + band->kind * 9 + 3 * across + along + 4);
}

typedef struct {
  u32 *places;  // in the band
  u16 *contexts, *signs, *chosen;
  u8 *bits, *negative;
} LatticeRoom;

// The bits of one piece of a lattice, and the signs of coefficients that begin with it.
static void code_piece(Subband *band, LatticeRoom *room, size_t from, size_t to, int plane, BitDecoder *bits) {
  size_t new = 0;
  code_bits(bits, room->contexts + from, to - from, room->bits);
  for (size_t i = from; i < to && !bits->ended; i++)
    if (room->bits[i - from] && !*at_border(band, (int)room->places[i] / band->width, (int)room->places[i] % band->width)) room->chosen[new++] = room->signs[i];
  code_bits(bits, room->chosen, new, room->negative);
  if (bits->ended) return;
  new = 0;
  for (size_t i = from; i < to; i++) {
    i32 *value = at_border(band, (int)room->places[i] / band->width, (int)room->places[i] % band->width);
    if (room->bits[i - from]) *value += (*value ? sign_of(*value) : room->negative[new++] ? -1 : 1) * (1 << plane);
    band->low[room->places[i]] = (u8)plane;
  }
}

static void walk_lattice(Subband *band, const u8 *far, int down, int right, int plane, int likely, LatticeRoom *room, BitDecoder *bits) {
  size_t count = 0, start = 0;
  for (int y = down; y < band->height; y += 2)
    for (int x = right; x < band->width; x += 2) {
      size_t place = (size_t)y * (size_t)band->width + (size_t)x;
      if (band->low[place] == plane) continue;
      contexts_of(band, y, x, plane, far[place], &room->contexts[count], &room->signs[count]);
      if (likely && (room->contexts[count] >= REFINEMENT || chance(&bits->counts, room->contexts[count]) < 65536 * 6 / 100)) continue;
      room->places[count++] = (u32)place;
    }
  i32 costs[BIT_CONTEXTS];
  for (int c = 0; c < BIT_CONTEXTS; c++) costs[c] = cost(&bits->counts, c);
  i64 total = 0, before = 0, budget = 32 << 15, limit = budget, sum = 0;
  for (size_t i = 0; i < count; i++) sum += costs[room->contexts[i]];
  for (size_t i = 0; i < count && !bits->ended; i++) {
    total += costs[room->contexts[i]];
    int full = total >= limit && limit < sum;
    while (full && limit <= total) limit += budget;
    if (!full && i + 1 < count) continue;
    code_piece(band, room, start, i + 1, plane, bits);
    end_piece(bits, total - before);
    start = i + 1, before = total;
  }
}

static void walk_band(Subband *band, int plane, int likely, u8 *far, LatticeRoom *room, BitDecoder *bits) {
  static const u8 lattices[4][2] = {{0, 0}, {1, 1}, {0, 1}, {1, 0}};
  if (!band->alive) {
    u16 context = ALIVE;
    u8 wakes = 0;
    if (!likely) return;
    code_bits(bits, &context, 1, &wakes);
    if (!bits->ended) band->alive = wakes;
    end_piece(bits, 1 << 12);
    if (!band->alive || bits->ended) return;
  }
  for (int y = 0; y < band->height; y++)
    for (int x = 0; x < band->width; x++) far[(size_t)y * (size_t)band->width + (size_t)x] = (u8)far_class(band, y, x, plane);
  for (int i = 0; i < 4 && !bits->ended; i++) walk_lattice(band, far, lattices[i][0], lattices[i][1], plane, likely, room, bits);
}

// The bands of a decomposition, coarse to fine, without empty ones; returns their number.
static int make_bands(Subband *bands, int height, int width) {
  int heights[WAVELET_LEVELS + 1] = {height}, widths[WAVELET_LEVELS + 1] = {width}, count = 0;
  Subband *named[WAVELET_LEVELS + 2][4] = {{0}};
  for (int level = 1; level <= WAVELET_LEVELS; level++) heights[level] = (heights[level - 1] + 1) / 2, widths[level] = (widths[level - 1] + 1) / 2;
  for (int level = WAVELET_LEVELS; level; level--)
    for (int kind = level == WAVELET_LEVELS ? LL : HL; kind <= HH; kind++) {
      int top = kind >= LH ? heights[level] : 0, left = kind == HL || kind == HH ? widths[level] : 0;
      Subband band = {level, kind, (kind >= LH ? heights[level - 1] : heights[level]) - top,
                   (kind == HL || kind == HH ? widths[level - 1] : widths[level]) - left, top, left, 0, 0, 0, named[level + 1][kind], {0}};
      if (kind == LH || kind == HH) band.beside[0] = named[level][HL];
      if (kind == HH) band.beside[1] = named[level][LH];
      if (!band.height || !band.width) continue;
      band.known = take_zeros((size_t)(band.height + 2) * (size_t)(band.width + 2) * sizeof(i32));
      band.low = take((size_t)band.height * (size_t)band.width);
      if (!band.known || !band.low) return fail(NO_MEMORY);
      memset(band.low, UNKNOWN, (size_t)band.height * (size_t)band.width);
      bands[count] = band, named[level][kind] = &bands[count++];
    }
  return count;
}

// --- coefficients → samples ------------------------------------------------------------------------------------------------

// Inverse of the lifting steps of CDF 9/7 on a line of `length` numbers, low before high, `step` apart.
static void merge_97(float *line, int length, size_t step, float *room) {
  static const float lifting[4] = {-1.586134342059924f, -0.052980118572961f, 0.882911075530934f, 0.443506852043971f};
  int lows = (length + 1) / 2, highs = length / 2;
  float *low = room, *high = room + lows;
  if (!highs) return;
  for (int i = 0; i < lows; i++) low[i] = line[(size_t)i * step] * (float)(1 / 1.149604398860241);
  for (int i = 0; i < highs; i++) high[i] = line[(size_t)(lows + i) * step] * 1.149604398860241f;
  for (int at = 3; at >= 0; at--) {
    for (int i = 0; at % 2 == 0 && i < highs; i++) high[i] -= lifting[at] * (low[i] + low[i + 1 < lows ? i + 1 : lows - 1]);
    for (int i = 0; at % 2 == 1 && i < lows; i++) low[i] -= lifting[at] * (high[i ? i - 1 : 0] + high[i < highs ? i : highs - 1]);
  }
  for (int i = 0; i < lows; i++) line[(size_t)(2 * i) * step] = low[i];
  for (int i = 0; i < highs; i++) line[(size_t)(2 * i + 1) * step] = high[i];
}

static void inverse_97(float *plane, int height, int width, float *room) {
  int heights[WAVELET_LEVELS] = {height}, widths[WAVELET_LEVELS] = {width};
  for (int i = 1; i < WAVELET_LEVELS; i++) heights[i] = (heights[i - 1] + 1) / 2, widths[i] = (widths[i - 1] + 1) / 2;
  for (int i = WAVELET_LEVELS - 1; i >= 0; i--) {
    for (int y = 0; y < heights[i]; y++) merge_97(plane + (size_t)y * (size_t)width, widths[i], 1, room);
    for (int x = 0; x < widths[i]; x++) merge_97(plane + x, heights[i], (size_t)width, room);
  }
}

static void dequantise(const Subband *band, float step, float *plane, int width) {
  static const float norms[WAVELET_LEVELS][2] = {{0.99144018f, 1.0200175f},
                                                   {1.0151858f, 0.98347121f},
                                                   {1.0257158f, 1.0196213f},
                                                   {1.0288212f, 1.03688f},
                                                   {1.0296377f, 1.0420364f}};  // of low-pass and high-pass synthesis at each level
  const float *norm = norms[band->level - 1];
  float unit = step / 64 / (norm[band->kind >= LH] * norm[band->kind == HL || band->kind == HH]);
  for (int y = 0; y < band->height; y++)
    for (int x = 0; x < band->width; x++) {
      i32 value = *at_border(band, y, x), low = band->low[(size_t)y * (size_t)band->width + (size_t)x];
      float middle = value ? (float)magnitude_of(value) + 0.47f * (float)(1 << low) : 0;
      plane[(size_t)(band->top + y) * (size_t)width + (size_t)(band->left + x)] = (float)sign_of(value) * middle * unit;
    }
}

// The stream of a plane of one component.
static int read_wavelet(Bytes *from, int height, int width, u8 *to) {
  u32 components = big_endian(from, 1), planes = big_endian(from, 1), step = big_endian(from, 2);
  if (from->short_of || components != 1 || planes > MAX_PLANES || !step) return fail("the transparency is damaged: no plane begins so");
  size_t size = (size_t)height * (size_t)width;
  Subband bands[3 * WAVELET_LEVELS + 1];
  int count = make_bands(bands, height, width);
  if (!count) return 0;
  LatticeRoom room = {take(size * 4), take(size * 2), take(size * 2), take(size * 2), take(size), take(size)};
  u8 *far = take(size);
  float *plane = take(size * 4), *line = take((size_t)(height + width) * 4);
  BitDecoder *bits = take(sizeof(BitDecoder));
  if (!room.places || !room.contexts || !room.signs || !room.chosen || !room.bits || !room.negative || !far || !plane || !line || !bits) return fail(NO_MEMORY);
  *bits = (BitDecoder){.from = {from->data + from->at, 0, from->size - from->at, 0}};
  prior(&bits->counts);
  for (int p = (int)planes - 1; p >= 0; p--)
    for (int likely = 1; likely >= 0; likely--)
      for (int b = 0; b < count && !bits->ended; b++) walk_band(&bands[b], p, likely, far, &room, bits);
  int unread = bits->from.at != bits->from.size || (bits->started && (bits->rans.left || bits->rans.state));
  if (bits->damaged || unread) return fail("the transparency is damaged: its last chunk is not whole");
  for (int b = 0; b < count; b++) dequantise(&bands[b], (float)step, plane, width);
  inverse_97(plane, height, width, line);
  for (size_t i = 0; i < size; i++) {
    float v = plane[i] + 128.5f;
    to[i] = (u8)(v < 0 ? 0 : v > 255 ? 255 : v);
  }
  return 1;
}
SMALL_END
