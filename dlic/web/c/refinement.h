// The second layer of a progressive picture: refinements of latents, in parts (docs/format.md, section 10).
#pragma once
#include "first_layer.h"

// The second layer of a unit, as far as it is there.
typedef struct {
  const u8 *streams;   // one behind the other
  const u32 *entries;  // length and crc of each
  int there, count;    // parts that are there, and those of a whole file
  int level, shown;    // of the header, and that of the synthesis
  int finer;
} SecondLayer;

// The table of each latent (h, w, latents), from its first symbol and its rows at both levels; in the place of `rows`.
static void find_tables(const i32 *symbols, const Row *first, int level, size_t positions, Row *rows) {
  const Refinements *data = &model.refinements;
  const signed char *shifts = data->shifts + level / (LEVELS / BANDS) * model.latents;
  for (size_t p = 0; p < positions; p++)
    for (int c = 0; c < model.latents; c++, symbols++, first++, rows++) {
      int spread = *rows - *first, size = *symbols < 0 ? *symbols == INT32_MIN ? 3 : -*symbols : *symbols;
      spread = spread < 0 ? 0 : spread < SPREADS ? spread : SPREADS - 1;
      int row = *rows + shifts[c] + data->spreads[spread];
      row = row < 0 ? 0 : row < ROWS ? row : ROWS - 1;
      *rows = (Row)(CLASSES_OF_FIRST * row + (size < CLASSES_OF_FIRST ? size : CLASSES_OF_FIRST - 1));
    }
}

enum { ONE_PASS = 255 };  // the part of the first pass of latents that have none

// The parts of both passes of each latent: passes by their rank, cut where the entropy of those before reaches a share of all.
static void find_parts(const Row *tables, size_t size, int count, u8 *coarse, u8 *fine) {
  const Refinements *data = &model.refinements;
  u64 sizes[REFINEMENTS] = {0}, before[TWO_PASSES * REFINEMENTS], total = 0;
  u32 bits[TWO_PASSES * REFINEMENTS];
  for (int t = 0; t < REFINEMENTS; t++) {
    u32 first = data->coarse_entropies[t], both = data->entropies[t];
    bits[t] = first, bits[REFINEMENTS + t] = both > first ? both - first : 0;
  }
  for (size_t i = 0; i < size; i++) sizes[tables[i]]++;
  for (int rank = 0; rank < TWO_PASSES * REFINEMENTS; rank++) {
    int pass = data->order[rank];
    before[pass] = total, total += sizes[pass % REFINEMENTS] * bits[pass];
  }
  for (size_t i = 0; i < size; i++)
    for (int pass = 0; pass < TWO_PASSES; pass++) {
      int t = REFINEMENTS * pass + tables[i];
      u64 part = before[t] * (u64)count / (total ? total : 1);
      before[t] += bits[t];
      u8 number = (u8)(part < (u64)count ? part : (u64)count - 1);
      if (pass) fine[i] = number;
      else coarse[i] = data->coarse[tables[i]].entries > 1 ? number : ONE_PASS;
    }
}

// A group of even sum among the values of a part: from `begin` to `end`.
typedef struct {
  u32 begin, end, last;
} Group;

// The groups of values whose tables are those of latents at `places`. The last of each is its member of the highest entropy in its
// row of fine tables; groups without entropy are left out. Flags the last ones in `rows`; returns the number of groups.
static size_t find_groups(const Row *tables, const u32 *places, size_t size, Row *rows, Group *groups) {
  const Refinements *data = &model.refinements;
  u64 total = 0, before = 0, group = 0;
  size_t found = 0;
  u32 most = 0, open = 0;
  for (size_t i = 0; i < size; i++) total += data->entropies[tables[places[i]]];
  for (u32 i = 0; i < size; i++) {
    u32 entropy = data->entropies[tables[places[i]]], own = data->fine_entropies[rows[i]];
    u64 number = before / GROUP;
    if (!entropy) continue;
    if (number >= total / GROUP) break;
    if (!open || number != group) found += most > 0, group = number, open = 1, most = 0, groups[found].begin = i;
    if (own > most) most = own, groups[found].last = i;
    groups[found].end = i + 1, before += entropy;
  }
  found += most > 0;
  for (size_t i = 0; i < found; i++) rows[groups[i].last] |= LEFT_OUT;
  return found;
}

