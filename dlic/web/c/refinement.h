// The second layer of a progressive picture: refinements of latents, in parts (docs/format.md, section 10).
#pragma once
#include "block_shifts.h"

enum { MAX_PARTS = 64 };

// The second layer of a unit, as far as it is there.
typedef struct {
  const u8 *streams;   // one behind the other
  const u32 *entries;  // length and crc of each
  int there, count;    // parts that are there, and those of a whole file
  int level, shown;    // of the header, and that of the synthesis
  int finer;
} SecondLayer;

// The part of each latent: latents by the rank of their table, cut where the entropy of those before reaches a share of all.
static void find_parts(const Row *tables, size_t size, int count, u8 *parts) {
  const Refinements *data = &model.refinements;
  u64 sizes[REFINEMENTS] = {0}, before[REFINEMENTS], total = 0;
  for (size_t i = 0; i < size; i++) sizes[tables[i]]++;
  for (int rank = 0; rank < REFINEMENTS; rank++) {
    int t = data->order[rank];
    before[t] = total, total += sizes[t] * data->entropies[t];
  }
  for (size_t i = 0; i < size; i++) {
    u64 part = before[tables[i]] * (u64)count / (total ? total : 1);
    before[tables[i]] += data->entropies[tables[i]];
    parts[i] = (u8)(part < (u64)count ? part : (u64)count - 1);
  }
}

// The refinements of the latents at `places` from the rest of a stream; whether they are those of its checksum.
static int read_part(Rans rans, const u32 *places, size_t size, Row *tables, int coder, u32 before, u32 crc, i32 *to) {
  const Refinements *data = &model.refinements;
  Mark start = mark();
  Row *rows = take(size * sizeof(Row) + 1);
  u32 *order = take(size * sizeof(u32) + 1), *all = take(size * sizeof(u32) + 1);
  i32 *symbols = take(size * sizeof(i32) + 1);
  if (!rows || !order || !all || !symbols) return fail(NO_MEMORY);
  for (size_t i = 0; i < size; i++) rows[i] = tables[places[i]], all[i] = (u32)i;
  Step step = {all, size, rows, symbols, data->entropies};
  if (coder == 0) pull(&rans, data->tables, rows, size, order, symbols);
  else if (!pull_steps(&rans, data->tables, data->parity, &step, 1, size, order)) return 0;
  int whole = !rans.left && !rans.state && same_crc(crc32((const u8 *)symbols, 4 * size, before), crc);
  for (size_t i = 0; whole && i < size; i++) to[places[i]] = symbols[i];
  release(start);
  return whole;
}

// Reads the parts that are there, up to the first one that does not follow those before; returns their number. Places of latents
// lie part by part in `places`, from `begins` on. `rans` has read the shifts of blocks, and `crc` covers them.
static int read_parts(const SecondLayer *layer, Rans rans, int coder, u32 crc, const u32 *places, const u32 *begins, Row *tables, i32 *refinements) {
  const u8 *stream = layer->streams;
  for (int part = 0; part < layer->there; part++) {
    u32 length = layer->entries[2 * part], own = layer->entries[2 * part + 1];
    if (part && !start_rans(&rans, stream, length)) return part;
    if (!read_part(rans, places + begins[part], begins[part + 1] - begins[part], tables, coder, crc, own, refinements)) return part;
    stream += length, crc = own;
  }
  return layer->there;
}

// What a refinement of a table stands for, in steps.
INLINE float refined_value(i32 refinement, int table) {
  const Table *of = &model.refinements.tables[table];
  i64 at = (i64)refinement - of->minimum, values = of->entries > 1 ? (i64)of->entries - 1 : 1;
  return (float)refinement + (at >= 0 && at < values ? (float)model.refinements.centres[table][at] / 64 : 0);
}

