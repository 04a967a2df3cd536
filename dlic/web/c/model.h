// The decoder's model: reads the body of a weights file (`dlic/web/weights.py`) and lays it out for the products of matrices.
#pragma once
#include "bytes.h"
#include "entropy.h"
#include "winograd.h"

enum { ANCHORS = 8, LEVELS = 64, ROWS = 64, TABLES = 2 * ROWS, MAX_BLOCKS = 16, MAX_STEPS = 4 };

typedef struct {
  int inputs, outs;
  float *weights, *bias;  // panels of (inputs, outs); (outs,)
} Linear;

typedef struct {
  int inputs, outs, kernel;
  double *weights, *bias;  // panels; (levels, outs); both times 2^−shift, which is exact
} Whole;

typedef struct {
  Linear squeeze, last;  // the inputs of `last` have the level's gains
  Conv3 spatial;
  const float *last_weights, *gains;  // as stored: (outs, inputs), (ANCHORS, inputs)
} Block;

typedef struct {
  Linear known;
  Conv3 around;
} Neighbours;

// What a frame's prediction tells about its residual (`dlic/models/inter/prediction.py`). The inputs of `for_pixels` and `merge`
// have the level's gains.
typedef struct {
  int channels;  // 0: the model is one of pictures
  Linear first, for_pixels, merge[4], for_means;
  Conv3 spatial;
  const float *gains;                                             // (ANCHORS, channels)
  const float *for_pixels_weights, *for_pixels_bias, *merge_weights, *merge_bias;  // as stored
} Known;

// Tables of second layers (`dlic/learned/progressive/tables.py`); 4·r + k is for row r and class k of the first symbol.
enum { CLASSES_OF_FIRST = 4, REFINEMENTS = ROWS * CLASSES_OF_FIRST, BANDS = 4, SPREADS = 16 };

typedef struct {
  u32 id;  // 0: there are none
  Table tables[REFINEMENTS], parity[2 * REFINEMENTS];
  u32 entropies[REFINEMENTS];
  const u8 *order;                     // tables by their rank
  const i16 *centres[REFINEMENTS];     // of each value, in 1/64 of a step
  const signed char *shifts, *spreads;  // (BANDS, latents), (SPREADS,)
} Refinements;

static struct {
  int channels, latents, hyper, hidden, fine_inner, coarse_inner, fine_count, coarse_count, middle, steps;
  int slots, of_class;  // Latents in memory: those of channels c ≡ 0 modulo `steps`, those of c ≡ 1, …; each class in `of_class` slots
  int level;            // that the weights are made for; −1: none
  Linear first, widen, second, widen_again, means;  // of h_s_mean; the 3×3 convolutions are three matrices
  Neighbours neighbours[MAX_STEPS - 1];
  Block coarse[MAX_BLOCKS], fine[MAX_BLOCKS];
  Linear split[4], pixels;
  Known known;
  Refinements refinements;
  float *inverse_gain;  // (slots,)
  Whole whole[4];
  const u8 *z_rows;  // (LEVELS, hyper)
  Table tables[TABLES], parity[2 * ROWS];
  u32 entropies[256];  // of rows; 0 of those that are never of y
  const float *first_bias, *first_anchors, *gain, *inverse, *means_weights, *means_bias, *pixels_weights, *pixels_bias, *pixels_gain;
  float *zeros;  // as many as the largest layer has outputs
  double *zeros_f64;
} model;

// --- where an output or input stands in memory -----------------------------------------------------------------------------

typedef enum { PLAIN, SHUFFLED, LATENT, PIXELS } Order;

INLINE int placed(Order order, int i, int count) {
  if (order == SHUFFLED) return i % 4 * (count / 4) + i / 4;  // all of the upper left pixel, all of the upper right, …
  if (order == LATENT) return i % model.steps * model.of_class + i / model.steps;
  if (order == PIXELS) return ((i / 8 % 8) * 3 + i / 64) * 8 + i % 8;  // row, colour, column
  return i;
}

