// The motion of a frame, from bits in contexts (`dlic/classical/motion/coding.py`; docs/format.md, section 9.3).
#pragma once
#include "flags.h"
#include "lattice.h"
#include "motion_priors.h"
SMALL_BEGIN

enum { FIRST, SECOND, BOTH, FLAT };  // modes of a macroblock: one reference, the mean of two, one colour
enum { REACH = 1 << 11, CLASSES = 6, OCTAVES = 12 };
// First contexts of each kind of bit.
enum {
  IS_FLAT = 0, IS_BOTH = 3, IS_SECOND = 8, IS_SPLIT = 13, IS_ZERO = IS_SPLIT + 5, IS_NEIGHBOUR = IS_ZERO + 2 * CLASSES,
  WHICH = IS_NEIGHBOUR + 2 * CLASSES, IS_ZERO_Y = WHICH + 6, IS_ZERO_X = IS_ZERO_Y + 2 * CLASSES, IS_LONGER = IS_ZERO_X + 2 * CLASSES,
  SECOND_BIT = IS_LONGER + 2 * CLASSES * OCTAVES, EVEN = SECOND_BIT + OCTAVES, MOTION_CONTEXTS = EVEN + 1
};
_Static_assert(sizeof motion_priors == MOTION_CONTEXTS, "a prior for each context");

typedef struct {
  i16 y, x;
} Vector;

typedef struct {
  int mh, mw, references;  // macroblocks of 16 × 16 pixels
  u8 *modes, *split;       // (mh, mw)
  u8 *colours;             // (mh, mw, 3)
  Vector *vectors[2];      // (2·mh, 2·mw): of blocks of 8 × 8 pixels
} Motion;

// A vector that is coded: its class, what it may repeat, and where it goes.
typedef struct {
  Vector predicted, around[4];
  u32 choices;  // of `around`
  u32 class, at;
  i32 apart[2];
} Coded;

typedef struct {
  Flags flags;
  Motion *motion;
  size_t count;                // of the pass
  Place *places;               // those from here on are as many as macroblocks
  Coded *coded;
  u32 *left, *more;            // twice as many
  Vector *firsts[2];           // of macroblocks
  u16 *contexts;               // three times as many, as the others below
  u8 *bits, *negative;
  u32 *values, *lengths;
} MotionReader;

static int take_motion(Motion *motion, int width, int height, int references) {
  motion->mh = (height + 15) / 16, motion->mw = (width + 15) / 16, motion->references = references;
  size_t count = (size_t)motion->mh * (size_t)motion->mw;
  motion->modes = take_zeros(count), motion->split = take_zeros(count), motion->colours = take_zeros(3 * count);
  for (int r = 0; r < references; r++)
    if (!(motion->vectors[r] = take_zeros(4 * count * sizeof(Vector)))) return fail(NO_MEMORY);
  return motion->modes && motion->split && motion->colours ? 1 : fail(NO_MEMORY);
}

static int take_reader(MotionReader *reader, Motion *motion) {
  size_t count = (size_t)motion->mh * (size_t)motion->mw;
  reader->motion = motion;
  reader->places = take(count * sizeof(Place)), reader->coded = take(count * sizeof(Coded));
  reader->left = take(2 * count * 4), reader->more = take(2 * count * 4), reader->contexts = take(3 * count * 2);
  reader->bits = take(3 * count), reader->negative = take(3 * count), reader->values = take(3 * count * 4), reader->lengths = take(3 * count * 4);
  int whole = reader->places && reader->coded && reader->left && reader->more && reader->contexts && reader->bits && reader->negative;
  for (int r = 0; r < motion->references; r++) whole = whole && (reader->firsts[r] = take_zeros(count * sizeof(Vector)));
  return whole && reader->values && reader->lengths ? 1 : fail(NO_MEMORY);
}

INLINE int uses(const Motion *motion, u32 at, int reference) { return motion->modes[at] == reference || motion->modes[at] == BOTH; }

// Neighbours with a value.
static u32 counted(const Place *place, const u8 *values, u8 value) {
  u32 count = 0;
  for (int i = 0; place->known && i < 4; i++) count += values[place->around[i]] == value;
  return count;
}

// One bit for each of `count` contexts in the reader.
INLINE void pull_call(MotionReader *reader, size_t count) { pull_flags(&reader->flags, reader->contexts, count, reader->bits); }

static void read_modes(MotionReader *reader) {
  u8 *modes = reader->motion->modes;
  size_t rest = 0, single = 0;
  for (size_t i = 0; i < reader->count; i++) {
    u32 flat = counted(&reader->places[i], modes, FLAT);
    reader->contexts[i] = (u16)(IS_FLAT + (flat < 2 ? flat : 2));
  }
  pull_call(reader, reader->count);
  for (size_t i = 0; i < reader->count; i++) {
    modes[reader->places[i].at] = reader->bits[i] ? FLAT : FIRST;
    if (!reader->bits[i]) reader->left[rest++] = (u32)i;
  }
  if (reader->motion->references < 2) return;
  for (size_t n = 0; n < rest; n++) reader->contexts[n] = (u16)(IS_BOTH + counted(&reader->places[reader->left[n]], modes, BOTH));
  pull_call(reader, rest);
  for (size_t n = 0; n < rest; n++) {
    if (reader->bits[n]) modes[reader->places[reader->left[n]].at] = BOTH;
    else reader->more[single++] = reader->left[n];
  }
  for (size_t n = 0; n < single; n++) reader->contexts[n] = (u16)(IS_SECOND + counted(&reader->places[reader->more[n]], modes, SECOND));
  pull_call(reader, single);
  for (size_t n = 0; n < single; n++) modes[reader->places[reader->more[n]].at] = reader->bits[n];
}

