// Rows of the tables of y from the symbols of z, in whole numbers (docs/format.md, section 5.2). Sums are below 2⁵³, so float64 is
// exact in any order.
#pragma once
#include "model.h"

#define BOUND ((double)(1 << 20))

// Whole numbers: ⌊v⌋ of each v, within 0 … high.
NOINLINE void floor_all(const double *from, int count, double high, double *to) {
  for (int i = 0; i < count; i++) {
    double v = from[i];
    v = v > 0 ? v : 0;
    v = v < high ? v : high;
    to[i] = (double)(i32)v;
  }
}

NOINLINE void floor_rows(const double *from, int count, Row *to) {
  for (int i = 0; i < count; i++) {
    double v = from[i];
    v = v > 0 ? v : 0;
    v = v < ROWS - 1 ? v : ROWS - 1;
    to[i] = (Row)(i32)v;
  }
}

INLINE const double *bias_at(const Whole *whole, int level) { return whole->bias + (size_t)level * (size_t)whole->outs; }

// z (height, width, hyper) with a border of one → rows (4·height, 4·width, latents), of which `h` × `w` are written.
static int rows_of_y(const double *z, int height, int width, int level, int h, int w, Row *rows) {
  const Whole *first = &model.whole[0], *widen = &model.whole[1], *middle = &model.whole[2], *last = &model.whole[3];
  int k = model.hidden, m = model.latents;
  Mark start = mark();
  size_t wide = 2 * (size_t)width + 2;
  double *line = take((size_t)(2 * width) * (size_t)(4 * m) * 8);  // results of a row of any layer
  double *twice = take_zeros((2 * (size_t)height + 2) * wide * (size_t)k * 8);
  if (!line || !twice) return fail(NO_MEMORY);
  double *narrow = take((size_t)(2 * width) * (size_t)k * 8);
  if (!narrow) return fail(NO_MEMORY);
  for (int y = 0; y < height; y++) {
    conv_f64(z + (size_t)y * (size_t)(width + 2) * (size_t)model.hyper, (size_t)(width + 2) * (size_t)model.hyper, width, first->weights,
             model.hyper, k, line, bias_at(first, level), model.zeros_f64);
    floor_all(line, width * k, BOUND - 1, narrow);
    gemm_f64(narrow, (size_t)k, width, widen->weights, k, 4 * k, line, 4 * (size_t)k, bias_at(widen, level), 0);
    for (int x = 0; x < width; x++)
      for (int part = 0; part < 4; part++)
        floor_all(line + ((size_t)x * 4 + (size_t)part) * (size_t)k, k, BOUND - 1,
                  twice + ((size_t)(2 * y + 1 + part / 2) * wide + (size_t)(2 * x + 1 + part % 2)) * (size_t)k);
  }
  for (int y = 0; y < 2 * height && 2 * y < h; y++) {
    conv_f64(twice + (size_t)y * wide * (size_t)k, wide * (size_t)k, 2 * width, middle->weights, k, k, line, bias_at(middle, level),
             model.zeros_f64);
    floor_all(line, 2 * width * k, BOUND - 1, narrow);
    gemm_f64(narrow, (size_t)k, 2 * width, last->weights, k, 4 * m, line, 4 * (size_t)m, bias_at(last, level), 0);
    for (int x = 0; x < 2 * width; x++)
      for (int part = 0; part < 4; part++) {
        int i = 2 * y + part / 2, j = 2 * x + part % 2;
        if (i < h && j < w) floor_rows(line + ((size_t)x * 4 + (size_t)part) * (size_t)m, m, rows + ((size_t)i * (size_t)w + (size_t)j) * (size_t)m);
      }
  }
  release(start);
  return 1;
}
