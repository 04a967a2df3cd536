// What the prediction of an area tells about its residual: features for the means and for g_s (`dlic/models/inter/prediction.py`).
#pragma once
#include "context.h"
#include "prediction.h"

typedef struct {
  int x, y, width, height;  // in superblocks, or in pixels
} Rectangle;

// Eight rows of pixels of an area, which lie `top` below its beginning → blocks (count, row, column, colour). The area's last
// column and row go on behind it.
static void blocks_of_pixels(const u8 *frame, int frame_width, const Rectangle *area, int top, int count, float *to) {
  for (int row = 0; row < 8; row++) {
    const u8 *line = frame + 4 * ((size_t)(area->y + within(top + row, 0, area->height - 1)) * (size_t)frame_width + (size_t)area->x);
    for (int x = 0; x < 8 * count; x++) {
      const u8 *pixel = line + 4 * within(x, 0, area->width - 1);
      float *place = to + (x / 8) * 192 + row * 24 + x % 8 * 3;
      place[0] = pixel[0], place[1] = pixel[1], place[2] = pixel[2];
    }
  }
}

// Features of a prediction: (2·h, 2·w, known channels), without the level's gains.
NOINLINE float *known_features(const u8 *frame, int frame_width, const Rectangle *area, int h, int w) {
  const Known *known = &model.known;
  int n = known->channels, width = 2 * w, height = 2 * h;
  size_t line = (size_t)padded_width(width) * (size_t)n, row = (size_t)(width * n);
  float *features = take((size_t)height * row * 4);
  Mark start = mark();
  float *blocks = take((size_t)width * 192 * 4), *strip = take_zeros(6 * line * 4);
  WinogradRoom room;
  if (!features || !blocks || !strip || !winograd_room(&room, n)) return fail(NO_MEMORY), NULL;
  for (int top = -SIDE; top < height; top += SIDE) {
    for (int i = 1; i <= SIDE; i++) {  // the strip holds rows top − 1 … top + 4
      float *to = strip + (size_t)(i + 1) * line + n;
      int y = top + i;
      memset(to, 0, row * 4);
      if (y < 0 || y >= height) continue;
      blocks_of_pixels(frame, frame_width, area, 8 * y, width, blocks);
      gemm_f32(blocks, 192, width, known->first.weights, 192, n, to, (size_t)n, known->first.bias, 0);
      gelu(to, row, to);
    }
    if (top >= 0) winograd(&known->spatial, strip, width, (int)smaller(SIDE, (size_t)(height - top)), features + (size_t)top * row, row, 0, &room, model.zeros);
    memcpy(strip, strip + 4 * line, 2 * line * 4);
  }
  release(start);
  return features;
}

// Adds what the features of a prediction say about the means to the features of z (h, w, hidden).
NOINLINE int add_known(const float *known, int h, int w, float *features) {
  int n = model.known.channels, k = model.hidden;
  Mark start = mark();
  float *merged = take((size_t)(w * n) * 4);
  if (!merged) return fail(NO_MEMORY);
  for (int i = 0; i < h; i++) {
    for (int part = 0; part < 4; part++)
      gemm_f32(known + (size_t)((2 * i + part / 2) * 2 * w + part % 2) * (size_t)n, 2 * (size_t)n, w, model.known.merge[part].weights, n, n, merged, (size_t)n,
               part ? model.zeros : model.known.merge[part].bias, part > 0);
    gelu(merged, (size_t)(w * n), merged);
    gemm_f32(merged, (size_t)n, w, model.known.for_means.weights, n, k, features + (size_t)i * (size_t)(w * k), (size_t)k, model.known.for_means.bias, 1);
  }
  release(start);
  return 1;
}
