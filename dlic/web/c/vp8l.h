// WebP lossless streams (VP8L, RFC 9649): exact blocks, and transparency with sharp edges.
#pragma once
#include "bytes.h"
SMALL_BEGIN

enum { VP8L_CODES = 5, VP8L_LONGEST = 15, VP8L_MOST_SYMBOLS = 280 + (1 << 11), GREEN = 0, RED, BLUE, OPACITY, DISTANCE };
enum { PREDICTOR, CROSS_COLOUR, SUBTRACT_GREEN, PALETTE };

// Bits from the lowest of each byte on; beyond the end they are 0, and `over` is set.
typedef struct {
  const u8 *data;
  size_t at, size;  // in bits
  int over;
} LowBits;

INLINE u32 low_bit(LowBits *bits) {
  if (bits->at >= bits->size) return bits->over = 1, 0;
  u32 value = bits->data[bits->at / 8] >> bits->at % 8 & 1;
  bits->at++;
  return value;
}

static u32 low_bits(LowBits *bits, u32 count) {
  u32 value = 0;
  for (u32 i = 0; i < count; i++) value |= low_bit(bits) << i;
  return value;
}

typedef struct {
  u16 count[VP8L_LONGEST + 1];
  u16 *symbols;  // in the order of their codes
  int single;    // the only symbol, which takes no bits; −1: several
} Vp8lCode;

static int make_code(Vp8lCode *code, const u8 *lengths, u32 size) {
  u32 used = 0, spans = 0, place = 0;
  memset(code, 0, sizeof *code);
  code->single = -1;
  for (u32 s = 0; s < size; s++)
    if (lengths[s]) used++, spans += 1u << (VP8L_LONGEST - lengths[s]), code->count[lengths[s]]++, code->single = (int)s;
  if (!used) return code->single = 0, 1;
  if (used == 1) return 1;
  code->single = -1;
  if (spans != 1u << VP8L_LONGEST || !(code->symbols = take(used * sizeof(u16)))) return 0;
  for (u32 length = 1; length <= VP8L_LONGEST; length++)
    for (u32 s = 0; s < size; s++)
      if (lengths[s] == length) code->symbols[place++] = (u16)s;
  return 1;
}

NOINLINE u32 vp8l_symbol(const Vp8lCode *code, LowBits *bits) {
  if (code->single >= 0) return (u32)code->single;
  i32 word = 0, first = 0, index = 0;
  for (int length = 1; length <= VP8L_LONGEST; length++) {
    word |= (i32)low_bit(bits);
    i32 count = code->count[length];
    if (word - first < count) return code->symbols[index + word - first];
    index += count, first = (first + count) << 1, word <<= 1;
  }
  return bits->over = 1, 0;
}

