// The layers of a model from the floats of a weights file (`dlic/web/weights.py`).
#pragma once
#include "model.h"
SMALL_BEGIN

static float half(u32 bits) {
  u32 sign = (bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
  union {
    u32 bits;
    float value;
  } number;
  if (!exponent) {
    number.value = (float)fraction * (1.0f / (1 << 24));
    number.bits |= sign;
  } else {
    number.bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  }
  return number.value;
}

typedef struct {
  const float *matrix, *vector;
} Stored;

INLINE const float *next(const float **from, size_t count) {
  const float *start = *from;
  *from += count;
  return start;
}

static int fits(int value, int multiple, int most) { return value > 0 && value <= most && value % multiple == 0; }

static int read_sizes(Bytes *body) {
  int *fields[10] = {&model.channels,   &model.latents,    &model.hyper,       &model.hidden, &model.fine_inner, &model.coarse_inner,
                     &model.fine_count, &model.coarse_count, &model.middle, &model.steps};
  for (int i = 0; i < 10; i++) *fields[i] = (int)little_endian(body);
  u32 levels = little_endian(body), tables = little_endian(body);
  if (body->short_of || levels != LEVELS || tables != TABLES || (model.steps != 2 && model.steps != 4)) return 0;
  if (!fits(model.channels, 8, 512) || !fits(model.latents, 8, 1024) || !fits(model.hyper, 4, 512) || !fits(model.hidden, 8, 512)) return 0;
  if (!fits(model.fine_inner, 8, 512) || !fits(model.coarse_inner, 8, 512) || !fits(model.middle, 8, 512)) return 0;
  if (!fits(model.fine_count, 1, MAX_BLOCKS) || !fits(model.coarse_count, 1, MAX_BLOCKS)) return 0;
  model.of_class = (model.latents / model.steps + 7) / 8 * 8, model.slots = model.of_class * model.steps;
  return 1;
}

static size_t block_size(int count, int channels, int inner) { return (size_t)count * (size_t)inner * (size_t)(2 * channels + 9 * inner); }

static size_t matrices_size(void) {
  size_t z = (size_t)model.hyper, k = (size_t)model.hidden, mid = (size_t)model.middle, m = (size_t)model.latents, c = (size_t)model.channels;
  size_t hyper = 9 * z * mid + 4 * k * mid + 9 * k * mid + 4 * k * mid + k * m, around = (size_t)(model.steps - 1) * (m * k + 9 * k * k);
  return hyper + around + block_size(model.coarse_count, model.latents, model.coarse_inner) + 4 * m * c +
         block_size(model.fine_count, model.channels, model.fine_inner) + 192 * c;
}

static size_t vectors_size(void) {
  size_t k = (size_t)model.hidden, mid = (size_t)model.middle, m = (size_t)model.latents, c = (size_t)model.channels;
  size_t coarse = (size_t)model.coarse_count, fine = (size_t)model.fine_count, i = (size_t)model.coarse_inner, f = (size_t)model.fine_inner;
  return 2 * mid + 8 * k + m + (size_t)(model.steps - 1) * 2 * k + coarse * (2 * i + m) + c + fine * (2 * f + c) + 192 +
         ANCHORS * (mid + 2 * m + coarse * i + fine * f + c);
}

static int make_blocks(Block *blocks, int count, int channels, int inner, Order order, Stored *stored) {
  for (int b = 0; b < count; b++) {
    Block *block = &blocks[b];
    size_t matrix = (size_t)channels * (size_t)inner;
    const float *squeeze = next(&stored->matrix, matrix), *squeeze_bias = next(&stored->vector, (size_t)inner);
    const float *spatial = next(&stored->matrix, 9 * (size_t)(inner * inner)), *spatial_bias = next(&stored->vector, (size_t)inner);
    block->last_weights = next(&stored->matrix, matrix);
    const float *bias = next(&stored->vector, (size_t)channels);
    if (!make_linear(&block->squeeze, (Layer){squeeze, squeeze_bias, inner, channels, (size_t)channels, 1, PLAIN, order})) return 0;
    if (!make_conv(&block->spatial, spatial, spatial_bias, inner, inner)) return 0;
    if (!make_linear(&block->last, (Layer){block->last_weights, bias, channels, inner, (size_t)inner, 1, order, PLAIN})) return 0;
  }
  return 1;
}

static int make_hyper(Stored *stored) {
  int z = model.hyper, k = model.hidden, mid = model.middle, m = model.latents;
  const float *first = next(&stored->matrix, 9 * (size_t)(z * mid)), *widen = next(&stored->matrix, 4 * (size_t)(k * mid));
  const float *second = next(&stored->matrix, 9 * (size_t)(k * mid)), *again = next(&stored->matrix, 4 * (size_t)(k * mid));
  model.means_weights = next(&stored->matrix, (size_t)(k * m));
  model.first_bias = next(&stored->vector, (size_t)mid);
  const float *widen_bias = next(&stored->vector, 4 * (size_t)k), *second_bias = next(&stored->vector, (size_t)mid);
  const float *again_bias = next(&stored->vector, 4 * (size_t)k);
  model.means_bias = next(&stored->vector, (size_t)m);
  if (!make_rows(&model.first, first, model.first_bias, mid, z) || !make_rows(&model.second, second, second_bias, mid, k)) return 0;
  if (!make_linear(&model.widen, (Layer){widen, widen_bias, 4 * k, mid, (size_t)mid, 1, SHUFFLED, PLAIN})) return 0;
  if (!make_linear(&model.widen_again, (Layer){again, again_bias, 4 * k, mid, (size_t)mid, 1, SHUFFLED, PLAIN})) return 0;
  if (!take_linear(&model.means, model.slots, k)) return 0;
  for (int stage = 0; stage < model.steps - 1; stage++) {
    const float *known = next(&stored->matrix, (size_t)(m * k)), *known_bias = next(&stored->vector, (size_t)k);
    const float *around = next(&stored->matrix, 9 * (size_t)(k * k)), *around_bias = next(&stored->vector, (size_t)k);
    if (!make_linear(&model.neighbours[stage].known, (Layer){known, known_bias, k, m, (size_t)m, 1, PLAIN, LATENT})) return 0;
    if (!make_conv(&model.neighbours[stage].around, around, around_bias, k, k)) return 0;
  }
  return 1;
}

static int make_synthesis(Stored *stored) {
  int m = model.latents, c = model.channels;
  if (!make_blocks(model.coarse, model.coarse_count, m, model.coarse_inner, LATENT, stored)) return 0;
  const float *split = next(&stored->matrix, 4 * (size_t)(m * c)), *split_bias = next(&stored->vector, (size_t)c);
  for (int part = 0; part < 4; part++)
    if (!make_linear(&model.split[part], (Layer){split + part, split_bias, c, m, 4, 4 * (size_t)c, PLAIN, LATENT})) return 0;
  if (!make_blocks(model.fine, model.fine_count, c, model.fine_inner, PLAIN, stored)) return 0;
  model.pixels_weights = next(&stored->matrix, 192 * (size_t)c), model.pixels_bias = next(&stored->vector, 192);
  model.inverse_gain = take_zeros((size_t)model.slots * 4);
  return model.inverse_gain && take_linear(&model.pixels, 192, c);
}

// The first layer for values 0 … 255 of blocks of 8×8 pixels in the order row, column, colour.
static int make_first(Linear *first, const float *weights, const float *bias, int outs) {
  if (!take_linear(first, outs, 192)) return 0;
  for (int o = 0; o < outs; o++) {
    double sum = 0;
    for (int i = 0; i < 192; i++) {
      float weight = weights[o * 192 + i];
      sum += (double)weight;
      first->weights[((size_t)(o / 8) * 192 + (size_t)(i % 64 * 3 + i / 64)) * 8 + (size_t)(o % 8)] = weight / 255;
    }
    first->bias[o] = bias[o] - (float)(0.5 * sum);
  }
  return 1;
}

static int make_known(Stored *stored) {
  Known *known = &model.known;
  int n = known->channels, c = model.channels, k = model.hidden;
  const float *first = next(&stored->matrix, 192 * (size_t)n), *spatial = next(&stored->matrix, 9 * (size_t)(n * n));
  known->for_pixels_weights = next(&stored->matrix, (size_t)(n * c)), known->merge_weights = next(&stored->matrix, 4 * (size_t)(n * n));
  const float *for_means = next(&stored->matrix, (size_t)(n * k));
  const float *first_bias = next(&stored->vector, (size_t)n), *spatial_bias = next(&stored->vector, (size_t)n);
  known->for_pixels_bias = next(&stored->vector, (size_t)c), known->merge_bias = next(&stored->vector, (size_t)n);
  const float *means_bias = next(&stored->vector, (size_t)k);
  known->gains = next(&stored->vector, ANCHORS * (size_t)n);
  for (int part = 0; part < 4; part++)
    if (!take_linear(&known->merge[part], n, n)) return 0;
  if (!make_first(&known->first, first, first_bias, n) || !make_conv(&known->spatial, spatial, spatial_bias, n, n)) return 0;
  return take_linear(&known->for_pixels, c, n) && make_linear(&known->for_means, (Layer){for_means, means_bias, k, n, (size_t)n, 1, PLAIN, PLAIN});
}

static void find_anchors(const float *vector) {
  model.first_anchors = next(&vector, ANCHORS * (size_t)model.middle);
  model.gain = next(&vector, ANCHORS * (size_t)model.latents), model.inverse = next(&vector, ANCHORS * (size_t)model.latents);
  for (int b = 0; b < model.coarse_count; b++) model.coarse[b].gains = next(&vector, ANCHORS * (size_t)model.coarse_inner);
  for (int b = 0; b < model.fine_count; b++) model.fine[b].gains = next(&vector, ANCHORS * (size_t)model.fine_inner);
  model.pixels_gain = next(&vector, ANCHORS * (size_t)model.channels);
}
SMALL_END
