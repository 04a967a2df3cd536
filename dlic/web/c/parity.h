// Groups of symbols with even sums (docs/format.md, section 4.5).
#pragma once
#include "model.h"

#define GROUP 4096  // 1/256 bit

// The class of channels (c modulo the number of steps) that a position decodes in a step.
INLINE int class_of(int step, int i, int j) {
  if (model.steps == 2) return (step + i + j) & 1;
  return (((step & 1) + i) & 1) << 1 | (((step >> 1) + i + j) & 1);
}

// The symbols of a step: their places, in order, among `rows` and `symbols`.
typedef struct {
  const u32 *places;
  size_t count;
  Row *rows;
  i32 *symbols;
  const u32 *entropies;  // of tables
} Step;

typedef struct {
  u32 *places;  // of the last symbols of all groups, in their order
  Row *rows;    // of their tables of one parity
  size_t count;
} Lasts;

// The entropy of all symbols of a step.
static u64 entropy_of_step(const Step *step) {
  u64 total = 0;
  for (size_t i = 0; i < step->count; i++) total += step->entropies[step->rows[step->places[i]] & 255];
  return total;
}

// Finds the last symbols of a step's groups, and flags them as LEFT_OUT.
static void find_lasts(const Step *step, Lasts *lasts) {
  u64 groups = entropy_of_step(step) / GROUP, before = 0, group = 0;
  size_t begin = lasts->count;
  u32 best = 0;
  int found = 0;
  for (size_t i = 0; i < step->count; i++) {
    u32 at = step->places[i], entropy = step->entropies[step->rows[at] & 255];
    if (!entropy) continue;
    if (before / GROUP != group) {
      if (found) lasts->places[lasts->count++] = best;
      group = before / GROUP, found = 0;
    }
    before += entropy;
    if (group < groups && (!found || step->rows[at] > step->rows[best])) best = at, found = 1;
  }
  if (found) lasts->places[lasts->count++] = best;
  for (size_t i = begin; i < lasts->count; i++) step->rows[lasts->places[i]] |= LEFT_OUT;
}

// The rows of the last symbols of a step, from `at` on, when all others are known: twice the row, and the parity of the others.
static size_t find_parities(const Step *step, Lasts *lasts, size_t at) {
  u64 before = 0, group = 0;
  u32 parity = 0, row = 0;
  int found = 0;
  for (size_t i = 0; i < step->count; i++) {
    Row own = step->rows[step->places[i]];
    u32 entropy = step->entropies[own & 255];
    if (!entropy) continue;
    if (before / GROUP != group) {
      if (found) lasts->rows[at++] = (Row)(2 * row + parity);
      group = before / GROUP, found = 0, parity = 0;
    }
    before += entropy;
    if (own & LEFT_OUT) row = own & 255, found = 1;
    else parity ^= (u32)step->symbols[step->places[i]] & 1;
  }
  if (found) lasts->rows[at++] = (Row)(2 * row + parity);
  return at;
}

// `count` symbols in groups of even sums, in `steps` that hold each of them once. `parity` has two tables for each of `tables`.
static int pull_steps(Rans *rans, const Table *tables, const Table *parity, const Step *steps, int number, size_t count, u32 *order) {
  size_t most = 0, at = 0;
  Mark start = mark();
  for (int i = 0; i < number; i++) most += (size_t)(entropy_of_step(&steps[i]) / GROUP);
  Lasts lasts = {take(most * sizeof(u32) + 1), take(most * sizeof(Row) + 1), 0};
  i32 *halves = take(most * sizeof(i32) + 1);
  u32 *places = take(most * sizeof(u32) + 1);
  if (!lasts.places || !lasts.rows || !halves || !places) return fail(NO_MEMORY);
  for (int i = 0; i < number; i++) find_lasts(&steps[i], &lasts);
  pull(rans, tables, steps->rows, count, order, steps->symbols);
  for (int i = 0; i < number; i++) at = find_parities(&steps[i], &lasts, at);
  pull(rans, parity, lasts.rows, lasts.count, places, halves);
  for (size_t i = 0; i < lasts.count; i++) steps->symbols[lasts.places[i]] = 2 * halves[i] + (lasts.rows[i] & 1);
  release(start);
  return 1;
}

// The part y in groups. `order` has room for all symbols.
static int pull_in_groups(Rans *rans, Row *rows, int h, int w, u32 *order, i32 *symbols) {
  size_t m = (size_t)model.latents, count = (size_t)h * (size_t)w * m, done = 0;
  Step steps[MAX_STEPS];
  Mark start = mark();
  u32 *places = take(count * sizeof(u32));
  if (!places) return fail(NO_MEMORY);
  for (int step = 0; step < model.steps; step++) {
    steps[step] = (Step){places + done, 0, rows, symbols, model.entropies};
    size_t begin = done, base = 0;
    for (int i = 0; i < h; i++)
      for (int j = 0; j < w; j++, base += m)
        for (size_t c = (size_t)class_of(step, i, j); c < m; c += (size_t)model.steps)
          if (!(rows[base + c] & LEFT_OUT)) places[done++] = (u32)(base + c);
    steps[step].count = done - begin;
  }
  int whole = pull_steps(rans, model.tables, model.parity, steps, model.steps, count, order);
  release(start);
  return whole;
}
