// Steps of the offsets of guarded frames (docs/format.md, section 9.8; `dlic/learned/sequence/offsets.py`).
#pragma once
#include "motion.h"
SMALL_BEGIN

enum { STEPS = 1024, UNIT_OF_KEY = 32 };  // of an offset in a level; pixels along a unit of a key frame

static const u8 offset_priors[OFFSET_CONTEXTS] = {254, 252, 248, 241, 228, 202, 159, 100, 38};
static const u8 key_priors[OFFSET_CONTEXTS] = {234, 214, 179, 125, 61, 15, 1, 1, 1};

// `count` steps in contexts from `first` on, and `even`.
static int read_steps(Flags *flags, int first, int even, size_t count, i16 *steps) {
  Mark start = mark();
  u8 *octaves = take_zeros(count), *bits = take(count);
  u16 *contexts = take(count * sizeof(u16));
  u32 *left = take(count * sizeof(u32)), *places = take(count * sizeof(u32));
  if (!octaves || !bits || !contexts || !left || !places) return fail(NO_MEMORY);
  size_t open = count;
  for (size_t i = 0; i < count; i++) left[i] = (u32)i, places[i] = 1;
  for (int octave = 0; octave < OFFSET_CONTEXTS && open; octave++) {
    size_t still = 0;
    for (size_t n = 0; n < open; n++) contexts[n] = (u16)(first + octave);
    pull_flags(flags, contexts, open, bits);
    for (size_t n = 0; n < open; n++)
      if (bits[n]) octaves[left[n]]++, left[still++] = left[n];
    open = still;
  }
  for (size_t i = 0; i < count; i++) contexts[i] = (u16)even;
  for (int place = OFFSET_CONTEXTS - 1; place >= 0; place--) {
    size_t some = 0;
    for (size_t i = 0; i < count; i++) some += octaves[i] > place;
    pull_flags(flags, contexts, some, bits);
    some = 0;
    for (size_t i = 0; i < count; i++)
      if (octaves[i] > place) places[i] = 2 * places[i] + bits[some++];
  }
  for (size_t i = 0; i < count; i++) steps[i] = (i16)(places[i] % 2 ? -(i32)(places[i] / 2) : (i32)(places[i] / 2));
  release(start);
  return 1;
}

// The steps of a key frame's units; null for a damaged stream.
static i16 *read_key_steps(const u8 *stream, size_t size, int width, int height) {
  size_t count = (size_t)((width + UNIT_OF_KEY - 1) / UNIT_OF_KEY) * (size_t)((height + UNIT_OF_KEY - 1) / UNIT_OF_KEY);
  i16 *steps = take(count * sizeof(i16));
  Mark start = mark();
  Flags *flags = take_zeros(sizeof(Flags));
  if (!steps || !flags) return fail(NO_MEMORY), NULL;
  for (int c = 0; c <= OFFSET_CONTEXTS; c++) {
    flags->counts.ones[c] = c < OFFSET_CONTEXTS ? key_priors[c] : 128;
    flags->counts.zeros[c] = 256 - flags->counts.ones[c];
  }
  if (!start_flags(flags, stream, size, OFFSET_CONTEXTS + 1)) return NULL;
  if (!read_steps(flags, 0, OFFSET_CONTEXTS, count, steps) || !end_flags(flags)) return NULL;
  release(start);
  return steps;
}
SMALL_END