INLINE int room_for(Order order, int count) { return order == LATENT ? model.slots : count; }

typedef struct {
  const float *weights, *bias;
  int outs, inputs;
  size_t out_step, in_step;  // of the stored weights
  Order out_order, in_order;
} Layer;

// A layer of a kernel of 1×1; with `scale`, its outputs or inputs times that.
static void fill_linear(Linear *linear, const Layer *layer, const float *out_scale, const float *in_scale) {
  for (int o = 0; o < layer->outs; o++) {
    int at = placed(layer->out_order, o, layer->outs);
    float factor = out_scale ? out_scale[o] : 1;
    linear->bias[at] = layer->bias[o] * factor;
    for (int i = 0; i < layer->inputs; i++) {
      float weight = layer->weights[(size_t)o * layer->out_step + (size_t)i * layer->in_step] * factor * (in_scale ? in_scale[i] : 1);
      linear->weights[((size_t)(at / 8) * (size_t)linear->inputs + (size_t)placed(layer->in_order, i, layer->inputs)) * 8 + at % 8] = weight;
    }
  }
}

static int take_linear(Linear *linear, int outs, int inputs) {
  *linear = (Linear){inputs, outs, take_zeros((size_t)outs * (size_t)inputs * 4), take_zeros((size_t)outs * 4)};
  return linear->weights && linear->bias;
}

static int make_linear(Linear *linear, Layer layer) {
  if (!take_linear(linear, room_for(layer.out_order, layer.outs), room_for(layer.in_order, layer.inputs))) return 0;
  fill_linear(linear, &layer, 0, 0);
  return 1;
}

// A 3×3 convolution as three matrices, one for each row of the kernel.
static int make_rows(Linear *linear, const float *weights, const float *bias, int outs, int inputs) {
  if (!take_linear(linear, outs, 9 * inputs)) return 0;
  for (int o = 0; o < outs; o++)
    for (int i = 0; i < inputs; i++)
      for (int tap = 0; tap < 9; tap++)
        linear->weights[(size_t)(tap / 3) * 3 * (size_t)(inputs * outs) + ((size_t)(o / 8) * 3 * (size_t)inputs + (size_t)(tap % 3 * inputs + i)) * 8 + o % 8] =
            weights[((size_t)o * (size_t)inputs + (size_t)i) * 9 + tap];
  memcpy(linear->bias, bias, (size_t)outs * 4);
  return 1;
}

static int make_conv(Conv3 *conv, const float *weights, const float *bias, int outs, int inputs) {
  *conv = (Conv3){inputs, outs, take((size_t)TAPS * (size_t)(inputs * outs) * 4), take((size_t)outs * 4)};
  if (!conv->weights || !conv->bias) return 0;
  transform_weights(weights, inputs, outs, conv->weights);
  memcpy(conv->bias, bias, (size_t)outs * 4);
  return 1;
}

// --- reading ---------------------------------------------------------------------------------------------------------------

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

// One layer of h_s_scale. Biases are stored as second differences along the levels.
static int read_whole(Whole *whole, Bytes *body, int outs, int inputs, int kernel, Order order) {
  u32 shift = little_endian(body);
  size_t area = (size_t)(kernel * kernel), count = (size_t)outs * (size_t)inputs * area, width = (size_t)(kernel * inputs);
  const u8 *low = take_bytes(body, count), *high = take_bytes(body, count), *bias = take_bytes(body, (size_t)LEVELS * (size_t)outs * 4);
  if (!low || !high || !bias || shift > 40) return 0;
  *whole = (Whole){inputs, outs, kernel, take(count * sizeof(double)), take((size_t)LEVELS * (size_t)outs * sizeof(double))};
  if (!whole->weights || !whole->bias) return 0;
  double factor = 1.0 / (double)((u64)1 << shift);
  for (size_t n = 0; n < count; n++) {
    int o = placed(order, (int)(n / area / (size_t)inputs), outs);
    size_t i = n / area % (size_t)inputs, row = n % area / (size_t)kernel, column = n % (size_t)kernel;
    size_t place = row * width * (size_t)outs + ((size_t)(o / 4) * width + column * (size_t)inputs + i) * 4 + (size_t)(o % 4);
    whole->weights[place] = (double)(i16)(low[n] | high[n] << 8) * factor;
  }
  for (int o = 0; o < outs; o++) {
    i64 slope = 0, value = 0;
    for (int level = 0; level < LEVELS; level++) {
      slope += (i32)four(bias + ((size_t)level * (size_t)outs + (size_t)o) * 4), value += slope;
      whole->bias[(size_t)level * (size_t)outs + (size_t)placed(order, o, outs)] = (double)value * factor;
    }
  }
  return 1;
}

