// Symbols → y_hat: means of y from z, and in steps from the latents of earlier steps (`dlic/models/light/hyperprior.py`).
//
// Latents are in the order of their classes (model.h). A step decodes one class at each position, so that its means and the
// layers that read it touch no others.
#pragma once
#include "levels.h"
#include "symbols.h"

#define OCTAVE 64  // `finer` to halve a step

// Symbols × inverse gain, in the order of the latents in memory. Steps at the sides `seams` are finer.
static void scaled_symbols(const i32 *symbols, int h, int w, int finer, int seams, float *y) {
  int m = model.latents;
  float fine = (float)exponential(-(double)finer / OCTAVE * 0.6931471805599453);
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++, symbols += m, y += model.slots) {
      int seam = (seams & 1 && !j) || (seams & 2 && !i) || (seams & 4 && j == w - 1) || (seams & 8 && i == h - 1);
      float factor = finer && seam ? fine : 1.0f;
      for (int c = 0; c < m; c++) {
        int slot = placed(LATENT, c, m);
        y[slot] = (float)symbols[c] * factor * model.inverse_gain[slot];
      }
    }
}

// A layer whose outputs are four pixels each: (width, inputs) of row `y` → (2, 2·width, outs / 4), of which `h` × `w` are kept. A
// row of `to` has `line` numbers.
static void shuffled(const Linear *layer, const float *from, int width, int y, int h, int w, float *to, size_t line) {
  size_t outs = (size_t)layer->outs / 4;
  for (int part = 0; part < 4; part++) {
    int row = 2 * y + part / 2, columns = (w + 1 - part % 2) / 2;
    if (columns > width) columns = width;
    if (row < h)
      gemm_f32(from, (size_t)layer->inputs, columns, layer->weights + (size_t)part * outs * (size_t)layer->inputs, layer->inputs, (int)outs,
               to + (size_t)row * line + (size_t)(part % 2) * outs, 2 * outs, layer->bias + (size_t)part * outs, 0);
  }
}

// The prediction of y from the symbols of z: (h, w, hidden).
static int hyper_features(const i32 *z, int h, int w, float *features) {
  int height = (h + 3) / 4, width = (w + 3) / 4, k = model.hidden, mid = model.middle;
  size_t hyper = (size_t)model.hyper, line = (size_t)(width + 2) * hyper, wide = (2 * (size_t)width + 2) * (size_t)k;
  Mark start = mark();
  float *input = take_zeros((size_t)(height + 2) * line * 4), *twice = take_zeros((2 * (size_t)height + 2) * wide * 4);
  float *row = take(2 * (size_t)width * (size_t)mid * 4);
  if (!input || !twice || !row) return fail(NO_MEMORY);
  for (int y = 0; y < height; y++)
    for (size_t i = 0; i < (size_t)width * hyper; i++) input[(size_t)(y + 1) * line + hyper + i] = (float)*z++;
  for (int y = 0; y < height; y++) {
    conv_f32(input + (size_t)y * line, line, width, model.first.weights, model.hyper, mid, row, model.first.bias, model.zeros);
    gelu(row, (size_t)(width * mid), row);
    shuffled(&model.widen, row, width, y, 2 * height, 2 * width, twice + wide + k, wide);
  }
  for (int y = 1; y <= 2 * height; y++) gelu(twice + (size_t)y * wide + k, 2 * (size_t)(width * k), twice + (size_t)y * wide + k);
  for (int y = 0; y < 2 * height && 2 * y < h; y++) {
    conv_f32(twice + (size_t)y * wide, wide, 2 * width, model.second.weights, k, mid, row, model.second.bias, model.zeros);
    gelu(row, (size_t)(2 * width * mid), row);
    shuffled(&model.widen_again, row, 2 * width, y, h, w, features, (size_t)(w * k));
  }
  release(start);
  return 1;
}

