// Frequency tables, and the rANS decoder of parts of symbols (docs/format.md, sections 4.2 to 4.5).
#pragma once
#include "bytes.h"

typedef u16 Row;  // the number of a table, and a flag

enum { PRECISION = 24, ESCAPE_LENGTHS = 16, MOST_TABLES = 1024, LEFT_OUT = 1 << 15 };

typedef struct {
  i32 minimum;
  u32 entries;
  const u32 *bounds;  // L₀ … Lₙ
  const u16 *start;   // by the high byte of q: an entry at or before that of q
} Table;

// --- tables ----------------------------------------------------------------------------------------------------------------

static int make_table(Table *table, i32 minimum, u32 entries, const u32 *counts) {
  u32 *bounds = take((entries + 1) * sizeof(u32));
  u16 *start = take(256 * sizeof(u16));
  if (!bounds || !start) return 0;
  u64 before = 0;
  for (u32 i = 0; i < entries; i++) {
    bounds[i] = i + (u32)(before * ((1u << PRECISION) - entries) >> 16);
    before += counts[i];
  }
  if (before != 1 << 16) return 0;
  bounds[entries] = 1u << PRECISION;
  for (u32 byte = 0, i = 0; byte < 256; byte++) {
    while (bounds[i + 1] <= byte << 16) i++;
    start[byte] = (u16)i;
  }
  *table = (Table){minimum, entries, bounds, start};
  return 1;
}

// ⌊256 · log₂ v⌋ as the specification calculates it.
static u32 logarithm(u32 v) {
  u32 l = 31 - (u32)__builtin_clz(v);
  u64 m = (u64)v << (30 - l);
  for (int i = 0; i < 8; i++) {
    m = m * m >> 30;
    u32 bit = (u32)(m >> 31);
    m >>= bit, l = 2 * l + bit;
  }
  return l;
}

// Of a row, in 1/256 bit.
static u32 entropy_of(const u32 *counts, u32 entries) {
  u64 sum = 0;
  for (u32 i = 0; i < entries; i++) sum += (u64)counts[i] * (4096 - logarithm(counts[i]));
  return (u32)(sum >> 16);
}

// Numbers to counts with a sum of 2¹⁶; the rest goes to the largest remainders.
static void rescale(const u32 *numbers, u32 size, u32 *counts, u64 *remainders) {
  u64 total = 0, left = 1 << 16;
  for (u32 i = 0; i < size; i++) total += numbers[i];
  for (u32 i = 0; i < size; i++) {
    u64 share = (u64)numbers[i] * ((1 << 16) - size);
    counts[i] = 1 + (u32)(share / total);
    remainders[i] = share % total + 1;
    left -= counts[i];
  }
  for (; left; left--) {
    u32 best = 0;
    for (u32 i = 1; i < size; i++)
      if (remainders[i] > remainders[best]) best = i;
    counts[best]++, remainders[best] = 0;
  }
}

// The table of the values of one parity, in halves.
static int make_parity_table(Table *table, i32 minimum, u32 entries, const u32 *counts, int parity) {
  if (entries == 1) return make_table(table, minimum, entries, counts);
  u32 d = (u32)(parity - minimum) & 1, size = 0;
  u32 *numbers = take((entries + 2) * 2 * sizeof(u32));
  u64 *remainders = take((entries + 2) * sizeof(u64));
  if (!numbers || !remainders) return 0;
  for (u32 i = d; i < entries - 1; i += 2) numbers[size++] = counts[i];
  if (!size) numbers[size++] = 1;
  numbers[size++] = (counts[entries - 1] + 1) / 2;
  u32 *scaled = numbers + entries + 2;
  rescale(numbers, size, scaled, remainders);
  return make_table(table, (minimum + (i32)d) >> 1, size, scaled);
}

// --- rANS ------------------------------------------------------------------------------------------------------------------

typedef struct {
  const u8 *words;
  size_t left;  // words
  u64 state;
} Rans;

