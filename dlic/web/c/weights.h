// The body of a weights file (`dlic/web/weights.py`) → the model.
#pragma once
#include "layers.h"
SMALL_BEGIN

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

static int read_counts(Bytes *body, u32 entries, u32 *counts) {
  const u8 *stored = take_bytes(body, 2 * (size_t)entries);
  for (u32 i = 0; stored && i < entries; i++) counts[i] = (u32)(stored[2 * i] | stored[2 * i + 1] << 8) + 1;
  return stored != 0;
}

// A table with its entropy, and with `parity` those of either parity. `counts` need not sum to 2¹⁶.
static int read_cell(Table *table, u32 *entropy, Table *parity, i32 minimum, u32 entries, const u32 *frequencies) {
  u32 counts[256];
  u64 remainders[256];
  if (entries > 256) return 0;
  rescale(frequencies, entries, counts, remainders);
  *entropy = entropy_of(counts, entries);
  for (int p = 0; parity && p < 2; p++)
    if (!make_parity_table(&parity[p], minimum, entries, counts, p)) return 0;
  return make_table(table, minimum, entries, counts);
}

// The tables of both passes of table t.
static int make_passes(Refinements *data, int t, u32 entries, const u32 *counts) {
  u32 below = (u32)(data->splits[t] - data->minima[t]), both[3] = {0, 0, 0}, some[256], one = 1 << 16;
  if (below && below >= entries) return 0;
  for (u32 i = 0; i < entries; i++) both[i >= below] += counts[i], some[i] = counts[i];
  some[below] = 0;  // the escape of cell 0
  Table *fine = &data->fine[CELLS * t], *parity = &data->parity[2 * CELLS * t];
  u32 *entropies = &data->fine_entropies[CELLS * t];
  return read_cell(&data->coarse[t], &data->coarse_entropies[t], NULL, below ? 0 : 1, below ? 3 : 1, below ? both : &one) &&
         read_cell(&fine[0], &entropies[0], parity, data->minima[t], below > 1 ? below + 1 : 1, below > 1 ? some : &one) &&
         read_cell(&fine[1], &entropies[1], parity + 2, data->splits[t], entries - below, counts + below);
}

// The data of second layers.
static int read_refinements(Bytes *body) {
  Refinements *data = &model.refinements;
  u32 id = little_endian(body);
  size_t small = (size_t)(BANDS * model.latents + SPREADS);
  data->order = read_shorts(body, TWO_PASSES * REFINEMENTS), data->splits = read_shorts(body, REFINEMENTS), data->cells = read_shorts(body, CELLS * REFINEMENTS);
  const u8 *stored = take_bytes(body, small);
  u8 *kept = data->cells && stored ? take(small) : 0;
  if (!data->order || !data->splits || !kept) return 0;
  for (int rank = 0; rank < TWO_PASSES * REFINEMENTS; rank++)
    if (data->order[rank] < 0 || data->order[rank] >= TWO_PASSES * REFINEMENTS) return 0;
  memcpy(kept, stored, small);
  data->shifts = (const signed char *)kept, data->spreads = data->shifts + BANDS * model.latents;
  for (int t = 0; t < REFINEMENTS; t++) {
    i32 minimum = (i32)little_endian(body);
    u32 entries = little_endian(body), counts[256], total = 0;
    if (!entries || entries > 255 || !read_counts(body, entries, counts)) return 0;
    for (u32 i = 0; i < entries; i++) total += counts[i];
    if (total != 1 << 16) return 0;
    data->minima[t] = minimum, data->values[t] = entries > 1 ? entries - 1 : 1, data->entropies[t] = entropy_of(counts, entries);
    if (!(data->centres[t] = read_shorts(body, data->values[t])) || !make_passes(data, t, entries, counts)) return 0;
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
