// The prediction of a frame from decoded frames and its motion: overlapped blocks at quarter-pel places, in whole numbers
// (docs/format.md, section 9.4; `dlic/classical/motion/prediction.py`). Frames are RGBA; the fourth value of a pixel means nothing here.
#pragma once
#include "expected.h"

typedef i16 s4 __attribute__((vector_size(8), aligned(2)));
typedef i16 s8 __attribute__((vector_size(16), aligned(2)));
typedef u8 b8 __attribute__((vector_size(8), aligned(1)));
typedef u8 b4 __attribute__((vector_size(4), aligned(1)));

enum { MACROBLOCK = 16, OVERLAP = 4, WINDOW = MACROBLOCK + 2 * OVERLAP, TAPS_OF_MOTION = 8, BEFORE = 3 };
enum { PATCH = WINDOW + TAPS_OF_MOTION };  // pixels along the largest patch that filters read, and one more, which makes it even

static const i16 motion_taps[4][TAPS_OF_MOTION] = {
    {0, 0, 0, 64, 0, 0, 0, 0}, {-1, 4, -10, 58, 17, -5, 1, 0}, {-1, 4, -11, 40, 40, -11, 4, -1}, {0, 1, -5, 17, 58, -10, 4, -1}};

typedef struct {
  const u8 *pixels;  // (height, width, 4)
  int width, height;
} Frame;

typedef struct {
  u8 patch[PATCH * PATCH * 4];
  i16 rows[WINDOW * PATCH * 4], window[WINDOW * WINDOW * 4];
  i32 *sums;    // (WINDOW + MACROBLOCK rows, line, 4): those of the rows of macroblocks that are not finished
  size_t line;  // pixels
} Overlap;