static int read_whole_numbers(Bytes *body) {
  int z = model.hyper, k = model.hidden, m = model.latents;
  if (!read_whole(&model.whole[0], body, k, z, 3, PLAIN) || !read_whole(&model.whole[1], body, 4 * k, k, 1, SHUFFLED)) return 0;
  if (!read_whole(&model.whole[2], body, k, k, 3, PLAIN) || !read_whole(&model.whole[3], body, 4 * m, k, 1, SHUFFLED)) return 0;
  const u8 *rows = take_bytes(body, (size_t)LEVELS * (size_t)z);
  u8 *kept = rows ? take((size_t)LEVELS * (size_t)z) : 0;
  if (!kept) return 0;
  for (size_t i = 0; i < (size_t)LEVELS * (size_t)z; i++)
    if ((kept[i] = rows[i]) >= ROWS) return 0;
  model.z_rows = kept;
  return 1;
}

static int read_tables(Bytes *body) {
  Bytes heads = *body;
  u32 entries[TABLES];
  i32 minima[TABLES];
  for (int t = 0; t < TABLES; t++) minima[t] = (i32)little_endian(&heads), entries[t] = little_endian(&heads);
  for (int t = 0; t < TABLES; t++) {
    const u8 *stored = entries[t] && entries[t] <= 1 << 15 ? take_bytes(&heads, 2 * (size_t)entries[t]) : 0;
    u32 *counts = stored ? take(entries[t] * sizeof(u32)) : 0;
    if (!counts) return 0;
    for (u32 i = 0; i < entries[t]; i++) counts[i] = (u32)(stored[2 * i] | stored[2 * i + 1] << 8) + 1;
    if (!make_table(&model.tables[t], minima[t], entries[t], counts)) return 0;
    if (t >= ROWS) continue;
    model.entropies[t] = entropy_of(counts, entries[t]);
    for (int p = 0; p < 2; p++)
      if (!make_parity_table(&model.parity[2 * t + p], minima[t], entries[t], counts, p)) return 0;
  }
  *body = heads;
  return !heads.short_of;
}

// The layers of a model of frames.
static int read_known(Bytes *body) {
  Known *known = &model.known;
  known->channels = (int)little_endian(body);
  if (body->short_of || !fits(known->channels, 8, 256)) return 0;
  size_t n = (size_t)known->channels, c = (size_t)model.channels, k = (size_t)model.hidden;
  size_t matrices = 192 * n + 9 * n * n + n * c + 4 * n * n + n * k, vectors = 3 * n + c + k + ANCHORS * n;
  const u8 *low = take_bytes(body, matrices), *high = take_bytes(body, matrices), *stored = take_bytes(body, 4 * vectors);
  float *matrix = stored ? take(4 * matrices) : 0, *vector = matrix ? take(4 * vectors) : 0;
  if (!vector) return 0;
  for (size_t i = 0; i < matrices; i++) matrix[i] = half((u32)(low[i] | high[i] << 8));
  memcpy(vector, stored, 4 * vectors);
  Stored from = {matrix, vector};
  return make_known(&from);
}

