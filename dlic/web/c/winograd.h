// 3×3 convolutions by Winograd's F(4×4, 3×3): 36 products for 16 results where the direct way takes 144. After Lavin & Gray,
// "Fast algorithms for convolutional neural networks", CVPR 2016.
//
// A strip of four rows of results needs six rows. Its tiles of 6×6 are transformed, multiplied (36 products of matrices) and
// transformed back, at most SEGMENT tiles at a time, so that all of it stays in the second-level cache.
#pragma once
#include "gemm.h"

enum { SIDE = 4, TAPS = 36, SEGMENT = 24 };

// Transformed weights: 36 matrices in panels.
typedef struct {
  int inputs, outs;
  float *weights;  // (36, panels of (inputs, outs))
  float *bias;     // (outs,)
} Conv3;

typedef struct {
  float *tiles, *products;
} WinogradRoom;

static int winograd_room(WinogradRoom *room, int channels) {
  size_t size = (size_t)TAPS * SEGMENT * (size_t)channels * sizeof(float);
  room->tiles = take(size), room->products = take(size);
  return room->tiles && room->products;
}

INLINE int padded_width(int width) { return (width + SIDE - 1) / SIDE * SIDE + 2; }

// Six numbers to six, for rows and for columns: Bᵀ d.
INLINE void input_six(const f4 *d, f4 *to, int step) {
  f4 four = splat4(4.0f), two = splat4(2.0f), five = splat4(5.0f);
  f4 a = d[4] - four * d[2], b = d[3] - four * d[1], c = d[4] - d[2], e = two * (d[3] - d[1]);
  to[0] = four * d[0] - five * d[2] + d[4];
  to[step] = a + b, to[2 * step] = a - b;
  to[3 * step] = c + e, to[4 * step] = c - e;
  to[5 * step] = four * d[1] - five * d[3] + d[5];
}

// Six to four: Aᵀ m.
INLINE void output_six(const f4 *m, f4 *to, int step) {
  f4 sum = m[1] + m[2], difference = m[1] - m[2], wide = m[3] + m[4], slope = m[3] - m[4];
  to[0] = m[0] + sum + wide;
  to[step] = difference + splat4(2.0f) * slope;
  to[2 * step] = sum + splat4(4.0f) * wide;
  to[3 * step] = difference + splat4(8.0f) * slope + m[5];
}

NOINLINE void input_tile(const float *from, size_t line, size_t channels, float *to, size_t step) {
  for (size_t c = 0; c < channels; c += 4) {
    f4 columns[TAPS];
    UNROLL for (int x = 0; x < 6; x++) {
      f4 d[6];
      UNROLL for (int y = 0; y < 6; y++) d[y] = load4(from + (size_t)y * line + (size_t)x * channels + c);
      input_six(d, columns + x, 6);
    }
    UNROLL for (int y = 0; y < 6; y++) {
      f4 row[6];
      input_six(columns + 6 * y, row, 1);
      UNROLL for (int x = 0; x < 6; x++) store4(to + (size_t)(6 * y + x) * step + c, row[x]);
    }
  }
}

// Writes the results that lie in the picture: `columns` (1 … 4) of each of `rows` (1 … 4). `add`: to what is there; else GELU.
NOINLINE void output_tile(const float *from, size_t step, size_t channels, const float *bias, float *to, size_t line, int columns,
                          int rows, int add) {
  for (size_t c = 0; c < channels; c += 4) {
    f4 half[SIDE * 6], shift = load4(bias + c);
    UNROLL for (int x = 0; x < 6; x++) {
      f4 m[6];
      UNROLL for (int y = 0; y < 6; y++) m[y] = load4(from + (size_t)(6 * y + x) * step + c);
      output_six(m, half + x, 6);
    }
    for (int y = 0; y < rows; y++) {
      f4 row[SIDE];
      output_six(half + 6 * y, row, 1);
      for (int x = 0; x < columns; x++) {
        float *place = to + (size_t)y * line + (size_t)x * channels + c;
        store4(place, add ? load4(place) + row[x] + shift : gelu4(row[x] + shift));
      }
    }
  }
}

// Four rows of results from six rows `from` (padded_width, inputs). Results (rows, width, outs) go to `to`, `line` numbers apart.
static void winograd(const Conv3 *conv, const float *from, int width, int rows, float *to, size_t line, int add, WinogradRoom *room,
                     const float *zeros) {
  size_t inputs = (size_t)conv->inputs, outs = (size_t)conv->outs, row = (size_t)padded_width(width) * inputs;
  int tiles = (width + SIDE - 1) / SIDE;
  for (int first = 0; first < tiles; first += SEGMENT) {
    int count = (int)smaller(SEGMENT, (size_t)(tiles - first));
    size_t in_step = (size_t)count * inputs, out_step = (size_t)count * outs;
    for (int i = 0; i < count; i++)
      input_tile(from + (size_t)(first + i) * SIDE * inputs, row, inputs, room->tiles + (size_t)i * inputs, in_step);
    for (int tap = 0; tap < TAPS; tap++)
      gemm_f32(room->tiles + (size_t)tap * in_step, inputs, count, conv->weights + (size_t)tap * inputs * outs, conv->inputs,
               conv->outs, room->products + (size_t)tap * out_step, outs, zeros, 0);
    for (int i = 0; i < count; i++)
      output_tile(room->products + (size_t)i * outs, out_step, outs, conv->bias, to + (size_t)(first + i) * SIDE * outs, line,
                  (int)smaller(SIDE, (size_t)(width - (first + i) * SIDE)), rows, add);
  }
}

// Weights (outs, inputs, 3, 3) → 36 matrices in panels of 8 outputs: G g Gᵀ.
static void transform_weights(const float *from, int inputs, int outs, float *to) {
  static const float g[6][3] = {{1 / 4.0f, 0, 0},
                                {-1 / 6.0f, -1 / 6.0f, -1 / 6.0f},
                                {-1 / 6.0f, 1 / 6.0f, -1 / 6.0f},
                                {1 / 24.0f, 1 / 12.0f, 1 / 6.0f},
                                {1 / 24.0f, -1 / 12.0f, 1 / 6.0f},
                                {0, 0, 1}};
  for (int o = 0; o < outs; o++)
    for (int c = 0; c < inputs; c++, from += 9) {
      float half[6][3];
      for (int i = 0; i < 6; i++)
        for (int q = 0; q < 3; q++) half[i][q] = g[i][0] * from[q] + g[i][1] * from[3 + q] + g[i][2] * from[6 + q];
      float *place = to + ((size_t)(o / 8) * (size_t)inputs + (size_t)c) * 8 + o % 8;
      for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
          place[(size_t)(6 * i + j) * (size_t)(inputs * outs)] = half[i][0] * g[j][0] + half[i][1] * g[j][1] + half[i][2] * g[j][2];
    }
}