// Adds the means of a step to its latents: y (h, w, slots) += means of the features (h, w, hidden).
static void add_means(const float *features, int h, int w, int step, float *y, float *active) {
  int k = model.hidden;
  size_t slots = (size_t)model.slots;
  for (int i = 0; i < h; i++, features += (size_t)(w * k), y += (size_t)w * slots) {
    gelu(features, (size_t)(w * k), active);
    for (int side = 0; side < 2 && side < w; side++) {  // every second position has the same class
      int first = class_of(step, i, side) * model.of_class;
      gemm_f32(active + side * k, 2 * (size_t)k, (w + 1 - side) / 2, model.means.weights + (size_t)(first * k), k, model.of_class,
               y + (size_t)side * slots + first, 2 * slots, model.means.bias + first, 1);
    }
  }
}

// gelu(known(y)) of one row of latents, where those of steps before `stage` + 1 are known: (w, hidden).
static void known_row(const Linear *known, const float *y, int i, int w, int stage, float *to) {
  int k = model.hidden;
  for (int side = 0; side < 2 && side < w; side++)
    for (int step = 0; step <= stage; step++) {
      int first = class_of(step, i, side) * model.of_class;
      for (int o = 0; o < k; o += 8)  // a panel at a time: the inputs of a class lie together in each
        gemm_f32(y + (size_t)(side * model.slots + first), 2 * (size_t)model.slots, (w + 1 - side) / 2,
                 known->weights + (size_t)(o * known->inputs + first * 8), model.of_class, 8, to + side * k + o, 2 * (size_t)k,
                 step ? model.zeros : known->bias + o, step > 0);
    }
  gelu(to, (size_t)(w * k), to);
}

// Adds the contribution of the latents decoded so far to the features.
static void add_neighbours(int stage, const float *y, int h, int w, float *features, float *strip, WinogradRoom *room) {
  const Neighbours *layer = &model.neighbours[stage];
  size_t k = (size_t)model.hidden, line = (size_t)padded_width(w) * k;
  memset(strip, 0, 6 * line * 4);
  known_row(&layer->known, y, 0, w, stage, strip + line + k);
  for (int top = 0; top < h; top += SIDE) {
    for (int i = 1; i <= SIDE; i++) {
      float *row = strip + (size_t)(i + 1) * line + k;
      if (top + i < h) known_row(&layer->known, y + (size_t)(top + i) * (size_t)(w * model.slots), top + i, w, stage, row);
      else memset(row, 0, (size_t)w * k * 4);
    }
    winograd(&layer->around, strip, w, (int)smaller(SIDE, (size_t)(h - top)), features + (size_t)top * (size_t)w * k, (size_t)w * k, 1,
             room, model.zeros);
    memcpy(strip, strip + 4 * line, 2 * line * 4);
  }
}

// Means in steps: y (h, w, slots), which holds scaled symbols, becomes y_hat. Overwrites the features (h, w, hidden).
static int add_context(float *features, int h, int w, float *y) {
  size_t k = (size_t)model.hidden;
  Mark start = mark();
  float *active = take((size_t)w * k * 4), *strip = take(6 * (size_t)padded_width(w) * k * 4);
  WinogradRoom room;
  if (!active || !strip || !winograd_room(&room, model.hidden)) return fail(NO_MEMORY);
  add_means(features, h, w, 0, y, active);
  for (int step = 1; step < model.steps; step++) {
    add_neighbours(step - 1, y, h, w, features, strip, &room);
    add_means(features, h, w, step, y, active);
  }
  release(start);
  return 1;
}

// y_hat (h, w, slots) of a unit; null for a damaged stream or too little memory.
static float *decode_latents(const CodedUnit *unit) {
  int h = latents_along(unit->height), w = latents_along(unit->width);
  float *y = take_zeros((size_t)h * (size_t)w * (size_t)model.slots * 4), *features = take((size_t)h * (size_t)w * (size_t)model.hidden * 4);
  Mark start = mark();
  if (!y || !features) return fail(NO_MEMORY), NULL;
  i32 *symbols = read_symbols(unit);
  if (!symbols) return NULL;
  scaled_symbols(symbols + z_count(h, w), h, w, unit->finer, unit->seams, y);
  if (!hyper_features(symbols, h, w, features)) return NULL;
  release(start);
  return add_context(features, h, w, y) ? y : NULL;
}
