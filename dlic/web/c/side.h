// The side stream of a frame that is predicted: motion, and maps of superblocks and macroblocks (docs/format.md, section 9.3;
// `dlic/learned/sequence/packet.py`).
#pragma once
#include "prediction.h"
SMALL_BEGIN

enum { MOVES = 1, CODED = 2, ALL_CODED = 4, CODER = 8, HAS_EXACT = 16, GUARDED = 32, MAX_FRAME = 1 << 25 };

typedef struct {
  const u8 *data;
  size_t size;
  int width, height, level, references, number;
  u32 crc;
  Frame frames[2];
  const FrameMotion *motions[2];  // of the references; null for key frames
} Packet;

// What a side stream says.
typedef struct {
  Motion motion;
  int rows, columns;  // of superblocks
  u8 *coded;          // (rows, columns): whether a superblock has a residual
  i16 *steps;         // (rows, columns) of their offsets
  u8 *exact;          // (mh, mw): whether a macroblock is exact
} Side;

static FrameMotion *kept_motion;  // of the last frame

// A map (rows, columns) in passes. `kinds` times five, plus the number of set neighbours, is the context from `first` on; `alone` is
// that number where no neighbour is known.
static int read_map(Flags *flags, u32 first, u32 alone, const u8 *kinds, int rows, int columns, u8 *map) {
  size_t count = (size_t)rows * (size_t)columns;
  Place *places = take(count * sizeof(Place));
  u8 *bits = take(count);
  u16 *contexts = take(count * sizeof(u16));
  if (!places || !bits || !contexts) return fail(NO_MEMORY);
  for (int pass = 0; pass < PASSES; pass++) {
    size_t size = places_of(pass, rows, columns, places);
    for (size_t i = 0; i < size; i++)
      contexts[i] = (u16)(first + (places[i].known ? counted(&places[i], map, 1) : alone) + 5u * kinds[places[i].at]);
    pull_flags(flags, contexts, size, bits);
    for (size_t i = 0; i < size; i++) map[places[i].at] = bits[i];
  }
  return 1;
}

// Which superblocks have a residual, in contexts of their motion.
static int read_skip_map(Flags *flags, const Motion *motion, int rows, int columns, u8 *coded) {
  u8 *moving = take_zeros((size_t)rows * (size_t)columns);
  if (!moving) return fail(NO_MEMORY);
  for (u32 at = 0; at < (u32)(motion->mh * motion->mw); at++)
    if (moves(motion, at)) moving[at / (u32)motion->mw / 4 * (u32)columns + at % (u32)motion->mw / 4] = 1;
  return read_map(flags, MOTION_CONTEXTS, 2, moving, rows, columns, coded);
}

// Which macroblocks are exact, in contexts of their motion, and of the first reference.
static int read_exact_map(Flags *flags, const Motion *motion, const FrameMotion *reference, u8 *exact) {
  size_t count = (size_t)motion->mh * (size_t)motion->mw, set = 0;
  u8 *kinds = take(count);
  if (!kinds) return fail(NO_MEMORY);
  for (u32 at = 0; at < count; at++) kinds[at] = (u8)(moves(motion, at) + 2 * (reference && exact_of(reference, count)[at]));
  if (!read_map(flags, MOTION_CONTEXTS + SKIP_CONTEXTS, 0, kinds, motion->mh, motion->mw, exact)) return 0;
  for (size_t at = 0; at < count; at++) set += exact[at];
  return set ? 1 : fail("a frame promises exact blocks and has none");
}

// The steps of the offsets of coded superblocks.
static int read_coded_steps(Flags *flags, size_t count, const u8 *coded, i16 *steps) {
  i16 *of_coded = take(count * sizeof(i16));
  size_t some = 0;
  if (!of_coded) return fail(NO_MEMORY);
  for (size_t i = 0; i < count; i++) some += coded[i];
  if (!read_steps(flags, OFFSETS, EVEN, some, of_coded)) return 0;
  some = 0;
  for (size_t i = 0; i < count; i++)
    if (coded[i]) steps[i] = of_coded[some++];
  return 1;
}

// Whether a packet of such flags has a side stream.
INLINE int has_side(u32 flags) {
  return (flags & (MOVES | HAS_EXACT | GUARDED)) != 0 || (flags & (CODED | ALL_CODED)) == CODED;
}

static int take_side(const Packet *packet, u32 flags, Side *side) {
  side->rows = (packet->height + SUPERBLOCK - 1) / SUPERBLOCK, side->columns = (packet->width + SUPERBLOCK - 1) / SUPERBLOCK;
  size_t superblocks = (size_t)side->rows * (size_t)side->columns;
  side->coded = take(superblocks), side->steps = take_zeros(superblocks * sizeof(i16));
  side->exact = take_zeros(macroblocks_of(packet->width, packet->height));
  if (!side->coded || !side->steps || !side->exact) return fail(NO_MEMORY);
  memset(side->coded, (flags & ALL_CODED) != 0, superblocks);
  return take_motion(&side->motion, packet->width, packet->height, packet->references);
}

// Motion, skip map, exact blocks and offsets from the side stream, if there is one. The motion for other frames is kept.
static int read_side(const Packet *packet, const u8 *stream, size_t size, u32 flags, Side *side) {
  if (!(kept_motion = take(motion_size(packet->width, packet->height))) || !take_side(packet, flags, side)) return fail(NO_MEMORY);
  Mark start = mark();
  MotionReader *reader = take_zeros(sizeof(MotionReader));
  if (!reader || !take_reader(reader, &side->motion)) return fail(NO_MEMORY);
  first_counts(packet->motions, &reader->flags.counts);
  if (has_side(flags)) {
    if (!start_flags(&reader->flags, stream, size, ALL_CONTEXTS)) return 0;
    if (flags & MOVES && !expect(packet->motions, packet->references, packet->number, macroblocks_of(packet->width, packet->height), &reader->expected)) return 0;
    if (flags & MOVES) read_motion(reader);
    if ((flags & (CODED | ALL_CODED)) == CODED && !read_skip_map(&reader->flags, &side->motion, side->rows, side->columns, side->coded)) return 0;
    if (flags & HAS_EXACT && !read_exact_map(&reader->flags, &side->motion, packet->motions[0], side->exact)) return 0;
    if (flags & GUARDED && !read_coded_steps(&reader->flags, (size_t)(side->rows * side->columns), side->coded, side->steps)) return 0;
    if (!end_flags(&reader->flags)) return 0;
  }
  keep_motion(&side->motion, side->exact, &reader->flags.counts, packet->number, packet->motions, kept_motion);
  release(start);
  return 1;
}
SMALL_END
