// What the motion of a frame's references lets expect of its own (`dlic/classical/motion/temporal.py`; docs/format.md, section 9.3).
#pragma once
#include "offsets.h"
#include "vectors.h"
SMALL_BEGIN

enum { KEPT_COUNTS = 64 * 32 };  // of a context of a reference, at most

// How a frame moves, for frames that refer to it; behind it lie vectors of macroblocks to each reference, modes, and which of them are
// exact: (mh, mw) each.
typedef struct {
  i32 number, references, of[2];  // numbers of the frame and of its references, in the order of display
  i32 zeros[ALL_CONTEXTS], ones[ALL_CONTEXTS];
} FrameMotion;

INLINE size_t macroblocks_of(int width, int height) { return (size_t)((width + 15) / 16) * (size_t)((height + 15) / 16); }

// Bytes of the motion of a frame.
INLINE size_t motion_size(int width, int height) { return sizeof(FrameMotion) + macroblocks_of(width, height) * (2 + 2 * sizeof(Vector)); }

INLINE Vector *vectors_of(const FrameMotion *motion, size_t count, i32 reference) { return (Vector *)(motion + 1) + (size_t)reference * count; }
INLINE u8 *modes_of(const FrameMotion *motion, size_t count) { return (u8 *)(vectors_of(motion, count, 2)); }
INLINE u8 *exact_of(const FrameMotion *motion, size_t count) { return modes_of(motion, count) + count; }

static const u8 exact_priors[5] = {4, 64, 128, 192, 240};  // by exact neighbours
_Static_assert(EXACT_CONTEXTS % sizeof exact_priors == 0, "a prior for each context");

static i32 prior_of(int context) {
  if (context < MOTION_CONTEXTS) return motion_priors[context];
  if (context >= OFFSETS) return offset_priors[context - OFFSETS];
  return context < MOTION_CONTEXTS + SKIP_CONTEXTS ? 128 : exact_priors[(context - MOTION_CONTEXTS - SKIP_CONTEXTS) % 5];
}

// The counts that the contexts of a frame begin with: those of the first of its references that has some, or the priors.
static void first_counts(const FrameMotion *const *references, Counts *counts) {
  const FrameMotion *from = references[0] ? references[0] : references[1];
  for (int c = 0; c < ALL_CONTEXTS; c++) {
    i32 ones = from ? from->ones[c] : prior_of(c), zeros = from ? from->zeros[c] : 256 - ones;
    while (from && zeros + ones > KEPT_COUNTS) zeros = (zeros + 1) >> 1, ones = (ones + 1) >> 1;
    counts->ones[c] = ones, counts->zeros[c] = zeros;
  }
}

// A component times distance / span, rounded (halves up), within reach.
static i16 stretched(i32 value, i32 distance, i32 span) {
  i32 size = span < 0 ? -span : span, numerator = 2 * value * (span < 0 ? -distance : distance) + size;
  i32 quotient = numerator / (2 * size) - (numerator % (2 * size) < 0);
  return (i16)(quotient < -REACH ? -REACH : quotient > REACH - 1 ? REACH - 1 : quotient);
}

// Takes the vectors that a reference lets expect where nothing else did; `distances` are those to each reference of the frame.
static void expect_from(const FrameMotion *from, size_t count, int references, const i32 *distances, Expected *expected) {
  const u8 *modes = modes_of(from, count);
  for (size_t at = 0; at < count; at++) {
    if (expected->known[at] || modes[at] == FLAT) continue;
    i32 which = modes[at] == SECOND && from->references == 2;
    Vector vector = vectors_of(from, count, which)[at];
    for (int r = 0; r < references; r++) {
      i32 span = from->of[which] - from->number;
      expected->vectors[r][at] = (Vector){stretched(vector.y, distances[r], span), stretched(vector.x, distances[r], span)};
    }
    expected->known[at] = 1;
  }
}

// What is expected of frame `number`; `motions` of its references are null for key frames, whose number is 0.
static int expect(const FrameMotion *const *motions, int references, i32 number, size_t count, Expected *expected) {
  i32 distances[2] = {0};
  if (!motions[0] && !motions[1]) return 1;
  expected->known = take_zeros(count);
  if (!expected->known) return fail(NO_MEMORY);
  for (int r = 0; r < references; r++) {
    distances[r] = (motions[r] ? motions[r]->number : 0) - number;
    if (!(expected->vectors[r] = take_zeros(count * sizeof(Vector)))) return fail(NO_MEMORY);
  }
  for (int r = 0; r < references; r++)
    if (motions[r]) expect_from(motions[r], count, references, distances, expected);
  return 1;
}

// Keeps the motion of a frame for others.
static void keep_motion(const Motion *motion, const u8 *exact, const Counts *counts, i32 number, const FrameMotion *const *motions, FrameMotion *to) {
  size_t count = (size_t)motion->mh * (size_t)motion->mw, width = (size_t)motion->mw;
  to->number = number, to->references = motion->references;
  for (int r = 0; r < 2; r++) {
    Vector *vectors = vectors_of(to, count, r);
    to->of[r] = motions[r] ? motions[r]->number : 0;
    for (size_t at = 0; at < count; at++) vectors[at] = r < motion->references ? motion->vectors[r][at / width * 4 * width + at % width * 2] : (Vector){0, 0};
  }
  for (int c = 0; c < ALL_CONTEXTS; c++) to->zeros[c] = counts->zeros[c], to->ones[c] = counts->ones[c];
  memcpy(modes_of(to, count), motion->modes, count), memcpy(exact_of(to, count), exact, count);
}
SMALL_END
