// Exact blocks of a predicted frame (docs/format.md, section 9.7; `dlic/learned/sequence/exact_blocks.py`).
#pragma once
#include "exact.h"
SMALL_BEGIN

// The rows and columns of a frame's pixels in the packed picture, and its pixels: RGBA (height, width).
typedef struct {
  u32 *rows, *columns, height, width, *pixels;
} Packing;

// The pixels along a side of blocks of which one at least is exact. `step` leads from block to block, `across` over `others` blocks.
static u32 used_pixels(const u8 *exact, int blocks, size_t step, int others, size_t across, int side, u32 *to) {
  u32 count = 0;
  for (int b = 0; b < blocks; b++) {
    int used = 0;
    for (int i = 0; i < others; i++) used |= exact[(size_t)b * step + (size_t)i * across];
    for (int at = 16 * b; used && at < 16 * b + 16 && at < side; at++) to[count++] = (u32)at;
  }
  return count;
}

// The packed picture of a frame with some exact blocks; clear pixels are those of the prediction (height, width, RGBA).
static int read_packed(const u8 *stream, size_t size, const u8 *exact, int width, int height, const u8 *prediction, Packing *to) {
  int mh = (height + 15) / 16, mw = (width + 15) / 16;
  to->rows = take((size_t)height * 4), to->columns = take((size_t)width * 4);
  if (!to->rows || !to->columns) return fail(NO_MEMORY);
  to->height = used_pixels(exact, mh, (size_t)mw, mw, 1, height, to->rows);
  to->width = used_pixels(exact, mw, 1, mh, (size_t)mw, width, to->columns);
  if (!(to->pixels = read_repeating(stream, size, to->width, to->height, 1))) return 0;
  for (u32 y = 0; y < to->height; y++)
    for (u32 x = 0; x < to->width; x++) {
      u32 *pixel = &to->pixels[(size_t)y * to->width + x], value = *pixel;
      if (value >> 24) *pixel = 0xff000000u | channel(value, 2) | channel(value, 1) << 8 | channel(value, 0) << 16;
      else memcpy(pixel, prediction + 4 * ((size_t)to->rows[y] * (size_t)width + to->columns[x]), 4);
    }
  return 1;
}

// Writes the exact blocks of a packed picture into the frame.
static void put_packed(const Packing *from, const u8 *exact, int width, u8 *pixels) {
  size_t mw = (size_t)((width + 15) / 16);
  for (u32 y = 0; y < from->height; y++)
    for (u32 x = 0; x < from->width; x++) {
      u32 row = from->rows[y], column = from->columns[x];
      if (exact[row / 16 * mw + column / 16]) memcpy(pixels + 4 * ((size_t)row * (size_t)width + column), &from->pixels[(size_t)y * from->width + x], 4);
    }
}
SMALL_END
