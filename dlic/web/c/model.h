// The decoder's model: its layers, laid out for the products of matrices.
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

// Refinements are coded in two passes (`dlic/learned/progressive/passes.py`): the cell of its table, 0 or 1, then the value in it.
enum { CELLS = 2, TWO_PASSES = 2 };

typedef struct {
  u32 id;  // 0: there are none
  i32 minima[REFINEMENTS];
  u32 values[REFINEMENTS];              // number of those of each table
  u32 entropies[REFINEMENTS];           // of both passes together
  Table coarse[REFINEMENTS], fine[CELLS * REFINEMENTS], parity[2 * CELLS * REFINEMENTS];
  u32 coarse_entropies[REFINEMENTS], fine_entropies[CELLS * REFINEMENTS];
  const i16 *order;                     // passes by their rank: REFINEMENTS · pass + table
  const i16 *splits, *cells;            // first value of cell 1; what cells stand for (REFINEMENTS, CELLS), in 1/64 of a step
  const i16 *centres[REFINEMENTS];      // of each value, in 1/64 of a step
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
