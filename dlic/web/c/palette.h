// Pixels in few colours: a palette and its indices by LZMA (docs/format.md, section 8.3), or WebP lossless.
#pragma once
#include "lzma.h"
#include "vp8l.h"
SMALL_BEGIN

enum { PALETTE_GROUP = 256, MOST_COLOURS = 1 << 16 };

static u32 *palette_colours(const u8 *steps, u32 colours, u32 channels) {
  u32 *argb = take((size_t)colours * sizeof(u32));
  static const int place[4] = {2, 1, 0, 3};  // of red, green, blue and alpha
  for (u32 i = 0; argb && i < colours; i++) argb[i] = channels == 3 ? 0xff000000u : 0;
  for (u32 c = 0; argb && c < channels; c++)
    for (u32 i = 0, value = 0; i < colours; i++) value = (value + steps[(size_t)c * colours + i]) & 255, argb[i] |= value << 8 * place[c];
  return argb;
}

// ARGB of a stream; null for a damaged one.
static u32 *read_palette(const u8 *data, size_t size, u32 width, u32 height, int may_be_clear) {
  Bytes from = {data, 0, size, 0};
  u32 channels = big_endian(&from, 1);
  u64 colours = varint(&from);
  if (channels > (may_be_clear ? 4 : 3) || from.short_of || !colours || colours > MOST_COLOURS)
    return fail("a palette in the file is damaged, or transparent where nothing may be"), NULL;
  size_t count = (size_t)width * height, wide = colours > PALETTE_GROUP, before = channels * (size_t)colours;
  u32 *pixels = take(count * sizeof(u32));
  u8 *plain = pixels ? unlzma(data + from.at, size - from.at, (int)wide, before + (count << wide)) : 0;
  u32 *argb = plain ? palette_colours(plain, (u32)colours, channels) : 0;
  if (!argb) return fail("a picture of few colours in the file is damaged"), NULL;
  for (size_t i = 0; i < count; i++) {
    const u8 *at = plain + before + (i << wide);
    u32 index = wide ? (u32)at[0] << 8 | at[1] : at[0];
    if (index >= colours) return fail("a picture in the file has colours that are not in its palette"), NULL;
    pixels[i] = argb[index];
  }
  return pixels;
}

// ARGB of either kind of stream.
static u32 *read_repeating(const u8 *data, size_t size, u32 width, u32 height, int may_be_clear) {
  if (size && (data[0] == 3 || data[0] == 4)) return read_palette(data, size, width, height, may_be_clear);
  return read_vp8l(data, size, width, height, may_be_clear);
}
SMALL_END
