// A packet of a frame that is predicted → its pixels (docs/format.md, section 9.2; `dlic/learned/sequence/packet.py`).
#pragma once
#include "alpha.h"
#include "packed.h"
#include "residual.h"
#include "side.h"
SMALL_BEGIN

enum { SAME_ALPHA, ONE_ALPHA, WHOLE_ALPHA, ALPHA_DIFFERENCE };

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
  int some = (flags & CODED) != 0, whole = (flags & ALL_CODED) != 0, has_exact = (flags & HAS_EXACT) != 0, guarded = (flags & GUARDED) != 0;
  if (from.short_of || flags >= 2 * GUARDED || ((whole || guarded) && !some)) return fail("a frame is damaged, or coded in a way that this decoder does not know"), NULL;
  u64 length = has_side(flags) ? varint(&from) : 0;
  const u8 *stream_of_side = length <= from.size ? take_bytes(&from, (size_t)length) : 0;
  u64 exact_length = stream_of_side && has_exact ? varint(&from) : 0;
  const u8 *stream = exact_length <= from.size ? take_bytes(&from, (size_t)exact_length) : 0;
  if (!stream_of_side || !stream || (from.at < from.size && !some)) return fail("a frame is damaged: its data are not as long as it says"), NULL;
  u8 *pixels = take(4 * (size_t)packet->width * (size_t)packet->height);
  Side side;
  if (!pixels) return fail(NO_MEMORY), NULL;
  if (!read_side(packet, stream_of_side, (size_t)length, flags, &side)) return NULL;
  Mark start = mark();
  if (!predict(packet->frames, &side.motion, pixels)) return NULL;
  Packing packing = {0};
  if (has_exact && !read_packed(stream, (size_t)exact_length, side.exact, packet->width, packet->height, pixels, &packing)) return NULL;
  Residual residual = {pixels, packet->width, packet->height, packet->level, (int)(flags % HAS_EXACT / CODER), side.coded, side.steps, side.rows, side.columns};
  u32 crc = 0;
  size_t before = from.at;
  if (some) set_level(packet->level);
  if (!add_residual(&residual, from.data + before, from.size - before, &crc)) return NULL;
  if (!same_crc(crc32(packet->data, before, crc), packet->crc)) return fail("a frame is damaged: its symbols do not match their checksum"), NULL;
  if (has_exact) put_packed(&packing, side.exact, packet->width, pixels);
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