static void read_split(MotionReader *reader) {
  size_t rest = 0;
  for (size_t i = 0; i < reader->count; i++) {
    if (reader->motion->modes[reader->places[i].at] == FLAT) continue;
    reader->contexts[rest] = (u16)(IS_SPLIT + counted(&reader->places[i], reader->motion->split, 1));
    reader->left[rest++] = reader->places[i].at;
  }
  pull_call(reader, rest);
  for (size_t n = 0; n < rest; n++) reader->motion->split[reader->left[n]] = reader->bits[n];
}

// Numbers of `lengths` bits each, the highest bit first; with `leading` that one has contexts of its own.
static void read_numbers(MotionReader *reader, size_t count, int leading) {
  u32 longest = 0;
  for (size_t i = 0; i < count; i++) reader->values[i] = 0, longest = reader->lengths[i] > longest ? reader->lengths[i] : longest;
  for (u32 place = longest; place-- > 0;) {
    size_t some = 0;
    for (size_t i = 0; i < count; i++)
      if (reader->lengths[i] > place) reader->contexts[some++] = (u16)(leading && reader->lengths[i] == place + 1 ? SECOND_BIT + (int)smaller(place, OCTAVES - 1) : EVEN);
    pull_call(reader, some);
    some = 0;
    for (size_t i = 0; i < count; i++)
      if (reader->lengths[i] > place) reader->values[i] |= (u32)reader->bits[some++] << place;
  }
}

static void read_colours(MotionReader *reader) {
  size_t flat = 0;
  for (size_t i = 0; i < reader->count; i++)
    if (reader->motion->modes[reader->places[i].at] == FLAT) reader->left[flat++] = reader->places[i].at;
  for (size_t i = 0; i < 3 * flat; i++) reader->lengths[i] = 6;
  read_numbers(reader, 3 * flat, 0);
  for (size_t i = 0; i < 3 * flat; i++) reader->motion->colours[3 * reader->left[i / 3] + i % 3] = (u8)(4 * reader->values[i]);
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
    const Vector *same = &coded->around[(2u * first[n] + reader->bits[n]) % coded->choices];
    coded->apart[0] = same->y - coded->predicted.y, coded->apart[1] = same->x - coded->predicted.x;
  }
}

INLINE i16 wrapped(i32 value) { return (i16)(((value + REACH) & (2 * REACH - 1)) - REACH); }

// The first `count` coded vectors into `to`.
static void read_vectors(MotionReader *reader, size_t count, Vector *to) {
  size_t left = 0, chosen = 0, new = 0;
  for (size_t i = 0; i < count; i++) reader->contexts[i] = (u16)(IS_ZERO + (int)reader->coded[i].class);
  pull_call(reader, count);
  for (size_t i = 0; i < count; i++) {
    reader->coded[i].apart[0] = reader->coded[i].apart[1] = 0;
    if (!reader->bits[i]) reader->contexts[left] = (u16)(IS_NEIGHBOUR + (int)reader->coded[i].class), reader->left[left++] = (u32)i;
  }
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

// Sorts three or four numbers.
static void sort_few(i32 *values, u32 count) {
  for (u32 end = count; end-- > 1;)
    for (u32 i = 0; i < end; i++) order(&values[i], &values[i + 1]);
}

// Prediction and class of a vector from its neighbours: the median, of four the mean of the middle two rounded down.
static void predict_vector(Coded *coded, u32 first_class) {
  i32 y[4], x[4];
  u32 n = coded->choices;
  for (u32 i = 0; i < n; i++) y[i] = coded->around[i].y, x[i] = coded->around[i].x;
  sort_few(y, n), sort_few(x, n);
  coded->predicted = n == 3 ? (Vector){(i16)y[1], (i16)x[1]} : (Vector){(i16)((y[1] + y[2]) >> 1), (i16)((x[1] + x[2]) >> 1)};
  i32 spread = y[n - 1] - y[0] + x[n - 1] - x[0];
  coded->class = first_class + 1 + (spread > 0) + (spread > 2) + (spread > 6) + (spread > 16);
}

static void read_firsts(MotionReader *reader, int reference) {
  Vector *firsts = reader->firsts[reference];
  size_t count = 0;
  for (size_t i = 0; i < reader->count; i++) {
    const Place *place = &reader->places[i];
    Coded *coded = &reader->coded[count];
    *coded = (Coded){.choices = 4, .at = place->at};
    for (int k = 0; k < 4; k++) coded->around[k] = firsts[place->around[k]];
    if (place->known) predict_vector(coded, 0);
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
      predict_vector(coded, CLASSES);
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

// Whether the pixels of a macroblock are not those of the first reference at its place.
INLINE int moves(const Motion *motion, u32 at) {
  Vector first = motion->vectors[0][at / (u32)motion->mw * 4 * (u32)motion->mw + at % (u32)motion->mw * 2];
  return motion->modes[at] != FIRST || motion->split[at] || first.y || first.x;
}
SMALL_END
