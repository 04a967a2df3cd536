// Groups of symbols with even sums (docs/format.md, section 4.5).
#pragma once
#include "model.h"

#define GROUP 4096  // 1/256 bit

// The class of channels (c modulo the number of steps) that a position decodes in a step.
INLINE int class_of(int step, int i, int j) {
  if (model.steps == 2) return (step + i + j) & 1;
  return (((step & 1) + i) & 1) << 1 | (((step >> 1) + i + j) & 1);
}

typedef struct {
  u32 *places;  // of the last symbols of all groups, in their order
  u8 *rows;     // of their tables of one parity
  size_t count;
} Lasts;

// The entropy of all symbols of a step.
static u64 entropy_of_step(const u8 *rows, int h, int w, int step) {
  u64 total = 0;
  size_t m = (size_t)model.latents, steps = (size_t)model.steps;
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++, rows += m)
      for (size_t c = (size_t)class_of(step, i, j); c < m; c += steps) total += model.entropies[rows[c]];
  return total;
}

// Finds the last symbols of a step's groups, and flags them as LEFT_OUT.
static void find_lasts(u8 *rows, int h, int w, int step, Lasts *lasts) {
  u64 groups = entropy_of_step(rows, h, w, step) / GROUP, before = 0, group = 0;
  size_t m = (size_t)model.latents, steps = (size_t)model.steps, base = 0, best = 0;
  int found = 0;
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++, base += m)
      for (size_t c = (size_t)class_of(step, i, j); c < m; c += steps) {
        u32 entropy = model.entropies[rows[base + c]];
        if (!entropy) continue;
        if (before / GROUP != group) {
          if (found) lasts->places[lasts->count++] = (u32)best;
          group = before / GROUP, found = 0;
        }
        before += entropy;
        if (group < groups && (!found || rows[base + c] > rows[best])) best = base + c, found = 1;
      }
  if (found) lasts->places[lasts->count++] = (u32)best;
}

// The rows of the last symbols of a step, from `at` on, when all others are known: twice the row, and the parity of the others.
static size_t find_parities(const u8 *rows, const i32 *symbols, int h, int w, int step, Lasts *lasts, size_t at) {
  u64 before = 0, group = 0;
  size_t m = (size_t)model.latents, steps = (size_t)model.steps, base = 0;
  u32 parity = 0;
  int found = 0;
  u8 row = 0;
  for (int i = 0; i < h; i++)
    for (int j = 0; j < w; j++, base += m)
      for (size_t c = (size_t)class_of(step, i, j); c < m; c += steps) {
        u32 entropy = model.entropies[rows[base + c] & ~LEFT_OUT & 255];
        if (!entropy) continue;
        if (before / GROUP != group) {
          if (found) lasts->rows[at++] = (u8)(2 * row + parity);
          group = before / GROUP, found = 0, parity = 0;
        }
        before += entropy;
        if (rows[base + c] & LEFT_OUT) row = rows[base + c] & ~LEFT_OUT & 255, found = 1;
        else parity ^= (u32)symbols[base + c] & 1;
      }
  if (found) lasts->rows[at++] = (u8)(2 * row + parity);
  return at;
}

// The part y in groups. `order` has room for all symbols.
static int pull_in_groups(Rans *rans, u8 *rows, int h, int w, u32 *order, i32 *symbols) {
  size_t count = (size_t)h * (size_t)w * (size_t)model.latents, most = 0, at = 0;
  for (int step = 0; step < model.steps; step++) most += (size_t)(entropy_of_step(rows, h, w, step) / GROUP);
  Mark start = mark();
  Lasts lasts = {take(most * sizeof(u32) + 1), take(most + 1), 0};
  i32 *halves = take(most * sizeof(i32) + 1);
  u32 *places = take(most * sizeof(u32) + 1);
  if (!lasts.places || !lasts.rows || !halves || !places) return fail(NO_MEMORY);
  for (int step = 0; step < model.steps; step++) find_lasts(rows, h, w, step, &lasts);
  for (size_t i = 0; i < lasts.count; i++) rows[lasts.places[i]] |= LEFT_OUT;
  pull(rans, model.tables, rows, count, order, symbols);
  for (int step = 0; step < model.steps; step++) at = find_parities(rows, symbols, h, w, step, &lasts, at);
  pull(rans, model.parity, lasts.rows, lasts.count, places, halves);
  for (size_t i = 0; i < lasts.count; i++) symbols[lasts.places[i]] = 2 * halves[i] + (lasts.rows[i] & 1);
  release(start);
  return 1;
}
