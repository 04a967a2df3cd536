// The first layer of a progressive picture: symbols in several streams, of which the last may be missing (docs/format.md, 10.1).
#pragma once
#include "context.h"

enum { MAX_PARTS = 64, LEAD = 2 };

// The first layer of a unit, as far as it is there.
typedef struct {
  const u8 *streams;   // one behind the other
  const u32 *entries;  // length and crc of each
  int there, count;    // parts that are there, and those of a whole file
} FirstLayer;

// The context step of channel c at a position.
INLINE int step_of(int c, int i, int j) {
  int half = (c + i + j) & 1;
  return model.steps == 2 ? half : 2 * half + (((c >> 1) + i) & 1);
}

// The part of each symbol of y (h, w, latents): high rows come first, those of early context steps a little earlier; cut where the
// entropy of the symbols before reaches a share of all.
static void divide_symbols(const Row *rows, int h, int w, int count, u8 *parts) {
  u64 sizes[MAX_STEPS * ROWS] = {0}, before[MAX_STEPS * ROWS], total = 0;
  const Row *row = rows;
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++)
      for (int c = 0; c < model.latents; c++) sizes[MAX_STEPS * *row++ + step_of(c, i, j)]++;
  for (int key = ROWS - 1; key >= -LEAD * (MAX_STEPS - 1); key--)
    for (int step = 0; step < MAX_STEPS; step++) {
      int of = key + LEAD * step, at = MAX_STEPS * of + step;
      if (of >= 0 && of < ROWS) before[at] = total, total += sizes[at] * model.entropies[of];
    }
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++)
      for (int c = 0; c < model.latents; c++, rows++) {
        u64 *own = &before[MAX_STEPS * *rows + step_of(c, i, j)], part = *own * (u64)count / (total ? total : 1);
        *own += model.entropies[*rows];
        *parts++ = (u8)(part < (u64)count ? part : (u64)count - 1);
      }
}

// The symbols of y of one part, from its stream, to their places in `y`; those of other parts stay. Continues the checksum.
static int read_symbols_of(Rans *rans, int part, int coder, const Row *rows, const u8 *parts, int h, int w, i32 *y, u32 *crc) {
  size_t size = (size_t)h * (size_t)w * (size_t)model.latents, own = 0;
  Mark start = mark();
  Row *of_part = take(size * sizeof(Row));
  u32 *order = take(size * sizeof(u32));
  i32 *read = take(size * sizeof(i32));
  if (!of_part || !order || !read) return fail(NO_MEMORY);
  for (size_t i = 0; i < size; i++) of_part[i] = parts[i] == part ? rows[i] : (Row)SILENT;
  if (coder == 0) pull(rans, model.tables, of_part, size, order, y);
  else if (!pull_in_groups(rans, of_part, h, w, order, y)) return 0;
  for (size_t i = 0; i < size; i++)
    if (parts[i] == part) read[own++] = y[i];
  *crc = crc32((const u8 *)read, 4 * own, *crc);
  release(start);
  return 1;
}

// All symbols of a unit, z before y, 0 where they are missing; null for a damaged stream.
static i32 *read_first(const CodedUnit *unit, const FirstLayer *layer) {
  int h = latents_along(unit->height), w = latents_along(unit->width), z_height = (h + 3) / 4, z_width = (w + 3) / 4;
  size_t of_z = z_count(h, w), of_y = (size_t)h * (size_t)w * (size_t)model.latents;
  i32 *symbols = take_zeros((of_z + of_y) * sizeof(i32));
  Mark start = mark();
  Row *rows = take((of_z > of_y ? of_z : of_y) * sizeof(Row));
  u32 *order = take(of_z * sizeof(u32)), crc = 0;
  u8 *parts = take(of_y);
  const u8 *stream = layer->streams;
  if (!symbols || !rows || !order || !parts) return fail(NO_MEMORY), NULL;
  for (int part = 0; part < layer->there; part++) {
    Rans rans;
    if (!start_rans(&rans, stream, layer->entries[2 * part])) return NULL;
    if (!part) {
      find_z_rows(unit->level, of_z, rows);
      pull(&rans, model.tables, rows, of_z, order, symbols);
      crc = crc32((const u8 *)symbols, 4 * of_z, 0);
      double *z = bordered(symbols, z_height, z_width);
      if (!z) return fail(NO_MEMORY), NULL;
      if (!rows_of_y(z, z_height, z_width, unit->level, h, w, rows)) return NULL;
      divide_symbols(rows, h, w, layer->count, parts);
    }
    if (!read_symbols_of(&rans, part, unit->coder, rows, parts, h, w, symbols + of_z, &crc) || !end_symbols(&rans)) return NULL;
    if (!same_crc(crc, layer->entries[2 * part + 1])) return fail("the first layer is damaged, or of another picture"), NULL;
    stream += layer->entries[2 * part];
  }
  release(start);
  return symbols;
}
