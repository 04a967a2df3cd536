// Streams of bits in contexts, all of which are read (docs/format.md, section 9.3).
#pragma once
#include "adaptive.h"
SMALL_BEGIN

typedef struct {
  Rans rans;
  Counts counts;
  int contexts;
} Flags;

// The counts of the contexts are there before.
static int start_flags(Flags *flags, const u8 *stream, size_t size, int contexts) {
  size_t words = (size + 3) / 4;
  u8 *whole = take_zeros(4 * words + 1);
  if (!whole) return fail(NO_MEMORY);
  if (size && !stream[size - 1]) return fail("a frame is damaged: its motion ends in an empty byte");
  memcpy(whole, stream, size);
  flags->contexts = contexts;
  return start_rans(&flags->rans, whole, 4 * words);
}

static void pull_flags(Flags *flags, const u16 *contexts, size_t count, u8 *to) {
  pull_bits(&flags->rans, &flags->counts, flags->contexts, contexts, count, to);
}

static int end_flags(const Flags *flags) {
  return flags->rans.left || flags->rans.state ? fail("a frame is damaged: its motion holds more than its flags") : 1;
}
SMALL_END