// `count` numbers of two bytes.
static i16 *read_shorts(Bytes *body, size_t count) {
  const u8 *stored = take_bytes(body, 2 * count);
  i16 *to = stored ? take(2 * count + 1) : 0;
  for (size_t i = 0; to && i < count; i++) to[i] = (i16)(stored[2 * i] | stored[2 * i + 1] << 8);
  return to;
}

// The data of second layers.
static int read_refinements(Bytes *body) {
  Refinements *data = &model.refinements;
  u32 id = little_endian(body);
  const u8 *order = take_bytes(body, REFINEMENTS), *small = take_bytes(body, (size_t)(BANDS * model.latents + SPREADS));
  u8 *kept = small ? take(REFINEMENTS + (size_t)(BANDS * model.latents + SPREADS)) : 0;
  if (!kept) return 0;
  memcpy(kept, order, REFINEMENTS), memcpy(kept + REFINEMENTS, small, (size_t)(BANDS * model.latents + SPREADS));
  data->order = kept, data->shifts = (const signed char *)kept + REFINEMENTS, data->spreads = data->shifts + BANDS * model.latents;
  for (int t = 0; t < REFINEMENTS; t++) {
    i32 minimum = (i32)little_endian(body);
    u32 entries = little_endian(body), counts[256];
    const u8 *stored = entries && entries <= 256 ? take_bytes(body, 2 * (size_t)entries) : 0;
    for (u32 i = 0; stored && i < entries; i++) counts[i] = (u32)(stored[2 * i] | stored[2 * i + 1] << 8) + 1;
    if (!stored || !(data->centres[t] = read_shorts(body, entries > 1 ? entries - 1 : 1)) || !make_table(&data->tables[t], minimum, entries, counts)) return 0;
    data->entropies[t] = entropy_of(counts, entries);
    for (int p = 0; p < 2; p++)
      if (!make_parity_table(&data->parity[2 * t + p], minimum, entries, counts, p)) return 0;
  }
  data->id = id;
  return 1;
}

// What follows behind the tables: the number of a part, and the part.
static int read_more(Bytes *body) {
  while (body->at < body->size) {
    u32 part = little_endian(body);
    if (part == 1 ? !read_known(body) : part == 2 ? !read_refinements(body) : 1) return 0;
  }
  return 1;
}

// The model from the body of a weights file. It stays in memory; all that is taken later stands behind it.
static int read_model(const u8 *data, size_t size) {
  Bytes body = {data, 0, size, 0};
  memset(&model, 0, sizeof model);
  model.level = -1;
  if (!read_sizes(&body)) return fail("the weights are damaged: their sizes are none of a light model");
  size_t matrices = matrices_size(), vectors = vectors_size();
  const u8 *low = take_bytes(&body, matrices), *high = take_bytes(&body, matrices), *stored = take_bytes(&body, 4 * vectors);
  float *matrix = stored ? take(4 * matrices) : 0, *vector = matrix ? take(4 * vectors) : 0;
  int most = model.slots;
  if (most < 4 * model.latents) most = 4 * model.latents;
  if (most < 4 * model.hidden) most = 4 * model.hidden;
  if (most < 512) most = 512;
  model.zeros = take_zeros((size_t)most * 4), model.zeros_f64 = take_zeros((size_t)most * 8);
  if (!vector || !model.zeros || !model.zeros_f64) return fail("the weights are damaged: they end too early");
  for (size_t i = 0; i < matrices; i++) matrix[i] = half((u32)(low[i] | high[i] << 8));
  memcpy(vector, stored, 4 * vectors);
  Stored layers = {matrix, vector};
  if (!make_hyper(&layers) || !make_synthesis(&layers)) return fail(NO_MEMORY);
  find_anchors(layers.vector);
  if (!read_whole_numbers(&body) || !read_tables(&body) || !read_more(&body)) return fail("the weights are damaged: their whole numbers or tables are no model's");
  return 1;
}

SMALL_END

// --- levels ----------------------------------------------------------------------------------------------------------------

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
