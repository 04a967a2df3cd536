// Exact blocks (docs/format.md, section 8): a mask of blocks of 16 × 16 pixels, and pieces of pixels that repeat.
#pragma once
#include "container.h"
#include "palette.h"
SMALL_BEGIN

enum { EXACT_BLOCK = 16, MAX_BLOCKS_OF_MASK = 1 << 22, MAX_EXACT_SIDE = 8192, MASK_CONTEXTS = 18, MASK_RATE = 4 };

typedef struct {
  u32 x, y, width, height;
} Area;

// Which blocks are exact: (rows, columns), with a border of zeros on the left, above and on the right.
static int read_mask(const u8 *data, size_t size, u32 rows, u32 columns, u8 *mask) {
  RangeCoder coder = range_coder(data, size);
  u16 chances[MASK_CONTEXTS];
  u32 line = columns + 2, repeated = 0;
  for (int i = 0; i < MASK_CONTEXTS; i++) chances[i] = CHANCE_HALF;
  for (u32 y = 0; y < rows; y++) {
    u8 *row = mask + (size_t)(y + 1) * line + 1, *above = row - line;
    repeated = range_bit(&coder, &chances[16 + repeated], MASK_RATE);
    for (u32 x = 0; x < columns; x++) {
      const u8 *b = above + x;
      row[x] = repeated ? *b : (u8)range_bit(&coder, &chances[row[(i64)x - 1] + 2u * b[-1] + 4u * b[0] + 8u * b[1]], MASK_RATE);
    }
  }
  if (size && !data[size - 1]) return fail("the mask of exact blocks is damaged: it ends in a zero");
  return coder.at >= size ? 1 : fail("the mask of exact blocks is damaged: it holds more than its blocks");
}

// The smallest rectangle that holds the exact blocks of a piece; of no width where there are none.
static Area exact_area(const u8 *mask, u32 columns, const Area *piece) {
  u32 left = piece->width, top = piece->height, right = 0, bottom = 0, line = columns + 2;
  for (u32 y = 0; y < piece->height; y += EXACT_BLOCK)
    for (u32 x = 0; x < piece->width; x += EXACT_BLOCK) {
      if (!mask[(size_t)((piece->y + y) / EXACT_BLOCK + 1) * line + (piece->x + x) / EXACT_BLOCK + 1]) continue;
      u32 behind = (u32)smaller(x + EXACT_BLOCK, piece->width), below = (u32)smaller(y + EXACT_BLOCK, piece->height);
      left = x < left ? x : left, top = y < top ? y : top, right = behind > right ? behind : right, bottom = below > bottom ? below : bottom;
    }
  return right ? (Area){piece->x + left, piece->y + top, right - left, bottom - top} : (Area){0};
}

// Exact pixels of an area that lie in the part → RGBA.
static void paste(const u32 *argb, const Area *area, const u8 *mask, u32 columns, const Area *part, u32 *to) {
  for (u32 y = 0; y < area->height; y++)
    for (u32 x = 0; x < area->width; x++) {
      u32 px = area->x + x, py = area->y + y;
      if (px < part->x || py < part->y || px >= part->x + part->width || py >= part->y + part->height) continue;
      if (!mask[(size_t)(py / EXACT_BLOCK + 1) * (columns + 2) + px / EXACT_BLOCK + 1]) continue;
      u32 value = argb[(size_t)y * area->width + x];
      if (!(value >> 24)) continue;  // clear: the network's
      to[(size_t)(py - part->y) * part->width + (px - part->x)] = 0xff000000u | channel(value, 2) | channel(value, 1) << 8 | channel(value, 0) << 16;
    }
}

static int meets(const Area *a, const Area *b) {
  return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height && b->y < a->y + a->height;
}

static int read_pieces(Bytes *from, int whole, u32 side, u32 width, u32 height, const u8 *mask, u32 columns, const Area *part, u32 *to) {
  u32 across = parts(width, side), down = parts(height, side);
  if ((u64)across * down > MAX_TILES) return fail("the layer of exact blocks is damaged: it would have too many pieces");
  for (u32 i = 0; i < across * down; i++) {
    u32 x = border(width, across, i % across), y = border(height, down, i / across);
    Area piece = {x, y, border(width, across, i % across + 1) - x, border(height, down, i / across + 1) - y};
    Area area = exact_area(mask, columns, &piece);
    if (!area.width) continue;
    u64 length = varint(from);
    const u8 *stream = length <= from->size ? take_bytes(from, (size_t)length) : 0;
    if (!stream) return fail("the layer of exact blocks is damaged: it ends too early");
    if (!meets(&area, part)) continue;
    Mark start = mark();
    u32 *argb = read_repeating(stream, (size_t)length, area.width, area.height, !whole);
    if (!argb) return 0;
    paste(argb, &area, mask, columns, part, to);
    release(start);
  }
  return from->at == from->size && !from->short_of ? 1 : fail("the layer of exact blocks is damaged: more follows its last piece");
}

// RGBA of the exact pixels of a part of the picture, clear elsewhere; null for a damaged layer. A whole picture has no clear pixels.
static u32 *read_exact(const u8 *data, size_t size, int whole, u32 width, u32 height, const Area *part) {
  Bytes from = {data, 0, size, 0};
  u32 method = big_endian(&from, 1), columns = (width + EXACT_BLOCK - 1) / EXACT_BLOCK, rows = (height + EXACT_BLOCK - 1) / EXACT_BLOCK;
  u64 side = varint(&from), length = method == 1 ? varint(&from) : 0;
  if (method > 1 || side < UNIT || side > MAX_EXACT_SIDE || side % UNIT || (u64)columns * rows > MAX_BLOCKS_OF_MASK)
    return fail("the layer of exact blocks is damaged, or of a kind that this decoder does not know"), NULL;
  const u8 *coded = length <= from.size ? take_bytes(&from, (size_t)length) : 0;
  if (!coded) return fail("the layer of exact blocks is damaged: its mask is not whole"), NULL;
  u32 *to = take_zeros((size_t)part->width * part->height * 4);
  u8 *mask = take_zeros((size_t)(rows + 1) * (columns + 2));
  if (!to || !mask) return fail(NO_MEMORY), NULL;
  if (method == 0)
    for (u32 y = 0; y < rows; y++) memset(mask + (size_t)(y + 1) * (columns + 2) + 1, 1, columns);
  else if (!read_mask(coded, (size_t)length, rows, columns, mask))
    return NULL;
  return read_pieces(&from, whole, (u32)side, width, height, mask, columns, part, to) ? to : NULL;
}
SMALL_END