// y_hat (h, w, slots) of the first layer at `level` → that of both layers for the synthesis at the level that is shown.
static void refine(const SecondLayer *layer, int level, const i32 *symbols, const i32 *refinements, const Row *tables, const u8 *there, int seams, int h, int w, float *y) {
  float old[1024], inverse[1024], shown[1024], inverse_shown[1024], second[1024], fine = (float)exponential(-(double)layer->finer / OCTAVE * 0.6931471805599453);
  int m = model.latents;
  gains_at(model.gain, m, level, 1, old), gains_at(model.inverse, m, level, 1, inverse), gains_at(model.gain, m, layer->level, 1, second);
  gains_at(model.gain, m, layer->shown, 1, shown), gains_at(model.inverse, m, layer->shown, 1, inverse_shown);
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++, symbols += m, refinements += m, tables += m, there += m, y += model.slots) {
      int seam = (seams & 1 && !j) || (seams & 2 && !i) || (seams & 4 && j == w - 1) || (seams & 8 && i == h - 1);
      for (int c = 0; c < m; c++) {
        float *latent = y + placed(LATENT, c, m), now = shown[c] * inverse_shown[c];
        float value = there[c] ? refined_value(refinements[c], tables[c]) * (seam ? fine : 1.0f) : 0;
        *latent = *latent * (now / (old[c] * inverse[c])) + (symbols[c] < 0 ? -value : value) * (now / second[c]);
      }
    }
}

// The latents of all parts, part by part.
static void sort_places(const u8 *parts, size_t size, int count, u32 *begins, u32 *places) {
  u32 next[MAX_PARTS + 1] = {0};
  for (size_t i = 0; i < size; i++) next[parts[i] + 1]++;
  for (int part = 0; part < count; part++) next[part + 1] += next[part];
  for (int part = 0; part <= count; part++) begins[part] = next[part];
  for (size_t i = 0; i < size; i++) places[next[parts[i]]++] = (u32)i;
}

// Refines y_hat of a unit whose symbols these are, z before y.
static int add_second(const SecondLayer *layer, const CodedUnit *unit, const i32 *symbols, int h, int w, float *y) {
  size_t positions = (size_t)h * (size_t)w, size = positions * (size_t)model.latents;
  const i32 *of_y = symbols + z_count(h, w);
  Mark start = mark();
  Row *first = take(size * sizeof(Row)), *tables = take(size * sizeof(Row));
  double *z = bordered(symbols, (h + 3) / 4, (w + 3) / 4);
  u8 *parts = take(size);
  u32 *places = take(size * sizeof(u32)), begins[MAX_PARTS + 2];
  i32 *refinements = take_zeros(size * sizeof(i32));
  size_t down = blocks_along(h), across = blocks_along(w), blocks = down * across * (size_t)model.latents;
  u32 *expected = take_zeros(blocks * sizeof(u32)), crc = unit->crc;
  signed char *shifts = take_zeros(blocks);
  Rans rans = {0};
  if (!first || !tables || !z || !parts || !places || !refinements || !expected || !shifts) return fail(NO_MEMORY);
  if (!rows_of_y(z, (h + 3) / 4, (w + 3) / 4, unit->level, h, w, first) || !rows_of_y(z, (h + 3) / 4, (w + 3) / 4, layer->level, h, w, tables)) return 0;
  shift_rows(first, layer->level, positions, tables);
  expected_bits(of_y, tables, h, w, expected);
  if (layer->there && (!start_rans(&rans, layer->streams, layer->entries[0]) || !read_shifts(&rans, expected, down, across, shifts, &crc))) return 0;
  find_tables(of_y, shifts, h, w, tables);
  find_parts(tables, size, layer->count, parts);
  sort_places(parts, size, layer->count, begins, places);
  int read = read_parts(layer, rans, unit->coder, crc, places, begins, tables, refinements);
  if (read < layer->there) return fail("the second layer is damaged, or of another picture");
  for (size_t i = 0; i < size; i++) parts[i] = parts[i] < read;
  refine(layer, unit->level, of_y, refinements, tables, parts, unit->seams, h, w, y);
  release(start);
  return 1;
}

// y_hat (h, w, slots) of both layers of a unit; null for a damaged first layer or too little memory.
static float *decode_refined(const CodedUnit *unit, const SecondLayer *layer) {
  int h = latents_along(unit->height), w = latents_along(unit->width);
  float *y = take_zeros((size_t)h * (size_t)w * (size_t)model.slots * 4);
  Mark start = mark();
  i32 *symbols = y ? read_symbols(unit) : NULL;
  float *features = symbols ? take((size_t)h * (size_t)w * (size_t)model.hidden * 4) : NULL;
  if (!features) return fail(NO_MEMORY), NULL;
  scaled_symbols(symbols + z_count(h, w), h, w, unit->finer, unit->seams, y);
  if (!hyper_features(symbols, h, w, features) || !add_context(features, h, w, y)) return NULL;
  if (!add_second(layer, unit, symbols, h, w, y)) return NULL;
  release(start);
  return y;
}
