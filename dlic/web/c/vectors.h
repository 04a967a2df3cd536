// Vectors from bits in contexts (`dlic/classical/motion/vector_coding.py`; docs/format.md, section 9.3).
#pragma once
#include "motion.h"
SMALL_BEGIN

INLINE int same_vector(Vector a, Vector b) { return a.y == b.y && a.x == b.x; }

INLINE void repeat_vector(Coded *coded, Vector vector) {
  coded->apart[0] = vector.y - coded->predicted.y, coded->apart[1] = vector.x - coded->predicted.x;
}

// Whole numbers other than 0 for components `left` (2 · index + axis) of coded vectors.
static void read_signed(MotionReader *reader, size_t count) {
  size_t open = count;
  for (size_t i = 0; i < count; i++) reader->lengths[i] = 0, reader->more[i] = (u32)i;
  for (int octave = 0; octave < OCTAVES && open; octave++) {
    for (size_t n = 0; n < open; n++)
      reader->contexts[n] = (u16)(IS_LONGER + (int)reader->coded[reader->left[reader->more[n]] / 2].class * OCTAVES + octave);
    pull_call(reader, open);
    size_t still = 0;
    for (size_t n = 0; n < open; n++)
      if (reader->bits[n]) reader->lengths[reader->more[n]]++, reader->more[still++] = reader->more[n];
    open = still;
  }
  read_numbers(reader, count, 1);
  for (size_t i = 0; i < count; i++) reader->contexts[i] = EVEN;
  pull_flags(&reader->flags, reader->contexts, count, reader->negative);
  for (size_t i = 0; i < count; i++) {
    i32 size = (i32)((1u << reader->lengths[i]) + reader->values[i]);
    reader->coded[reader->left[i] / 2].apart[reader->left[i] % 2] = reader->negative[i] ? -size : size;
  }
}

// Differences of the vectors `left` from their predictions, where they are no neighbour's.
static void read_new(MotionReader *reader, size_t count) {
  size_t both = 0, axes = 0;
  u8 *zero = reader->negative;
  for (size_t n = 0; n < count; n++) reader->contexts[n] = (u16)(IS_ZERO_Y + (int)reader->coded[reader->left[n]].class);
  pull_flags(&reader->flags, reader->contexts, count, zero);
  for (size_t n = 0; n < count; n++)
    if (!zero[n]) reader->contexts[both++] = (u16)(IS_ZERO_X + (int)reader->coded[reader->left[n]].class);
  pull_call(reader, both);
  both = 0;
  for (size_t n = 0; n < count; n++) {
    u32 index = reader->left[n];
    if (!zero[n]) reader->more[axes++] = 2 * index;
    if (zero[n] || !reader->bits[both++]) reader->more[axes++] = 2 * index + 1;
  }
  for (size_t i = 0; i < axes; i++) reader->left[i] = reader->more[i];
  read_signed(reader, axes);
}

// Which of its neighbours each of the vectors `more` repeats.
static void read_choices(MotionReader *reader, size_t count) {
  u8 *first = reader->negative;
  for (size_t n = 0; n < count; n++) reader->contexts[n] = (u16)(WHICH + 3 * (reader->coded[reader->more[n]].class >= CLASSES));
  pull_flags(&reader->flags, reader->contexts, count, first);
  for (size_t n = 0; n < count; n++) reader->contexts[n] = (u16)(reader->contexts[n] + 1 + first[n]);
  pull_call(reader, count);
  for (size_t n = 0; n < count; n++) {
    Coded *coded = &reader->coded[reader->more[n]];
    repeat_vector(coded, coded->around[(2u * first[n] + reader->bits[n]) % coded->choices]);
  }
}

// Whether the vectors `left` are the expected ones, where these are not the predictions; returns how many are left.
static size_t read_expected(MotionReader *reader, size_t count) {
  size_t some = 0, others = 0;
  for (size_t n = 0; n < count; n++) {
    const Coded *coded = &reader->coded[reader->left[n]];
    if (!same_vector(coded->hint, coded->predicted)) reader->contexts[some++] = (u16)(IS_EXPECTED + (int)coded->class);
  }
  pull_call(reader, some);
  some = 0;
  for (size_t n = 0; n < count; n++) {
    Coded *coded = &reader->coded[reader->left[n]];
    if (!same_vector(coded->hint, coded->predicted) && reader->bits[some++]) repeat_vector(coded, coded->hint);
    else reader->left[others++] = reader->left[n];
  }
  return others;
}

INLINE i16 wrapped(i32 value) { return (i16)(((value + REACH) & (2 * REACH - 1)) - REACH); }

// The first `count` coded vectors into `to`.
static void read_vectors(MotionReader *reader, size_t count, Vector *to) {
  size_t left = 0, chosen = 0, new = 0;
  for (size_t i = 0; i < count; i++) reader->contexts[i] = (u16)(IS_ZERO + (int)reader->coded[i].zero);
  pull_call(reader, count);
  for (size_t i = 0; i < count; i++) {
    reader->coded[i].apart[0] = reader->coded[i].apart[1] = 0;
    if (!reader->bits[i]) reader->left[left++] = (u32)i;
  }
  left = read_expected(reader, left);
  for (size_t n = 0; n < left; n++) reader->contexts[n] = (u16)(IS_NEIGHBOUR + (int)reader->coded[reader->left[n]].class);
  pull_call(reader, left);
  for (size_t n = 0; n < left; n++) {
    if (reader->bits[n]) reader->more[chosen++] = reader->left[n];
    else reader->left[new++] = reader->left[n];
  }
  read_choices(reader, chosen);
  read_new(reader, new);
  for (size_t i = 0; i < count; i++) {
    const Coded *coded = &reader->coded[i];
    to[coded->at] = (Vector){wrapped(coded->predicted.y + coded->apart[0]), wrapped(coded->predicted.x + coded->apart[1])};
  }
}

