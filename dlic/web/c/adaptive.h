// Bits in contexts with adaptive probabilities (`dlic/entropy/adaptive.py`).
#pragma once
#include "entropy.h"
SMALL_BEGIN

enum { MOST_CONTEXTS = 512 };

// Probabilities of a one, by counts in 1/32.
typedef struct {
  i32 zeros[MOST_CONTEXTS], ones[MOST_CONTEXTS];
} Counts;

// Of a one, in 2⁻¹⁶.
INLINE i32 chance(const Counts *counts, int context) {
  i32 ones = (i32)(((i64)counts->ones[context] << 16) / (counts->ones[context] + counts->zeros[context]));
  return ones < 32 ? 32 : ones > 65536 - 32 ? 65536 - 32 : ones;
}

// Bits in contexts below `most`; the probabilities are those before the first of them.
static void pull_bits(Rans *rans, Counts *counts, int most, const u16 *contexts, size_t count, u8 *to) {
  i32 ones[MOST_CONTEXTS], zeros[MOST_CONTEXTS];
  memset(ones, 0, sizeof ones), memset(zeros, 0, sizeof zeros);
  for (size_t i = 0; i < count; i++) {
    u32 q = (u32)rans->state & ((1u << PRECISION) - 1);
    u32 middle = 1 + (u32)((u64)(65536 - chance(counts, contexts[i])) * ((1u << PRECISION) - 2) >> 16);
    to[i] = q >= middle;
    if (to[i]) advance(rans, q, middle, 1u << PRECISION), ones[contexts[i]] += 32;
    else advance(rans, q, 0, middle), zeros[contexts[i]] += 32;
  }
  for (int c = 0; c < most && count; c++) {
    counts->ones[c] += ones[c], counts->zeros[c] += zeros[c];
    if (counts->ones[c] + counts->zeros[c] > 1 << 15) counts->ones[c] = (counts->ones[c] + 1) >> 1, counts->zeros[c] = (counts->zeros[c] + 1) >> 1;
  }
}
SMALL_END
