// The chunk of transparency (`dlic/formats/channels.py`): one value, a coded plane, or tiles of these.
#pragma once
#include "exact.h"
#include "lossless.h"
#include "wavelet.h"
SMALL_BEGIN

enum { ONE_VALUE, WITHOUT_LOSS, WITH_LOSS, IN_TILES };

typedef struct {
  int x, y, width, height;
} Part;

// One plane (height, width).
static int read_plane(Bytes *from, int height, int width, u8 *to) {
  u32 method = big_endian(from, 1);
  size_t size = (size_t)height * (size_t)width;
  if (method == ONE_VALUE && from->size - from->at == 1) return memset(to, (int)big_endian(from, 1), size), 1;
  if (method == WITHOUT_LOSS) return read_lossless(from, height, width, to);
  if (method == WITH_LOSS) return read_wavelet(from, height, width, to);
  return fail("the transparency is coded in a way that this decoder does not know");
}

// A plane at (left, top) of the picture → what of it lies in the part.
static int read_into(Bytes *from, int left, int top, int width, int height, const Part *part, u8 *to) {
  int x = left > part->x ? left : part->x, y = top > part->y ? top : part->y;
  int right = left + width < part->x + part->width ? left + width : part->x + part->width;
  int bottom = top + height < part->y + part->height ? top + height : part->y + part->height;
  if (x >= right || y >= bottom) return 1;
  Mark start = mark();
  u8 *plane = take((size_t)height * (size_t)width);
  if (!plane) return fail(NO_MEMORY);
  if (!read_plane(from, height, width, plane)) return 0;
  for (int row = y; row < bottom; row++)
    memcpy(to + (size_t)(row - part->y) * (size_t)part->width + (size_t)(x - part->x),
           plane + (size_t)(row - top) * (size_t)width + (size_t)(x - left), (size_t)(right - x));
  release(start);
  return 1;
}

static int read_alpha_tiles(Bytes *from, int width, int height, const Part *part, u8 *to) {
  u64 side = varint(from);
  if (side < UNIT || side > MAX_SIDE || side % UNIT) return fail("the transparency is damaged: tiles cannot have this side");
  u32 columns = parts((u32)width, (u32)side), rows = parts((u32)height, (u32)side);
  u64 count = (u64)columns * rows, total = 0;
  if (count > from->size) return fail("the transparency is damaged: it cannot hold its tiles");
  Bytes lengths = *from;
  for (u64 i = 0; i < count; i++) total += varint(from);
  if (from->short_of || total != from->size - from->at) return fail("the transparency is damaged: its tiles are not as long as it says");
  for (u32 i = 0; i < count; i++) {
    size_t length = (size_t)varint(&lengths);
    Bytes tile = {take_bytes(from, length), 0, length, 0};
    int x = (int)border((u32)width, columns, i % columns), y = (int)border((u32)height, rows, i / columns);
    int right = (int)border((u32)width, columns, i % columns + 1), bottom = (int)border((u32)height, rows, i / columns + 1);
    if (!read_into(&tile, x, y, right - x, bottom - y, part, to)) return 0;
  }
  return 1;
}

// Transparency of a part of a picture: (part height, part width); null for a damaged chunk.
static u8 *read_alpha(const u8 *data, size_t size, int width, int height, const Part *part) {
  Bytes from = {data, 0, size, 0};
  u8 *plane = take((size_t)part->width * (size_t)part->height);
  if (!plane) return fail(NO_MEMORY), NULL;
  if (!size) return fail("the transparency is damaged: it is empty"), NULL;
  if (data[0] == IN_TILES) return from.at = 1, read_alpha_tiles(&from, width, height, part, plane) ? plane : NULL;
  if (data[0] == ONE_VALUE) return read_plane(&from, part->height, part->width, plane) ? plane : NULL;
  return read_into(&from, 0, 0, width, height, part, plane) ? plane : NULL;
}
SMALL_END