INLINE int within(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

// Where the patch of `side` × `side` pixels at (y, x) lies; copied, with the frame's border continued, if a part is outside.
static const u8 *patch_at(const Frame *frame, int y, int x, int side, u8 *copy, size_t *line) {
  *line = 4 * (size_t)frame->width;
  if (y >= 0 && x >= 0 && y + side <= frame->height && x + side <= frame->width) return frame->pixels + (size_t)y * *line + 4 * (size_t)x;
  for (int i = 0; i < side; i++) {
    const u8 *row = frame->pixels + (size_t)within(y + i, 0, frame->height - 1) * *line;
    for (int j = 0; j < side; j++) memcpy(copy + 4 * (i * side + j), row + 4 * within(x + j, 0, frame->width - 1), 4);
  }
  *line = 4 * (size_t)side;
  return copy;
}

// Filters down: `size` rows of size + 8 pixels.
NOINLINE void filter_down(const u8 *from, size_t line, int size, const i16 *filter, i16 *to) {
  s8 taps[TAPS_OF_MOTION];  // not read again and again, as `to` could be the filter for all that a compiler knows
  UNROLL for (int k = 0; k < TAPS_OF_MOTION; k++) taps[k] = (s8){0} + filter[k];
  for (int y = 0; y < size; y++, from += line)
    for (int x = 0; x < 4 * (size + TAPS_OF_MOTION); x += 8, to += 8) {
      s8 sum = {0};
      UNROLL for (int k = 0; k < TAPS_OF_MOTION; k++) sum += __builtin_convertvector(*(const b8 *)(from + (size_t)k * line + (size_t)x), s8) * taps[k];
      *(s8 *)to = sum;
    }
}

// As `filter_down` by no part of a pixel.
NOINLINE void copy_down(const u8 *from, size_t line, int size, i16 *to) {
  for (int y = 0; y < size; y++, from += line)
    for (int x = 0; x < 4 * (size + TAPS_OF_MOTION); x += 8, to += 8) *(s8 *)to = __builtin_convertvector(*(const b8 *)(from + x), s8) << 6;
}

// Two neighbouring pixels, times the two weights that `weights` has in turns: the sum of each colour.
INLINE i4 weighted_pair(const i16 *pixels, s8 weights) {
#ifdef __wasm__
  s8 both = *(const s8 *)pixels;
  return __builtin_wasm_dot_s_i32x4_i16x8(__builtin_shufflevector(both, both, 0, 4, 1, 5, 2, 6, 3, 7), weights);
#else
  return __builtin_convertvector(*(const s4 *)pixels, i4) * weights[0] + __builtin_convertvector(*(const s4 *)(pixels + 4), i4) * weights[1];
#endif
}

// Filters across and rounds; adds to `to` if `add`.
NOINLINE void filter_across(const i16 *from, int size, const i16 *filter, int add, i16 *to) {
  s8 taps[TAPS_OF_MOTION / 2];
  UNROLL for (int k = 0; k < TAPS_OF_MOTION / 2; k++) {
    i16 a = filter[2 * k], b = filter[2 * k + 1];
    taps[k] = (s8){a, b, a, b, a, b, a, b};
  }
  for (int y = 0; y < size; y++, from += 4 * TAPS_OF_MOTION)
    for (int x = 0; x < size; x++, from += 4, to += 4) {
      i4 sum = {128, 128, 128, 128};
      UNROLL for (int k = 0; k < TAPS_OF_MOTION / 2; k++) sum += weighted_pair(from + 8 * k, taps[k]);
      s4 value = __builtin_convertvector(sum >> 8, s4);
      *(s4 *)to = add ? *(s4 *)to + value : value;
    }
}

// As `filter_across` by no part of a pixel.
NOINLINE void copy_across(const i16 *from, int size, int add, i16 *to) {
  for (int y = 0; y < size; y++, from += 4 * (size + TAPS_OF_MOTION))
    for (int x = 0; x < 4 * size; x += 8, to += 8) {
      s8 value = (*(const s8 *)(from + 4 * BEFORE + x) + 2) >> 2;
      *(s8 *)to = add ? *(s8 *)to + value : value;
    }
}

NOINLINE void copy_whole(const u8 *from, size_t line, int size, int add, i16 *to) {
  for (int y = 0; y < size; y++, from += line)
    for (int x = 0; x < 4 * size; x += 8, to += 8) {
      s8 value = __builtin_convertvector(*(const b8 *)(from + x), s8) * 16;
      *(s8 *)to = add ? *(s8 *)to + value : value;
    }
}

// A window of `size` pixels at (y, x) in quarter pixels, in 1/16 grey levels.
static void sample_window(const Frame *frame, int y, int x, int size, int add, Overlap *overlap) {
  size_t line;
  int side = size + TAPS_OF_MOTION, down = y & 3, right = x & 3;
  int top = within((y >> 2) - BEFORE, -4 * side, frame->height + 4 * side), left = within((x >> 2) - BEFORE, -4 * side, frame->width + 4 * side);
  const u8 *patch = patch_at(frame, top, left, side, overlap->patch, &line);
  if (!down && !right) {
    copy_whole(patch + BEFORE * line + 4 * BEFORE, line, size, add, overlap->window);
    return;
  }
  if (down) filter_down(patch, line, size, motion_taps[down], overlap->rows);
  else copy_down(patch + BEFORE * line, line, size, overlap->rows);
  if (right) filter_across(overlap->rows, size, motion_taps[right], add, overlap->window);
  else copy_across(overlap->rows, size, add, overlap->window);
}

// Weights along an axis of the window of a block at `place` of `count`.
static void weights_at(int count, int place, int size, i32 *weights) {
  for (int i = 0; i < size; i++) weights[i] = 16;
  for (int i = 0; i < 2 * OVERLAP; i++) {
    if (place > 0) weights[i] = 2 * i + 1;
    if (place < count - 1) weights[size - 1 - i] = 2 * i + 1;
  }
}

// Adds the window, times `times`, to the sums; its first pixel lies at (y, x) of them.
NOINLINE void add_window(const i16 *window, int size, const i32 *down, const i32 *across, int times, i32 *sums, size_t line) {
  for (int i = 0; i < size; i++, sums += 4 * line)
    for (int j = 0; j < size; j++, window += 4) {
      i4 *to = (i4 *)(sums + 4 * j);
      *to += __builtin_convertvector(*(const s4 *)window, i4) * (down[i] * across[j] * times);
    }
}

// Adds the windows of a block of `size` pixels, 16 or 8, at (y, x) in blocks; the sums begin with those of row `first` of macroblocks.
static void add_block(const Frame *frames, const Motion *motion, int y, int x, int block, int first, Overlap *overlap) {
  int cells = block / 8, size = block + 2 * OVERLAP, used = 0;
  u32 at = (u32)(y * cells / 2 * motion->mw + x * cells / 2), cell = (u32)(cells * y * 2 * motion->mw + cells * x);
  i32 down[WINDOW], across[WINDOW];
  for (int r = 0; r < motion->references; r++)
    if (uses(motion, at, r)) {
      Vector vector = motion->vectors[r][cell];
      sample_window(&frames[r], 4 * (block * y - OVERLAP) + vector.y, 4 * (block * x - OVERLAP) + vector.x, size, used++, overlap);
    }
  for (int i = 0; !used && i < size * size; i++)
    *(s4 *)(overlap->window + 4 * i) = (s4){(i16)(16 * motion->colours[3 * at]), (i16)(16 * motion->colours[3 * at + 1]), (i16)(16 * motion->colours[3 * at + 2]), 0};
  weights_at(motion->mh * 2 / cells, y, size, down), weights_at(motion->mw * 2 / cells, x, size, across);
  i32 *to = overlap->sums + 4 * ((size_t)(block * y - MACROBLOCK * first) * overlap->line + (size_t)(block * x));
  add_window(overlap->window, size, down, across, used == 2 ? 1 : 2, to, overlap->line);
}

INLINE int any_around(const u8 *values, int mh, int mw, int i, int j) {
  for (int y = within(i - 1, 0, mh - 1); y <= within(i + 1, 0, mh - 1); y++)
    for (int x = within(j - 1, 0, mw - 1); x <= within(j + 1, 0, mw - 1); x++)
      if (values[y * mw + x]) return 1;
  return 0;
}

// Windows of a row of macroblocks, where they reach a pixel that is not the first reference's.
static void add_row(const Frame *frames, const Motion *motion, const u8 *near, int i, Overlap *overlap) {
  for (int j = 0; j < motion->mw; j++) {
    if (!any_around(near, motion->mh, motion->mw, i, j)) continue;
    if (!motion->split[i * motion->mw + j]) add_block(frames, motion, i, j, MACROBLOCK, i, overlap);
    else
      for (int part = 0; part < 4; part++) add_block(frames, motion, 2 * i + part / 2, 2 * j + part % 2, 8, i, overlap);
  }
}

NOINLINE void finish_pixels(const i32 *sums, int count, u8 *to) {
  for (int i = 0; i < count; i++, sums += 4, to += 4) {
    i4 value = (*(const i4 *)sums + 4096) >> 13;
    value &= ~(value < 0);
    i4 over = value > 255;
    value = (value & ~over) | (over & 255);
    *(b4 *)to = __builtin_convertvector(value, b4);
    to[3] = 255;
  }
}

// Rows `top` … `bottom` − 1 of the frame are whole: they lie in the sums from row `top` − `base` on.
static void finish_rows(const Frame *first, const Motion *motion, const u8 *near, int top, int bottom, int base, const Overlap *overlap, u8 *to) {
  for (int y = top < 0 ? 0 : top; y < bottom && y < first->height; y++)
    for (int j = 0; j < motion->mw; j++) {
      int x = MACROBLOCK * j, count = within(first->width - x, 0, MACROBLOCK);
      size_t at = 4 * ((size_t)y * (size_t)first->width + (size_t)x);
      if (near[y / MACROBLOCK * motion->mw + j]) finish_pixels(overlap->sums + 4 * ((size_t)(y - base) * overlap->line + (size_t)(x + OVERLAP)), count, to + at);
      else memcpy(to + at, first->pixels + at, 4 * (size_t)count);
    }
}

// p (height, width, RGBA) from as many frames as the motion has references.
NOINLINE int predict(const Frame *frames, const Motion *motion, u8 *to) {
  size_t count = (size_t)motion->mh * (size_t)motion->mw;
  Mark start = mark();
  Overlap *overlap = take(sizeof(Overlap));
  u8 *moving = take(count), *near = take(count);
  if (!overlap || !moving || !near) return fail(NO_MEMORY);
  overlap->line = (size_t)(MACROBLOCK * motion->mw + 2 * OVERLAP);
  size_t row = MACROBLOCK * overlap->line * 4, rest = 2 * OVERLAP * overlap->line * 4;
  if (!(overlap->sums = take_zeros((row + rest) * sizeof(i32)))) return fail(NO_MEMORY);
  for (u32 at = 0; at < count; at++) moving[at] = (u8)moves(motion, at);
  for (int at = 0; at < (int)count; at++) near[at] = (u8)any_around(moving, motion->mh, motion->mw, at / motion->mw, at % motion->mw);
  for (int i = 0; i < motion->mh; i++) {
    int base = MACROBLOCK * i - OVERLAP;
    add_row(frames, motion, near, i, overlap);
    finish_rows(frames, motion, near, base, i + 1 < motion->mh ? base + MACROBLOCK : frames->height, base, overlap, to);
    memcpy(overlap->sums, overlap->sums + row, rest * sizeof(i32));
    memset(overlap->sums + rest, 0, row * sizeof(i32));
  }
  release(start);
  return 1;
}
