// The motion of a frame, from bits in contexts (`dlic/classical/motion/coding.py`; docs/format.md, section 9.3).
#pragma once
#include "flags.h"
#include "lattice.h"
#include "motion_priors.h"
SMALL_BEGIN

enum { FIRST, SECOND, BOTH, FLAT };  // modes of a macroblock: one reference, the mean of two, one colour
enum { REACH = 1 << 11, CLASSES = 6, AGREEMENTS = 4, OCTAVES = 12, SKIP_CONTEXTS = 10, EXACT_CONTEXTS = 20, OFFSET_CONTEXTS = 9, SUPERBLOCK = 64 };
// First contexts of each kind of bit (`dlic/classical/motion/contexts.py`).
enum {
  IS_FLAT = 0, IS_BOTH = 3, IS_SECOND = 8, IS_SPLIT = 13, IS_ZERO = IS_SPLIT + 5, IS_EXPECTED = IS_ZERO + (AGREEMENTS + 1) * CLASSES,
  IS_NEIGHBOUR = IS_EXPECTED + CLASSES, WHICH = IS_NEIGHBOUR + 2 * CLASSES, IS_ZERO_Y = WHICH + 6, IS_ZERO_X = IS_ZERO_Y + 2 * CLASSES,
  IS_LONGER = IS_ZERO_X + 2 * CLASSES, SECOND_BIT = IS_LONGER + 2 * CLASSES * OCTAVES, EVEN = SECOND_BIT + OCTAVES, MOTION_CONTEXTS = EVEN + 1,
  OFFSETS = MOTION_CONTEXTS + SKIP_CONTEXTS + EXACT_CONTEXTS, ALL_CONTEXTS = OFFSETS + OFFSET_CONTEXTS
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

// A vector that is coded: its classes, what it may repeat, and where it goes.
typedef struct {
  Vector predicted, hint, around[4];
  u32 choices;  // of `around`
  u32 class, zero, at;
  i32 apart[2];
} Coded;

// Expected vectors of macroblocks (expected.h).
typedef struct {
  u8 *known;           // (mh, mw); null where nothing is expected
  Vector *vectors[2];  // (mh, mw)
} Expected;

typedef struct {
  Flags flags;
  Motion *motion;
  Expected expected;
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

// Whether the pixels of a macroblock are not those of the first reference at its place.
INLINE int moves(const Motion *motion, u32 at) {
  Vector first = motion->vectors[0][at / (u32)motion->mw * 4 * (u32)motion->mw + at % (u32)motion->mw * 2];
  return motion->modes[at] != FIRST || motion->split[at] || first.y || first.x;
}
SMALL_END
