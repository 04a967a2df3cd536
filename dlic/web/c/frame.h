// A packet of a frame that is predicted → its pixels (docs/format.md, section 9.2; `dlic/learned/sequence/packet.py`).
#pragma once
#include "alpha.h"
#include "packed.h"
#include "residual.h"
SMALL_BEGIN

enum { MOVES = 1, CODED = 2, ALL_CODED = 4, CODER = 8, HAS_EXACT = 16, GUARDED = 32, MAX_FRAME = 1 << 25 };
enum { SAME_ALPHA, ONE_ALPHA, WHOLE_ALPHA, ALPHA_DIFFERENCE };

typedef struct {
  const u8 *data;
  size_t size;
  int width, height, level, references, number;
  u32 crc;
  Frame frames[2];
  const FrameMotion *motions[2];  // of the references; null for key frames
} Packet;

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

// Motion, skip map, exact blocks and offsets from the side stream, if there is one.
static int read_side(const Packet *packet, const u8 *side, size_t size, u32 flags, Motion *motion, int rows, int columns, u8 *coded, u8 *exact, i16 *steps) {
  Mark start = mark();
  MotionReader *reader = take_zeros(sizeof(MotionReader));
  int some_are_coded = (flags & (CODED | ALL_CODED)) == CODED;
  if (!reader || !take_reader(reader, motion)) return fail(NO_MEMORY);
  first_counts(packet->motions, &reader->flags.counts);
  if (flags & (MOVES | HAS_EXACT | GUARDED) || some_are_coded) {
    if (!start_flags(&reader->flags, side, size, ALL_CONTEXTS)) return 0;
    if (flags & MOVES && !expect(packet->motions, packet->references, packet->number, macroblocks_of(packet->width, packet->height), &reader->expected)) return 0;
    if (flags & MOVES) read_motion(reader);
    if (some_are_coded && !read_skip_map(&reader->flags, motion, rows, columns, coded)) return 0;
    if (flags & HAS_EXACT && !read_exact_map(&reader->flags, motion, packet->motions[0], exact)) return 0;
    if (flags & GUARDED && !read_coded_steps(&reader->flags, (size_t)(rows * columns), coded, steps)) return 0;
    if (!end_flags(&reader->flags)) return 0;
  }
  keep_motion(motion, exact, &reader->flags.counts, packet->number, packet->motions, kept_motion);
  release(start);
  return 1;
}

static int check_packet(const Packet *packet) {
  if (packet->width < 1 || packet->height < 1 || (u64)packet->width * (u64)packet->height > MAX_FRAME) return fail("the frame is larger than this decoder shows");
  if (packet->level < 0 || packet->level >= LEVELS) return fail("the level is beyond those of the model");
  for (int r = 0; r < packet->references; r++) {
    const FrameMotion *motion = packet->motions[r];
    if ((motion ? motion->number : 0) == packet->number) return fail("a frame refers to itself");
    for (i32 i = 0; motion && i < motion->references; i++)
      if (motion->of[i] == motion->number) return fail("a frame refers to itself");
  }
  return model.slots ? 1 : fail("no weights were given");
}

// Pixels (height, width, RGBA), without transparency; null for a damaged packet.
NOINLINE u8 *decode_frame(const Packet *packet) {
  if (!check_packet(packet)) return NULL;
  Bytes from = {packet->data, 0, packet->size, 0};
  u32 flags = big_endian(&from, 1);
  int rows = (packet->height + SUPERBLOCK - 1) / SUPERBLOCK, columns = (packet->width + SUPERBLOCK - 1) / SUPERBLOCK;
  int some = (flags & CODED) != 0, whole = (flags & ALL_CODED) != 0, has_exact = (flags & HAS_EXACT) != 0, guarded = (flags & GUARDED) != 0;
  if (from.short_of || flags >= 2 * GUARDED || ((whole || guarded) && !some)) return fail("a frame is damaged, or coded in a way that this decoder does not know"), NULL;
  u64 length = flags & MOVES || some != whole || has_exact || guarded ? varint(&from) : 0;
  const u8 *side = length <= from.size ? take_bytes(&from, (size_t)length) : 0;
  u64 exact_length = side && has_exact ? varint(&from) : 0;
  const u8 *stream = exact_length <= from.size ? take_bytes(&from, (size_t)exact_length) : 0;
  if (!side || !stream || (from.at < from.size && !some)) return fail("a frame is damaged: its data are not as long as it says"), NULL;
  u8 *pixels = take(4 * (size_t)packet->width * (size_t)packet->height), *coded = take((size_t)(rows * columns)), *exact = take_zeros(macroblocks_of(packet->width, packet->height));
  i16 *steps = take_zeros((size_t)(rows * columns) * sizeof(i16));
  kept_motion = take(motion_size(packet->width, packet->height));
  Mark start = mark();
  Motion motion;
  if (!pixels || !coded || !exact || !steps || !kept_motion || !take_motion(&motion, packet->width, packet->height, packet->references)) return fail(NO_MEMORY), NULL;
  memset(coded, whole, (size_t)(rows * columns));
  if (!read_side(packet, side, (size_t)length, flags, &motion, rows, columns, coded, exact, steps)) return NULL;
  if (!predict(packet->frames, &motion, pixels)) return NULL;
  Packing packing = {0};
  if (has_exact && !read_packed(stream, (size_t)exact_length, exact, packet->width, packet->height, pixels, &packing)) return NULL;
  Residual residual = {pixels, packet->width, packet->height, packet->level, (int)(flags % HAS_EXACT / CODER), coded, steps, rows, columns};
  u32 crc = 0;
  size_t before = from.at;
  if (some) set_level(packet->level);
  if (!add_residual(&residual, from.data + before, from.size - before, &crc)) return NULL;
  if (!same_crc(crc32(packet->data, before, crc), packet->crc)) return fail("a frame is damaged: its symbols do not match their checksum"), NULL;
  if (has_exact) put_packed(&packing, exact, packet->width, pixels);
  release(start);
  return pixels;
}

// Transparency of a frame from what its packet begins with, into its pixels (RGBA). `reference`: pixels of the first one, or null.
static int decode_frame_alpha(const u8 *data, size_t size, int width, int height, const u8 *reference, u8 *pixels) {
  Bytes from = {data, 0, size, 0};
  size_t count = (size_t)width * (size_t)height;
  u32 method = big_endian(&from, 1);
  int same = method == SAME_ALPHA && reference && size == 1, one = method == ONE_ALPHA && size == 2;
  if (same || one) {
    for (size_t i = 0; i < count; i++) pixels[4 * i + 3] = same ? reference[4 * i + 3] : data[1];
    return 1;
  }
  if ((method != WHOLE_ALPHA && (method != ALPHA_DIFFERENCE || !reference)) || size < 5)
    return fail("the transparency of a frame is coded in a way that this decoder does not know");
  Bytes stored = {data, size - 4, size, 0};
  if (!same_crc(crc32(data, size - 4, 0), big_endian(&stored, 4))) return fail("the transparency of a frame is damaged: its checksum does not match");
  Mark start = mark();
  u8 *plane = take(count);
  from.size -= 4;
  if (!plane) return fail(NO_MEMORY);
  if (!read_lossless(&from, height, width, plane)) return 0;
  for (size_t i = 0; i < count; i++) pixels[4 * i + 3] = (u8)(plane[i] + (method == ALPHA_DIFFERENCE ? reference[4 * i + 3] : 0));
  release(start);
  return 1;
}
SMALL_END