INLINE u32 next_word(Rans *rans) { return four(rans->words + 4 * --rans->left); }

static int start_rans(Rans *rans, const u8 *stream, size_t size) {
  *rans = (Rans){stream, size / 4, 0};
  if (size % 4) return fail("the picture is damaged: its stream is not made of whole words");
  if (!rans->left) return 1;
  rans->state = next_word(rans);
  if (!rans->state) return fail("the picture is damaged: its stream ends in an empty word");
  if (rans->left) rans->state = rans->state << 32 | next_word(rans);
  return 1;
}

INLINE void advance(Rans *rans, u32 q, u32 low, u32 high) {
  rans->state = (rans->state >> PRECISION) * (high - low) + q - low;
  if (rans->state < (u64)1 << 32 && rans->left) rans->state = rans->state << 32 | next_word(rans);
}

INLINE u32 entry(Rans *rans, const Table *table) {
  u32 q = (u32)rans->state & ((1u << PRECISION) - 1), i = table->start[q >> 16];
  while (q >= table->bounds[i + 1]) i++;
  advance(rans, q, table->bounds[i], table->bounds[i + 1]);
  return i;
}

// A number of `bits` bits, all equally likely.
INLINE u32 uniform(Rans *rans, u32 bits) {
  u32 q = (u32)rans->state & ((1u << PRECISION) - 1), width = 1u << (PRECISION - bits), i = q / width;
  advance(rans, q, i * width, (i + 1) * width);
  return i;
}

// The symbols of one row, whose places are order[0 … count − 1]. Places of escapes go to `escapes`, which may be the beginning of
// the same array; returns their number.
NOINLINE size_t pull_row(Rans *rans, const Table *table, const u32 *order, size_t count, i32 *symbols, u32 *escapes) {
  Rans state = *rans;
  size_t escaped = 0;
  u32 escape = table->entries - 1;
  for (size_t n = 0; n < count; n++) {
    u32 at = order[n], i = entry(&state, table);
    symbols[at] = table->minimum + (i32)i;
    if (i == escape) escapes[escaped++] = at;
  }
  *rans = state;
  return escaped;
}

// The symbols of a part whose tables are `rows` (count,); places with the flag LEFT_OUT are not coded and not touched. `order`
// has room for `count` numbers.
static void pull(Rans *rans, const Table *tables, const Row *rows, size_t count, u32 *order, i32 *symbols) {
  size_t ends[MOST_TABLES] = {0}, begin = 0, escaped = 0;
  for (size_t i = 0; i < count; i++) {
    if (rows[i] & LEFT_OUT) continue;
    const Table *table = &tables[rows[i]];
    if (table->entries == 1) symbols[i] = table->minimum;
    else ends[rows[i]]++;
  }
  for (int row = 0; row < MOST_TABLES; row++) {
    size_t size = ends[row];
    ends[row] = begin, begin += size;
  }
  for (size_t i = 0; i < count; i++)
    if (!(rows[i] & LEFT_OUT) && tables[rows[i]].entries > 1) order[ends[rows[i]]++] = (u32)i;
  begin = 0;
  for (int row = 0; row < MOST_TABLES; begin = ends[row++])
    if (ends[row] > begin) escaped += pull_row(rans, &tables[row], order + begin, ends[row] - begin, symbols, order + escaped);
  // for the time being, an escape's place holds its length
  for (size_t i = 0; i < escaped; i++) symbols[order[i]] = (i32)uniform(rans, 4);
  for (size_t i = 0; i < escaped; i++) {
    const Table *table = &tables[rows[order[i]]];
    i32 *symbol = &symbols[order[i]], code = 1 << *symbol, inside = (i32)table->entries - 1;
    if (*symbol) code += (i32)uniform(rans, (u32)*symbol);
    *symbol = code & 1 ? table->minimum - (code + 1) / 2 : table->minimum + inside - 1 + code / 2;
  }
}
