// The stream of one unit → its symbols, checked against their checksum (docs/format.md, section 4).
#pragma once
#include "parity.h"
#include "rows.h"

typedef struct {
  const u8 *stream;
  size_t length;
  int width, height, level, coder, finer;
  u32 crc;
  int seams;  // 1 left, 2 top, 4 right, 8 bottom: sides on which there are other tiles
} CodedUnit;

INLINE int latents_along(int pixels) { return (pixels + 15) / 16; }

// Symbols of z with a border of zeros, clipped for the whole numbers.
static double *bordered(const i32 *z, int height, int width) {
  size_t hyper = (size_t)model.hyper, line = (size_t)(width + 2) * hyper;
  double *to = take_zeros((size_t)(height + 2) * line * 8);
  for (int y = 0; to && y < height; y++)
    for (size_t i = 0; i < (size_t)width * hyper; i++) {
      double v = z[(size_t)y * (size_t)width * hyper + i];
      to[(size_t)(y + 1) * line + hyper + i] = v < -BOUND ? -BOUND : v > BOUND ? BOUND : v;
    }
  return to;
}

enum { SILENT = LEFT_OUT | 255 };  // the row of symbols that are 0 and cost nothing

// Which superblocks of 64 × 64 pixels are coded: those of an area of a frame.
typedef struct {
  const u8 *coded;
  size_t line;
} Mask;

// Gives the rows (h, w, channels) of superblocks that are not coded to SILENT; `side`: positions along a superblock.
static void silence(const Mask *mask, Row *rows, int h, int w, int channels, int side) {
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++, rows += channels)
      for (int c = 0; c < channels && !mask->coded[(size_t)(i / side) * mask->line + (size_t)(j / side)]; c++) rows[c] = SILENT;
}

INLINE size_t z_count(int h, int w) { return (size_t)((h + 3) / 4) * (size_t)((w + 3) / 4) * (size_t)model.hyper; }

// The rows of the symbols of z.
static void find_z_rows(int level, size_t count, Row *rows) {
  for (size_t i = 0; i < count; i++) rows[i] = (Row)(ROWS + model.z_rows[(size_t)level * (size_t)model.hyper + i % (size_t)model.hyper]);
}

// The symbols of h × w latents, those of z before those of y, which lie at the end of the memory that is taken. Null for too little
// memory; `mask` may be null.
static i32 *pull_symbols(Rans *rans, int h, int w, int level, int coder, const Mask *mask) {
  int z_height = (h + 3) / 4, z_width = (w + 3) / 4;
  size_t of_z = z_count(h, w), of_y = (size_t)h * (size_t)w * (size_t)model.latents;
  i32 *symbols = mask ? take_zeros((of_z + of_y) * sizeof(i32)) : take((of_z + of_y) * sizeof(i32));
  Mark start = mark();
  Row *rows = take((of_z + of_y) * sizeof(Row));
  u32 *order = take((of_z > of_y ? of_z : of_y) * sizeof(u32));
  if (!symbols || !rows || !order) return fail(NO_MEMORY), NULL;
  find_z_rows(level, of_z, rows);
  if (mask) silence(mask, rows, z_height, z_width, model.hyper, 1);
  pull(rans, model.tables, rows, of_z, order, symbols);
  double *z = bordered(symbols, z_height, z_width);
  if (!z) return fail(NO_MEMORY), NULL;
  if (!rows_of_y(z, z_height, z_width, level, h, w, rows)) return NULL;
  if (mask) silence(mask, rows, h, w, model.latents, 4);
  if (coder == 0) pull(rans, model.tables, rows, of_y, order, symbols + of_z);
  else if (!pull_in_groups(rans, rows, h, w, order, symbols + of_z)) return NULL;
  release(start);
  return symbols;
}

static int end_symbols(const Rans *rans) {
  return rans->left || rans->state ? fail("the picture is damaged: its stream holds more than its symbols") : 1;
}

// CRC-32 of the symbols of h × w latents behind others.
static u32 crc_of_symbols(const i32 *symbols, int h, int w, u32 before) {
  return crc32((const u8 *)symbols, 4 * (z_count(h, w) + (size_t)h * (size_t)w * (size_t)model.latents), before);
}

// All symbols of a unit; null for a damaged stream.
static i32 *read_symbols(const CodedUnit *unit) {
  int h = latents_along(unit->height), w = latents_along(unit->width);
  Rans rans;
  if (!start_rans(&rans, unit->stream, unit->length)) return NULL;
  i32 *symbols = pull_symbols(&rans, h, w, unit->level, unit->coder, NULL);
  if (!symbols || !end_symbols(&rans)) return NULL;
  if (!same_crc(crc_of_symbols(symbols, h, w, 0), unit->crc)) return fail("the picture is damaged: its symbols do not match their checksum"), NULL;
  return symbols;
}
