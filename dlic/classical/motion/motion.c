// What takes Python long about the motion of frames: reading it, and predicting with it. The code is that of the browsers' decoder;
// this file makes a module for `compiled.py` of it (`make web`).
#include "../../web/c/calls.h"
#include "../../web/c/side.h"

typedef u8 b16 __attribute__((vector_size(16), aligned(1)));

// RGB → RGBA. The last pixels are copied one by one, as 16 bytes from there on would reach beyond them.
static const u8 *with_alpha(const u8 *from, size_t count) {
  u8 *pixels = take(4 * count);
  size_t i = 0;
  if (!pixels) return fail(NO_MEMORY), NULL;
  for (; i + 6 <= count; i += 4) {
    b16 four_pixels = *(const b16 *)(from + 3 * i);
    *(b16 *)(pixels + 4 * i) = __builtin_shufflevector(four_pixels, four_pixels, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
  }
  for (; i < count; i++) memcpy(pixels + 4 * i, from + 3 * i, 3);
  return pixels;
}

// RGBA → RGB in place: what is written lies before what is still to be read.
static void without_alpha(u8 *pixels, size_t count) {
  size_t i = 0;
  for (; i + 6 <= count; i += 4) {
    b16 four_pixels = *(const b16 *)(pixels + 4 * i);
    *(b16 *)(pixels + 3 * i) = __builtin_shufflevector(four_pixels, four_pixels, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
  }
  for (; i < count; i++)
    for (int c = 0; c < 3; c++) pixels[3 * i + (size_t)c] = pixels[4 * i + (size_t)c];
}

// p (height, width, 3) from one reference or two of that shape; `second` is null for one. Of the motion: modes and splits (mh, mw),
// vectors (references, 2·mh, 2·mw, 2) and colours (mh, mw, 3).
EXPORT u8 *motion_predict(const u8 *first, const u8 *second, int width, int height, u8 *modes, u8 *split, Vector *vectors, u8 *colours) {
  size_t count = (size_t)width * (size_t)height;
  Motion motion = {(height + 15) / 16, (width + 15) / 16, second ? 2 : 1, modes, split, colours, {vectors, NULL}};
  motion.vectors[1] = vectors + 4 * motion.mh * motion.mw;
  u8 *pixels = take(4 * count);
  Frame frames[2] = {{with_alpha(first, count), width, height}, {second ? with_alpha(second, count) : NULL, width, height}};
  if (!pixels || !frames[0].pixels || (second && !frames[1].pixels)) return fail(NO_MEMORY), NULL;
  if (!predict(frames, &motion, pixels)) return NULL;
  without_alpha(pixels, count);
  return pixels;
}

// What a side stream says, in packets with `flags` (docs/format.md, section 9.2). Motions of references, of which there are one or two,
// are null for key frames.
EXPORT const Side *motion_side(const u8 *stream, size_t size, u32 flags, int width, int height, int number, int references, const FrameMotion *first,
                               const FrameMotion *second) {
  Packet packet = {.width = width, .height = height, .references = references, .number = number, .motions = {first, second}};
  Side *side = take(sizeof(Side));
  if (!side) return fail(NO_MEMORY), NULL;
  return read_side(&packet, stream, size, flags, side) ? side : NULL;
}

// The motion of the frame that was read last, for frames that refer to it.
EXPORT const FrameMotion *motion_kept(void) { return kept_motion; }

// How many contexts have counts in it.
EXPORT int motion_contexts(void) { return ALL_CONTEXTS; }