INLINE void order(i32 *a, i32 *b) {
  i32 low = *a < *b ? *a : *b, high = *a < *b ? *b : *a;
  *a = low, *b = high;
}

// Sorts at most six numbers.
static void sort_few(i32 *values, u32 count) {
  for (u32 end = count; end-- > 1;)
    for (u32 i = 0; i < end; i++) order(&values[i], &values[i + 1]);
}

// The median of a few numbers; of an even count the mean of the middle two, rounded down. Sorts them.
static i32 median_of(i32 *values, u32 count) {
  sort_few(values, count);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) >> 1;
}

// The median of the neighbours of a vector and of twice its hint, if it has one; its class by the spread of the neighbours.
static void predict_vector(Coded *coded, int has_hint) {
  i32 y[6], x[6];
  u32 n = coded->choices;
  for (u32 i = 0; i < n; i++) y[i] = coded->around[i].y, x[i] = coded->around[i].x;
  coded->predicted = (Vector){(i16)median_of(y, n), (i16)median_of(x, n)};
  i32 spread = y[n - 1] - y[0] + x[n - 1] - x[0];
  coded->class = 1u + (spread > 0) + (spread > 2) + (spread > 6) + (spread > 16);
  if (!has_hint) return;
  for (u32 i = 0; i < 2; i++) y[n + i] = coded->hint.y, x[n + i] = coded->hint.x;
  coded->predicted = (Vector){(i16)median_of(y, n + 2), (i16)median_of(x, n + 2)};
}

INLINE i32 distance(Vector a, Vector b) { return (a.y < b.y ? b.y - a.y : a.y - b.y) + (a.x < b.x ? b.x - a.x : a.x - b.x); }

static void read_firsts(MotionReader *reader, int reference) {
  Vector *firsts = reader->firsts[reference];
  size_t count = 0;
  for (size_t i = 0; i < reader->count; i++) {
    const Place *place = &reader->places[i];
    Coded *coded = &reader->coded[count];
    int has_hint = reader->expected.known && reader->expected.known[place->at];
    *coded = (Coded){.choices = 4, .at = place->at};
    for (int k = 0; place->known && k < 4; k++) coded->around[k] = firsts[place->around[k]];
    if (has_hint) coded->hint = coded->predicted = reader->expected.vectors[reference][place->at];
    if (place->known) predict_vector(coded, has_hint);
    if (!has_hint) coded->hint = coded->predicted;
    i32 apart = distance(coded->hint, coded->predicted);
    coded->zero = AGREEMENTS * coded->class + (has_hint ? 1u + (apart > 0) + (apart > 2) : 0);
    firsts[place->at] = coded->predicted;
    count += (size_t)uses(reader->motion, place->at, reference);
  }
  read_vectors(reader, count, firsts);
}

// The vectors of all blocks; those of the three later blocks of split macroblocks are read.
static void read_blocks(MotionReader *reader, int reference) {
  const Motion *motion = reader->motion;
  const Vector *firsts = reader->firsts[reference];
  u32 mh = (u32)motion->mh, mw = (u32)motion->mw;
  for (u32 i = 0; i < 4 * mh * mw; i++) motion->vectors[reference][i] = firsts[i / (4 * mw) * mw + i % (2 * mw) / 2];
  for (u32 block = 1; block < 4; block++) {
    size_t count = 0;
    for (u32 at = 0; at < mh * mw; at++) {
      if (!motion->split[at] || !uses(motion, at, reference)) continue;
      u32 row = at / mw, column = at % mw, down = block / 2, right = block % 2;
      u32 beside = right ? (column + 1 < mw ? at + 1 : at) : (column ? at - 1 : at);
      u32 above = down ? (row + 1 < mh ? at + mw : at) : (row ? at - mw : at);
      Coded *coded = &reader->coded[count++];
      *coded = (Coded){.around = {firsts[at], firsts[beside], firsts[above]}, .choices = 3, .at = (2 * row + down) * 2 * mw + 2 * column + right};
      predict_vector(coded, 0);
      coded->hint = coded->predicted, coded->class += CLASSES;
      coded->zero = (AGREEMENTS - 1) * CLASSES + coded->class;
    }
    read_vectors(reader, count, motion->vectors[reference]);
  }
}

static void read_motion(MotionReader *reader) {
  for (int pass = 0; pass < PASSES; pass++) {
    reader->count = places_of(pass, reader->motion->mh, reader->motion->mw, reader->places);
    if (!reader->count) continue;
    read_modes(reader);
    read_split(reader);
    for (int r = 0; r < reader->motion->references; r++) read_firsts(reader, r);
    read_colours(reader);
  }
  for (int r = 0; r < reader->motion->references; r++) read_blocks(reader, r);
}
SMALL_END
