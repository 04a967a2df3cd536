// A level's gains, in the weights of the model.
#pragma once
#include "model.h"

static double exponential(double x) {
  double n = x * 1.4426950408889634;
  i64 whole = (i64)(n < 0 ? n - 0.5 : n + 0.5);
  if (whole < -1000 || whole > 1000) return whole < 0 ? 0 : 1e300;
  double r = x - (double)whole * 0.6931471805599453, sum = 1, term = 1;
  for (int i = 1; i < 14; i++) term *= r / i, sum += term;
  union {
    u64 bits;
    double value;
  } scale = {(u64)(whole + 1023) << 52};
  return sum * scale.value;
}

// A vector at a level, between those of two anchors.
INLINE float at_level(const float *anchors, int count, int i, int level) {
  int before = level / 9, after = before < ANCHORS - 1 ? before + 1 : before;
  float share = (float)(level % 9) / 9.0f;
  return anchors[before * count + i] * (1 - share) + anchors[after * count + i] * share;
}

static void gains_at(const float *anchors, int count, int level, float factor, float *to) {
  for (int i = 0; i < count; i++) to[i] = (float)exponential((double)at_level(anchors, count, i, level)) * factor;
}

static void blocks_at(Block *blocks, int count, int channels, int inner, Order order, int level) {
  float gains[512], bias[1024];
  for (int b = 0; b < count; b++) {
    Block *block = &blocks[b];
    for (int o = 0; o < channels; o++) bias[o] = block->last.bias[placed(order, o, channels)];
    gains_at(block->gains, inner, level, 1, gains);
    fill_linear(&block->last, &(Layer){block->last_weights, bias, channels, inner, (size_t)inner, 1, order, PLAIN}, 0, gains);
  }
}

static void known_at(int level) {
  Known *known = &model.known;
  float gains[256];
  int n = known->channels;
  if (!n) return;
  gains_at(known->gains, n, level, 1, gains);
  fill_linear(&known->for_pixels, &(Layer){known->for_pixels_weights, known->for_pixels_bias, model.channels, n, (size_t)n, 1, PLAIN, PLAIN}, 0, gains);
  for (int part = 0; part < 4; part++)
    fill_linear(&known->merge[part], &(Layer){known->merge_weights + part, known->merge_bias, n, n, 4 * (size_t)n, 4, PLAIN, PLAIN}, 0, gains);
}

// Puts a level's gains into the weights.
static void set_level(int level) {
  if (model.level == level) return;
  model.level = level;
  int m = model.latents, c = model.channels, k = model.hidden;
  float gains[1024], inverse[1024], bias[192];
  for (int i = 0; i < model.middle; i++) model.first.bias[i] = model.first_bias[i] + at_level(model.first_anchors, model.middle, i, level);
  gains_at(model.gain, m, level, 1, gains), gains_at(model.inverse, m, level, 1, inverse);
  for (int i = 0; i < m; i++) {
    model.inverse_gain[placed(LATENT, i, m)] = inverse[i];
    gains[i] *= inverse[i];  // of means in y_hat
  }
  fill_linear(&model.means, &(Layer){model.means_weights, model.means_bias, m, k, (size_t)k, 1, LATENT, PLAIN}, gains, 0);
  blocks_at(model.coarse, model.coarse_count, m, model.coarse_inner, LATENT, level);
  blocks_at(model.fine, model.fine_count, c, model.fine_inner, PLAIN, level);
  gains_at(model.pixels_gain, c, level, 255, gains);
  float zero = model.known.channels ? 0 : 0.5f;  // residuals, which are added to a prediction, lie around 0
  for (int i = 0; i < 192; i++) bias[i] = (model.pixels_bias[i] + zero) * 255 + 0.5f;
  fill_linear(&model.pixels, &(Layer){model.pixels_weights, bias, 192, c, (size_t)c, 1, PIXELS, PLAIN}, 0, gains);
  known_at(level);
}