// The values of a part whose rows of fine tables are known, with parity.
static int pull_values(Rans *rans, const Row *tables, const u32 *places, size_t size, Row *rows, u32 *order, i32 *values) {
  const Refinements *data = &model.refinements;
  u64 total = 0;
  for (size_t i = 0; i < size; i++) total += data->entropies[tables[places[i]]];
  size_t most = (size_t)(total / GROUP) + 1;
  Group *groups = take(most * sizeof(Group));
  Row *of_lasts = take(most * sizeof(Row));
  i32 *halves = take(most * sizeof(i32));
  if (!groups || !of_lasts || !halves) return fail(NO_MEMORY);
  size_t count = find_groups(tables, places, size, rows, groups);
  pull(rans, data->fine, rows, size, order, values);
  for (size_t g = 0; g < count; g++) {
    u32 odd = 0;
    for (u32 i = groups[g].begin; i < groups[g].end; i++)
      if (i != groups[g].last && data->entropies[tables[places[i]]]) odd ^= (u32)values[i] & 1;
    of_lasts[g] = (Row)(2 * (rows[groups[g].last] & ~LEFT_OUT) + odd);
  }
  pull(rans, data->parity, of_lasts, count, order, halves);
  for (size_t g = 0; g < count; g++) values[groups[g].last] = 2 * halves[g] + (of_lasts[g] & 1);
  return 1;
}

// The latents of the parts of a pass: those of part p lie from places[begins[p]] on.
typedef struct {
  u32 *places, begins[MAX_PARTS + 1];
} Places;

static int sort_places(const u8 *parts, size_t size, int count, Places *to) {
  u32 next[MAX_PARTS + 1] = {0};
  to->places = take(size * sizeof(u32) + 1);
  if (!to->places) return fail(NO_MEMORY);
  for (size_t i = 0; i < size; i++)
    if (parts[i] < count) next[parts[i] + 1]++;
  for (int part = 0; part < count; part++) next[part + 1] += next[part];
  memcpy(to->begins, next, sizeof next);
  for (size_t i = 0; i < size; i++)
    if (parts[i] < count) to->places[next[parts[i]]++] = (u32)i;
  return 1;
}

// What is known of the refinements of a unit.
typedef struct {
  const Row *tables;
  Places coarse, fine;
  u8 *cells;
  i32 *values;
} Refined;

// Part `part` of a second layer from its stream; whether it is that of its checksum.
static int read_part(const u8 *stream, u32 length, int part, int coder, u32 before, u32 crc, Refined *to) {
  const Refinements *data = &model.refinements;
  const u32 *coarse = to->coarse.places + to->coarse.begins[part], *fine = to->fine.places + to->fine.begins[part];
  size_t cells = to->coarse.begins[part + 1] - to->coarse.begins[part], size = to->fine.begins[part + 1] - to->fine.begins[part];
  size_t most = cells > size ? cells : size;
  Mark start = mark();
  Row *rows = take(most * sizeof(Row) + 1);
  u32 *order = take((most + 1) * sizeof(u32));
  i32 *symbols = take(most * sizeof(i32) + 1);
  Rans rans;
  if (!rows || !order || !symbols) return fail(NO_MEMORY);
  if (!start_rans(&rans, stream, length)) return 0;
  for (size_t i = 0; i < cells; i++) rows[i] = to->tables[coarse[i]];
  pull(&rans, data->coarse, rows, cells, order, symbols);
  u32 found = crc32((const u8 *)symbols, 4 * cells, before);
  for (size_t i = 0; i < cells; i++) {
    if (symbols[i] < 0 || symbols[i] >= CELLS) return 0;
    to->cells[coarse[i]] = (u8)symbols[i];
  }
  for (size_t i = 0; i < size; i++) rows[i] = (Row)(CELLS * to->tables[fine[i]] + to->cells[fine[i]]);
  if (coder == 0) pull(&rans, data->fine, rows, size, order, symbols);
  else if (!pull_values(&rans, to->tables, fine, size, rows, order, symbols)) return 0;
  int whole = !rans.left && !rans.state && same_crc(crc32((const u8 *)symbols, 4 * size, found), crc);
  for (size_t i = 0; whole && i < size; i++) to->values[fine[i]] = symbols[i];
  release(start);
  return whole;
}

// Reads the parts that are there, up to the first one that does not follow those before; returns their number.
static int read_parts(const SecondLayer *layer, int coder, u32 crc, Refined *to) {
  const u8 *stream = layer->streams;
  for (int part = 0; part < layer->there; part++) {
    u32 length = layer->entries[2 * part], own = layer->entries[2 * part + 1];
    if (!read_part(stream, length, part, coder, crc, own, to)) return part;
    stream += length, crc = own;
  }
  return layer->there;
}

// What a refinement of a table stands for, in steps.
INLINE float refined_value(i32 refinement, int table) {
  const Refinements *data = &model.refinements;
  i64 at = (i64)refinement - data->minima[table];
  return (float)refinement + (at >= 0 && at < data->values[table] ? (float)data->centres[table][at] / 64 : 0);
}

