// y_hat → pixels: g_s (`dlic/models/light/transforms.py`), with a level's gains in the weights.
#pragma once
#include "context.h"
#include "offsets.h"

// One row of a block's inner channels.
static void squeezed(const Block *block, const float *x, int width, int channels, int inner, float *to) {
  gemm_f32(x, (size_t)channels, width, block->squeeze.weights, channels, inner, to, (size_t)inner, block->squeeze.bias, 0);
  gelu(to, (size_t)(width * inner), to);
}

// x (height, width, channels) += branch of a block. `strip` has six rows of inner channels, `result` four.
static void run_block(const Block *block, float *x, int height, int width, int channels, int inner, float *strip, float *result,
                      WinogradRoom *room) {
  size_t line = (size_t)padded_width(width) * (size_t)inner, row = (size_t)(width * channels), inside = (size_t)(width * inner);
  memset(strip, 0, 6 * line * 4);
  squeezed(block, x, width, channels, inner, strip + line + inner);
  for (int top = 0; top < height; top += SIDE) {
    int rows = (int)smaller(SIDE, (size_t)(height - top));
    for (int i = 1; i <= SIDE; i++) {  // the row below the strip is needed before the strip changes
      float *to = strip + (size_t)(i + 1) * line + inner;
      if (top + i < height) squeezed(block, x + (size_t)(top + i) * row, width, channels, inner, to);
      else memset(to, 0, inside * 4);
    }
    winograd(&block->spatial, strip, width, rows, result, inside, 0, room, model.zeros);
    for (int i = 0; i < rows; i++)
      gemm_f32(result + (size_t)i * inside, (size_t)inner, width, block->last.weights, inner, channels, x + (size_t)(top + i) * row,
               (size_t)channels, block->last.bias, 1);
    memcpy(strip, strip + 4 * line, 2 * line * 4);
  }
}

static int run_blocks(const Block *blocks, int count, float *x, int height, int width, int channels, int inner) {
  Mark start = mark();
  float *strip = take(6 * (size_t)padded_width(width) * (size_t)inner * 4), *result = take(4 * (size_t)(width * inner) * 4);
  WinogradRoom room;
  if (!strip || !result || !winograd_room(&room, inner)) return fail(NO_MEMORY);
  for (int b = 0; b < count; b++) run_block(&blocks[b], x, height, width, channels, inner, strip, result, &room);
  release(start);
  return 1;
}

typedef struct {
  int x, y, width, height;  // in pixels of the synthesised picture
  const i16 *steps;         // of the offsets of units from the window's corner on, as many as cover it; null without
} Window;

// Eight pixels of three colours, values 0 … 256, with an offset to RGBA: cut off, as ½ was added.
INLINE void eight_pixels(const float *colours, f4 offset, u32 *to) {
  f4 low = splat4(0.0f), high = splat4(255.0f);
  UNROLL for (int side = 0; side < 8; side += 4) {
    i4 red = __builtin_convertvector(min4(max4(load4(colours + side) + offset, low), high), i4);
    i4 green = __builtin_convertvector(min4(max4(load4(colours + 8 + side) + offset, low), high), i4);
    i4 blue = __builtin_convertvector(min4(max4(load4(colours + 16 + side) + offset, low), high), i4);
    *(i4 *)(to + side) = red | green << 8 | blue << 16 | (i4){-(1 << 24), -(1 << 24), -(1 << 24), -(1 << 24)};
  }
}

// The offset of the pixel (x, y) of a window.
INLINE f4 offset_at(const Window *window, int x, int y) {
  int columns = (window->width + UNIT_OF_KEY - 1) / UNIT_OF_KEY;
  if (!window->steps || x < 0 || x >= window->width) return splat4(0.0f);
  return splat4((float)window->steps[y / UNIT_OF_KEY * columns + x / UNIT_OF_KEY] / STEPS);
}

// A row of blocks of 8×8 pixels (width, row, colour, column) → RGBA of a window.
NOINLINE void pixels_of(const float *blocks, int width, int top, const Window *window, u32 *pixels) {
  u32 eight[8];
  for (int r = 0; r < 8; r++) {
    int y = top + r - window->y;
    if (y < 0 || y >= window->height) continue;
    u32 *line = pixels + (size_t)y * (size_t)window->width;
    for (int b = 0; b < width; b++) {
      int x = 8 * b - window->x;
      const float *colours = blocks + (size_t)(b * 192 + r * 24);
      f4 offset = offset_at(window, x, y);
      if (x >= 0 && x + 8 <= window->width) {
        eight_pixels(colours, offset, line + x);
      } else if (x + 8 > 0 && x < window->width) {
        eight_pixels(colours, offset, eight);
        for (int i = 0; i < 8; i++)
          if (x + i >= 0 && x + i < window->width) line[x + i] = eight[i];
      }
    }
  }
}

// y_hat (h, w, slots), which is overwritten → features at 1/8 (2·h, 2·w, channels), to which those of a prediction `known`
// (2·h, 2·w, known channels) add if there is one; null for too little memory.
static float *fine_features(float *y, int h, int w, const float *known) {
  int c = model.channels;
  size_t slots = (size_t)model.slots, row = 2 * (size_t)(w * c);
  float *fine = take(2 * (size_t)h * row * 4);
  if (!fine) return fail(NO_MEMORY), NULL;
  if (!run_blocks(model.coarse, model.coarse_count, y, h, w, model.slots, model.coarse_inner)) return NULL;
  for (int i = 0; i < h; i++)
    for (int part = 0; part < 4; part++)
      gemm_f32(y + (size_t)i * (size_t)w * slots, slots, w, model.split[part].weights, model.slots, c,
               fine + (size_t)(2 * i + part / 2) * row + (size_t)(part % 2 * c), 2 * (size_t)c, model.split[part].bias, 0);
  for (int i = 0; known && i < 2 * h; i++)
    gemm_f32(known + 2 * (size_t)(i * w * model.known.channels), (size_t)model.known.channels, 2 * w, model.known.for_pixels.weights,
             model.known.channels, c, fine + (size_t)i * row, (size_t)c, model.known.for_pixels.bias, 1);
  return run_blocks(model.fine, model.fine_count, fine, 2 * h, 2 * w, c, model.fine_inner) ? fine : NULL;
}

// A row of features → blocks of 8×8 pixels (width, row, colour, column), unrounded.
INLINE void blocks_of(const float *fine, int width, float *blocks) {
  gemm_f32(fine, (size_t)model.channels, width, model.pixels.weights, model.channels, 192, blocks, 192, model.pixels.bias, 0);
}

// y_hat (h, w, slots), which is overwritten → RGBA (window) of its picture of 16·h × 16·w pixels; null for too little memory.
static u32 *synthesise(float *y, int h, int w, const Window *window) {
  u32 *pixels = take((size_t)window->width * (size_t)window->height * 4);
  Mark start = mark();
  float *fine = pixels ? fine_features(y, h, w, NULL) : NULL, *blocks = fine ? take(2 * (size_t)w * 192 * 4) : NULL;
  if (!blocks) return fail(NO_MEMORY), NULL;
  for (int i = 0; i < 2 * h; i++) {
    blocks_of(fine + 2 * (size_t)i * (size_t)(w * model.channels), 2 * w, blocks);
    pixels_of(blocks, 2 * w, 8 * i, window, pixels);
  }
  release(start);
  return pixels;
}
