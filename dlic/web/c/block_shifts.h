// Tables of second layers: rows by the first layer, and the shifts of rows of each channel in each block of latents, which begin the
// stream of the first part (docs/format.md, section 10.3).
#pragma once
#include "context.h"

enum { BLOCK = 16, ROWS_A_SHIFT = 2, LEAST = 8 << 8 };

// In the place of the rows that z gives at the level of the second layer (h, w, latents): these, shifted, as numbers with a sign.
static void shift_rows(const Row *first, int level, size_t positions, Row *rows) {
  const Refinements *data = &model.refinements;
  const signed char *shifts = data->shifts + level / (LEVELS / BANDS) * model.latents;
  for (size_t p = 0; p < positions; p++)
    for (int c = 0; c < model.latents; c++, first++, rows++) {
      int spread = *rows - *first;
      spread = spread < 0 ? 0 : spread < SPREADS ? spread : SPREADS - 1;
      *rows = (Row)(*rows + shifts[c] + data->spreads[spread]);
    }
}

INLINE int table_of(Row shifted, int more, i32 symbol) {
  int row = (i16)shifted + more, size = symbol < 0 ? symbol == INT32_MIN ? CLASSES_OF_FIRST : -symbol : symbol;
  row = row < 0 ? 0 : row < ROWS ? row : ROWS - 1;
  return CLASSES_OF_FIRST * row + (size < CLASSES_OF_FIRST ? size : CLASSES_OF_FIRST - 1);
}

INLINE size_t blocks_along(int latents) { return ((size_t)latents + BLOCK - 1) / BLOCK; }

// Expected bits of each channel in each block (rows of blocks, columns, latents), in 1/256.
static void expected_bits(const i32 *symbols, const Row *rows, int h, int w, u32 *bits) {
  size_t m = (size_t)model.latents;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++, symbols += m, rows += m) {
      u32 *of = bits + ((size_t)(y / BLOCK) * blocks_along(w) + (size_t)(x / BLOCK)) * m;
      for (size_t c = 0; c < m; c++) of[c] += model.refinements.entropies[table_of(rows[c], 0, symbols[c])];
    }
}

// The shifts (rows of blocks, columns, latents), zeros before, from the beginning of a stream; `bits` of `expected_bits` says which are
// coded. `crc` goes on with those. 0 for too little memory.
static int read_shifts(Rans *rans, const u32 *bits, size_t down, size_t across, signed char *shifts, u32 *crc) {
  size_t m = (size_t)model.latents;
  Mark start = mark();
  Row *rows = take(m * sizeof(Row));
  u32 *order = take(m * sizeof(u32));
  i32 *symbols = take(m * sizeof(i32));
  if (!rows || !order || !symbols) return fail(NO_MEMORY);
  for (size_t block = 0; block < down * across; block++, shifts += m, bits += m) {
    const signed char *before = block % across ? shifts - m : block ? shifts - across * m : shifts;
    size_t coded = 0;
    for (size_t c = 0; c < m; c++)
      if (bits[c] >= LEAST) rows[coded++] = (Row)(before[c] + MOST_SHIFT);
    pull(rans, model.refinements.blocks, rows, coded, order, symbols);
    for (size_t c = 0, i = 0; c < m; c++) {
      shifts[c] = before[c];
      if (bits[c] < LEAST) continue;
      i32 *shift = &symbols[i++];
      *shift = *shift < -MOST_SHIFT ? -MOST_SHIFT : *shift < MOST_SHIFT ? *shift : MOST_SHIFT;
      shifts[c] = (signed char)*shift;
    }
    *crc = crc32((const u8 *)symbols, 4 * coded, *crc);
  }
  release(start);
  return 1;
}

// The table of each latent (h, w, latents), in the place of its shifted row.
static void find_tables(const i32 *symbols, const signed char *shifts, int h, int w, Row *rows) {
  size_t m = (size_t)model.latents;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++, symbols += m, rows += m) {
      const signed char *of = shifts + ((size_t)(y / BLOCK) * blocks_along(w) + (size_t)(x / BLOCK)) * m;
      for (size_t c = 0; c < m; c++) rows[c] = (Row)table_of(rows[c], ROWS_A_SHIFT * of[c], symbols[c]);
    }
}
