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

// All symbols, those of z before those of y; null for a damaged stream. They lie at the end of the memory that is taken.
static i32 *read_symbols(const CodedUnit *unit) {
  int h = latents_along(unit->height), w = latents_along(unit->width), z_height = (h + 3) / 4, z_width = (w + 3) / 4;
  size_t z_count = (size_t)z_height * (size_t)z_width * (size_t)model.hyper, y_count = (size_t)h * (size_t)w * (size_t)model.latents;
  i32 *symbols = take((z_count + y_count) * sizeof(i32));
  Mark start = mark();
  u8 *rows = take(z_count + y_count);
  u32 *order = take((z_count > y_count ? z_count : y_count) * sizeof(u32));
  Rans rans;
  if (!symbols || !rows || !order) return fail(NO_MEMORY), NULL;
  if (!start_rans(&rans, unit->stream, unit->length)) return NULL;
  for (size_t i = 0; i < z_count; i++) rows[i] = (u8)(ROWS + model.z_rows[(size_t)unit->level * (size_t)model.hyper + i % (size_t)model.hyper]);
  pull(&rans, model.tables, rows, z_count, order, symbols);
  double *z = bordered(symbols, z_height, z_width);
  if (!z) return fail(NO_MEMORY), NULL;
  if (!rows_of_y(z, z_height, z_width, unit->level, h, w, rows)) return NULL;
  if (unit->coder == 0) pull(&rans, model.tables, rows, y_count, order, symbols + z_count);
  else if (!pull_in_groups(&rans, rows, h, w, order, symbols + z_count)) return NULL;
  if (rans.left || rans.state) return fail("the picture is damaged: its stream holds more than its symbols"), NULL;
  if (!same_crc(crc32((const u8 *)symbols, 4 * (z_count + y_count), 0), unit->crc))
    return fail("the picture is damaged: its symbols do not match their checksum"), NULL;
  release(start);
  return symbols;
}