static int read_code(Vp8lCode *code, LowBits *bits, u32 size) {
  static const u8 order[19] = {17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  u8 lengths[VP8L_MOST_SYMBOLS] = {0}, outer[19] = {0};
  if (low_bit(bits)) {  // one or two symbols
    u32 two = low_bit(bits), wide = low_bit(bits), first = low_bits(bits, wide ? 8 : 1);
    if (first >= size) return 0;
    lengths[first] = 1;
    if (two) {
      u32 second = low_bits(bits, 8);
      if (second >= size) return 0;
      lengths[second] = 1;
    }
    return make_code(code, lengths, size);
  }
  u32 count = 4 + low_bits(bits, 4), left = size, previous = 8;
  for (u32 i = 0; i < count; i++) outer[order[i]] = (u8)low_bits(bits, 3);
  Mark start = mark();
  Vp8lCode of_lengths;
  if (!make_code(&of_lengths, outer, 19)) return 0;
  if (low_bit(bits)) {
    u32 width = 2 + 2 * low_bits(bits, 3);
    left = 2 + low_bits(bits, width);
    if (left > size) return 0;
  }
  for (u32 s = 0; s < size && left && !bits->over; left--) {
    u32 symbol = vp8l_symbol(&of_lengths, bits);
    if (symbol < 16) {
      lengths[s++] = (u8)symbol;
      if (symbol) previous = symbol;
      continue;
    }
    u32 repeat = symbol == 16 ? 3 + low_bits(bits, 2) : symbol == 17 ? 3 + low_bits(bits, 3) : 11 + low_bits(bits, 7);
    if (repeat > size - s) return 0;
    while (repeat--) lengths[s++] = symbol == 16 ? (u8)previous : 0;
  }
  release(start);
  return !bits->over && make_code(code, lengths, size);
}

// A length or distance from its prefix.
static u32 vp8l_number(LowBits *bits, u32 prefix) {
  if (prefix < 4) return prefix + 1;
  u32 more = (prefix - 2) >> 1;
  return ((2 + (prefix & 1)) << more) + low_bits(bits, more) + 1;
}

// How far back a copy begins: small codes are places nearby, in the order of their distance.
static u64 vp8l_distance(u32 code, u32 width) {
  static const u8 nearby[120] = {
      0x18, 0x07, 0x17, 0x19, 0x28, 0x06, 0x27, 0x29, 0x16, 0x1a, 0x26, 0x2a, 0x38, 0x05, 0x37, 0x39, 0x15, 0x1b, 0x36, 0x3a,
      0x25, 0x2b, 0x48, 0x04, 0x47, 0x49, 0x14, 0x1c, 0x35, 0x3b, 0x46, 0x4a, 0x24, 0x2c, 0x58, 0x45, 0x4b, 0x34, 0x3c, 0x03,
      0x57, 0x59, 0x13, 0x1d, 0x56, 0x5a, 0x23, 0x2d, 0x44, 0x4c, 0x55, 0x5b, 0x33, 0x3d, 0x68, 0x02, 0x67, 0x69, 0x12, 0x1e,
      0x66, 0x6a, 0x22, 0x2e, 0x54, 0x5c, 0x43, 0x4d, 0x65, 0x6b, 0x32, 0x3e, 0x78, 0x01, 0x77, 0x79, 0x53, 0x5d, 0x11, 0x1f,
      0x64, 0x6c, 0x42, 0x4e, 0x76, 0x7a, 0x21, 0x2f, 0x75, 0x7b, 0x31, 0x3f, 0x63, 0x6d, 0x52, 0x5e, 0x00, 0x74, 0x7c, 0x41,
      0x4f, 0x10, 0x20, 0x62, 0x6e, 0x30, 0x73, 0x7d, 0x51, 0x5f, 0x40, 0x72, 0x7e, 0x61, 0x6f, 0x50, 0x71, 0x7f, 0x60, 0x70};
  if (code > 120) return code - 120;
  i64 distance = (i64)(nearby[code - 1] >> 4) * width + 8 - (nearby[code - 1] & 15);
  return distance < 1 ? 1 : (u64)distance;
}

static u32 *vp8l_image(LowBits *bits, u32 width, u32 height, int top);

typedef struct {
  u32 cache_bits, *cache;
  u32 tile_bits, tiles_across, *tiles;  // which codes the pixels of a tile have; null: all the same
  Vp8lCode *codes;                      // five for each group
} Vp8lCodes;

static int read_codes(Vp8lCodes *codes, LowBits *bits, u32 width, u32 height, int top) {
  *codes = (Vp8lCodes){0};
  if (low_bit(bits) && ((codes->cache_bits = low_bits(bits, 4)) < 1 || codes->cache_bits > 11)) return 0;
  u32 groups = 1;
  if (top && low_bit(bits)) {
    codes->tile_bits = low_bits(bits, 3) + 2;
    codes->tiles_across = (width + (1u << codes->tile_bits) - 1) >> codes->tile_bits;
    u32 down = (height + (1u << codes->tile_bits) - 1) >> codes->tile_bits;
    if (!(codes->tiles = vp8l_image(bits, codes->tiles_across, down, 0))) return 0;
    for (u32 i = 0; i < codes->tiles_across * down; i++) {
      codes->tiles[i] = codes->tiles[i] >> 8 & 0xffff;
      if (codes->tiles[i] >= groups) groups = codes->tiles[i] + 1;
    }
  }
  u32 sizes[VP8L_CODES] = {280 + (codes->cache_bits ? 1u << codes->cache_bits : 0), 256, 256, 256, 40};
  codes->codes = take((size_t)groups * VP8L_CODES * sizeof(Vp8lCode));
  codes->cache = codes->cache_bits ? take_zeros(sizeof(u32) << codes->cache_bits) : 0;
  if (!codes->codes || (codes->cache_bits && !codes->cache)) return 0;
  for (u32 i = 0; i < groups * VP8L_CODES; i++)
    if (!read_code(&codes->codes[i], bits, sizes[i % VP8L_CODES])) return 0;
  return 1;
}

INLINE void remember(Vp8lCodes *codes, u32 argb) {
  if (codes->cache) codes->cache[0x1e35a7bdu * argb >> (32 - codes->cache_bits)] = argb;
}

// The pixels of an image before its transforms are undone: entropy-coded, copied or from the cache.
static u32 *vp8l_image(LowBits *bits, u32 width, u32 height, int top) {
  size_t count = (size_t)width * height, done = 0;
  u32 *pixels = take(count * sizeof(u32));
  Vp8lCodes codes;
  if (!pixels || !read_codes(&codes, bits, width, height, top)) return NULL;
  while (done < count && !bits->over) {
    u32 x = (u32)(done % width), y = (u32)(done / width);
    u32 group = codes.tiles ? codes.tiles[(size_t)(y >> codes.tile_bits) * codes.tiles_across + (x >> codes.tile_bits)] : 0;
    const Vp8lCode *code = &codes.codes[(size_t)group * VP8L_CODES];
    u32 symbol = vp8l_symbol(&code[GREEN], bits);
    if (symbol < 256) {
      u32 red = vp8l_symbol(&code[RED], bits), blue = vp8l_symbol(&code[BLUE], bits), opacity = vp8l_symbol(&code[OPACITY], bits);
      pixels[done] = opacity << 24 | red << 16 | symbol << 8 | blue;
      remember(&codes, pixels[done++]);
    } else if (symbol < 280) {
      u32 length = vp8l_number(bits, symbol - 256);
      u64 distance = vp8l_distance(vp8l_number(bits, vp8l_symbol(&code[DISTANCE], bits)), width);
      if (distance > done || length > count - done) return NULL;
      while (length--) pixels[done] = pixels[done - (size_t)distance], remember(&codes, pixels[done++]);
    } else {
      pixels[done] = codes.cache[symbol - 280];
      remember(&codes, pixels[done++]);
    }
  }
  return bits->over ? NULL : pixels;
}

// --- transforms ------------------------------------------------------------------------------------------------------------

INLINE u32 channel(u32 argb, int c) { return argb >> 8 * c & 255; }

INLINE u32 added(u32 a, u32 b) { return (((a & 0xff00ff00u) + (b & 0xff00ff00u)) & 0xff00ff00u) | (((a & 0xff00ffu) + (b & 0xff00ffu)) & 0xff00ffu); }

INLINE u32 average(u32 a, u32 b) { return (((a ^ b) & 0xfefefefeu) >> 1) + (a & b); }

static u32 clamped(u32 a, u32 b, u32 c, int halved) {
  u32 result = 0;
  for (int n = 0; n < 4; n++) {
    i32 x = (i32)channel(a, n), y = (i32)channel(b, n), value = halved ? x + (x - y) / 2 : x + y - (i32)channel(c, n);
    result |= (u32)(value < 0 ? 0 : value > 255 ? 255 : value) << 8 * n;
  }
  return result;
}

static u32 selected(u32 l, u32 t, u32 tl) {
  i32 to_left = 0, to_top = 0;
  for (int n = 0; n < 4; n++) {
    i32 a = (i32)channel(t, n) - (i32)channel(tl, n), b = (i32)channel(l, n) - (i32)channel(tl, n);
    to_left += a < 0 ? -a : a, to_top += b < 0 ? -b : b;
  }
  return to_left < to_top ? l : t;
}

static u32 predicted_argb(u32 mode, u32 l, u32 t, u32 tr, u32 tl) {
  switch (mode) {
    case 1: return l;
    case 2: return t;
    case 3: return tr;
    case 4: return tl;
    case 5: return average(average(l, tr), t);
    case 6: return average(l, tl);
    case 7: return average(l, t);
    case 8: return average(tl, t);
    case 9: return average(t, tr);
    case 10: return average(average(l, tl), average(t, tr));
    case 11: return selected(l, t, tl);
    case 12: return clamped(l, t, tl, 0);
    case 13: return clamped(average(l, t), tl, 0, 1);
    default: return 0xff000000u;
  }
}

typedef struct {
  u32 kind, bits, width, *data, size;  // width: of the image that it gives
} Vp8lTransform;

static void undo_prediction(const Vp8lTransform *transform, u32 *pixels, u32 width, u32 height) {
  u32 across = (width + (1u << transform->bits) - 1) >> transform->bits;
  for (u32 y = 0; y < height; y++)
    for (u32 x = 0; x < width; x++) {
      u32 *p = pixels + (size_t)y * width + x, predicted;
      if (!y) predicted = x ? p[-1] : 0xff000000u;
      else if (!x) predicted = p[-(i64)width];
      else {
        u32 mode = transform->data[(size_t)(y >> transform->bits) * across + (x >> transform->bits)] >> 8 & 15;
        const u32 *above = p - width;
        predicted = predicted_argb(mode, p[-1], above[0], above[1], above[-1]);
      }
      *p = added(*p, predicted);
    }
}

INLINE i32 scaled(u32 factor, u32 value) { return ((i32)(int8_t)factor * (i32)(int8_t)value) >> 5; }

static void undo_colours(const Vp8lTransform *transform, u32 *pixels, u32 width, u32 height) {
  u32 across = (width + (1u << transform->bits) - 1) >> transform->bits;
  for (u32 y = 0; y < height; y++)
    for (u32 x = 0; x < width; x++) {
      u32 *p = pixels + (size_t)y * width + x, green = channel(*p, 1), red = channel(*p, 2), blue = channel(*p, 0);
      if (transform->kind == SUBTRACT_GREEN) {
        red += green, blue += green;
      } else {
        u32 factors = transform->data[(size_t)(y >> transform->bits) * across + (x >> transform->bits)];
        red = (red + (u32)scaled(channel(factors, 0), green)) & 255;
        blue += (u32)scaled(channel(factors, 1), green) + (u32)scaled(channel(factors, 2), red);
      }
      *p = (*p & 0xff00ff00u) | (red & 255) << 16 | (blue & 255);
    }
}

// Indices, several in a pixel where the palette is small → colours.
static u32 *undo_palette(const Vp8lTransform *transform, const u32 *pixels, u32 packed, u32 height) {
  u32 width = transform->width, each = 8 >> transform->bits, mask = (1u << transform->bits) - 1;
  u32 *to = take((size_t)width * height * sizeof(u32));
  for (u32 y = 0; to && y < height; y++)
    for (u32 x = 0; x < width; x++) {
      u32 green = channel(pixels[(size_t)y * packed + (x >> transform->bits)], 1), index = green >> each * (x & mask) & ((1u << each) - 1);
      to[(size_t)y * width + x] = index < transform->size ? transform->data[index] : 0;
    }
  return to;
}

static int read_transform(Vp8lTransform *transform, LowBits *bits, u32 *width, u32 height) {
  transform->width = *width;
  if (transform->kind == PALETTE) {
    transform->size = low_bits(bits, 8) + 1;
    if (!(transform->data = vp8l_image(bits, transform->size, 1, 0))) return 0;
    for (u32 i = 1; i < transform->size; i++) transform->data[i] = added(transform->data[i], transform->data[i - 1]);
    transform->bits = transform->size <= 2 ? 3 : transform->size <= 4 ? 2 : transform->size <= 16 ? 1 : 0;
    *width = (*width + (1u << transform->bits) - 1) >> transform->bits;
  } else if (transform->kind != SUBTRACT_GREEN) {
    transform->bits = low_bits(bits, 3) + 2;
    u32 side = 1u << transform->bits;
    transform->data = vp8l_image(bits, (*width + side - 1) >> transform->bits, (height + side - 1) >> transform->bits, 0);
    if (!transform->data) return 0;
  }
  return 1;
}

// ARGB of a stream that must be of this size; null for a damaged one. All is opaque if the stream says so, or must be.
static u32 *read_vp8l(const u8 *data, size_t size, u32 width, u32 height, int may_be_clear) {
  LowBits bits = {data, 0, 8 * size, 0};
  int right = low_bits(&bits, 8) == 0x2f && low_bits(&bits, 14) + 1 == width && low_bits(&bits, 14) + 1 == height, clear = (int)low_bit(&bits);
  if (!right || (clear && !may_be_clear) || low_bits(&bits, 3))
    return fail("a WebP lossless stream in the file has another size, or is transparent"), NULL;
  Vp8lTransform transforms[4] = {{0}};
  u32 count = 0, seen = 0, packed = width;
  while (low_bit(&bits)) {
    u32 kind = low_bits(&bits, 2);
    if (seen >> kind & 1 || count == 4) return fail("a WebP lossless stream in the file is damaged"), NULL;
    seen |= 1u << kind, transforms[count].kind = kind;
    if (!read_transform(&transforms[count++], &bits, &packed, height)) return fail("a WebP lossless stream in the file is damaged"), NULL;
  }
  u32 *pixels = bits.over ? 0 : vp8l_image(&bits, packed, height, 1);
  if (!pixels) return fail("a WebP lossless stream in the file is damaged"), NULL;
  while (count--) {
    const Vp8lTransform *transform = &transforms[count];
    if (transform->kind == PREDICTOR) undo_prediction(transform, pixels, packed, height);
    else if (transform->kind != PALETTE) undo_colours(transform, pixels, packed, height);
    else if (!(pixels = undo_palette(transform, pixels, packed, height))) return fail(NO_MEMORY), NULL;
    else packed = transform->width;
  }
  for (size_t i = 0; i < (size_t)width * height && !clear; i++) pixels[i] |= 0xff000000u;
  return pixels;
}
SMALL_END