// What all refinements stand for, in steps (size,); those of which only the cell is known, for that, others for 0.
static float *refined_values(const Refined *refined, size_t size, const u8 *coarse, const u8 *fine, int there) {
  float *values = take(size * sizeof(float));
  for (size_t i = 0; values && i < size; i++) {
    int table = refined->tables[i];
    if (fine[i] < there) values[i] = refined_value(refined->values[i], table);
    else values[i] = coarse[i] < there ? (float)model.refinements.cells[CELLS * table + refined->cells[i]] / 64 : 0;
  }
  return values;
}

// y_hat (h, w, slots) of the first layer at `level` → that of both layers for the synthesis at the level that is shown.
static void refine(const SecondLayer *layer, int level, const i32 *symbols, const float *values, int seams, int h, int w, float *y) {
  float old[1024], inverse[1024], shown[1024], inverse_shown[1024], second[1024], fine = (float)exponential(-(double)layer->finer / OCTAVE * 0.6931471805599453);
  int m = model.latents;
  gains_at(model.gain, m, level, 1, old), gains_at(model.inverse, m, level, 1, inverse), gains_at(model.gain, m, layer->level, 1, second);
  gains_at(model.gain, m, layer->shown, 1, shown), gains_at(model.inverse, m, layer->shown, 1, inverse_shown);
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++, symbols += m, values += m, y += model.slots) {
      int seam = (seams & 1 && !j) || (seams & 2 && !i) || (seams & 4 && j == w - 1) || (seams & 8 && i == h - 1);
      for (int c = 0; c < m; c++) {
        float *latent = y + placed(LATENT, c, m), now = shown[c] * inverse_shown[c], value = values[c] * (seam ? fine : 1.0f);
        *latent = *latent * (now / (old[c] * inverse[c])) + (symbols[c] < 0 ? -value : value) * (now / second[c]);
      }
    }
}

// Refines y_hat of a unit whose symbols these are, z before y; `crc`: of its first layer.
static int add_second(const SecondLayer *layer, const CodedUnit *unit, u32 crc, const i32 *symbols, int h, int w, float *y) {
  size_t positions = (size_t)h * (size_t)w, size = positions * (size_t)model.latents;
  const i32 *of_y = symbols + z_count(h, w);
  Mark start = mark();
  Row *first = take(size * sizeof(Row)), *tables = take(size * sizeof(Row));
  double *z = bordered(symbols, (h + 3) / 4, (w + 3) / 4);
  u8 *coarse = take(size), *fine = take(size);
  Refined refined = {tables, {0}, {0}, take(size), take_zeros(size * sizeof(i32))};
  if (!first || !tables || !z || !coarse || !fine || !refined.cells || !refined.values) return fail(NO_MEMORY);
  if (!rows_of_y(z, (h + 3) / 4, (w + 3) / 4, unit->level, h, w, first) || !rows_of_y(z, (h + 3) / 4, (w + 3) / 4, layer->level, h, w, tables)) return 0;
  find_tables(of_y, first, layer->level, positions, tables);
  find_parts(tables, size, layer->count, coarse, fine);
  if (!sort_places(coarse, size, layer->count, &refined.coarse) || !sort_places(fine, size, layer->count, &refined.fine)) return 0;
  memset(refined.cells, 1, size);
  if (read_parts(layer, unit->coder, crc, &refined) < layer->there) return fail("the second layer is damaged, or of another picture");
  float *values = refined_values(&refined, size, coarse, fine, layer->there);
  if (!values) return fail(NO_MEMORY);
  refine(layer, unit->level, of_y, values, unit->seams, h, w, y);
  release(start);
  return 1;
}

// y_hat (h, w, slots) of both layers of a unit, as far as they are there; null for damaged layers or too little memory.
static float *decode_layers(const CodedUnit *unit, const FirstLayer *base, const SecondLayer *layer) {
  int h = latents_along(unit->height), w = latents_along(unit->width);
  float *y = take_zeros((size_t)h * (size_t)w * (size_t)model.slots * 4);
  Mark start = mark();
  i32 *symbols = y ? read_first(unit, base) : NULL;
  if (!symbols) return NULL;
  float *features = take((size_t)h * (size_t)w * (size_t)model.hidden * 4);
  if (!features) return fail(NO_MEMORY), NULL;
  scaled_symbols(symbols + z_count(h, w), h, w, unit->finer, unit->seams, y);
  if (!hyper_features(symbols, h, w, features) || !add_context(features, h, w, y)) return NULL;
  // a tile without parts of its own has the level of the others
  if ((layer->there || layer->shown != unit->level) && !add_second(layer, unit, base->entries[2 * base->there - 1], symbols, h, w, y)) return NULL;
  release(start);
  return y;
}
