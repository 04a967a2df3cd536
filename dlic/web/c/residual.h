// The residual of a frame: areas of coded superblocks through the network of frames (docs/format.md, section 9.5).
#pragma once
#include "known.h"
#include "offsets.h"
#include "synthesis.h"

enum { WORTH = 4 };

// A frame while its residual is added.
typedef struct {
  u8 *pixels;  // (height, width, RGBA)
  int width, height, level, coder;
  const u8 *coded;  // superblocks (rows, columns)
  const i16 *steps;  // of their offsets
  int rows, columns;
} Residual;

// --- areas -----------------------------------------------------------------------------------------------------------------

SMALL_BEGIN
static int any_coded(const Residual *residual, const Rectangle *part) {
  for (int y = part->y; y < part->y + part->height; y++)
    for (int x = part->x; x < part->x + part->width; x++)
      if (residual->coded[y * residual->columns + x]) return 1;
  return 0;
}

// Shrinks a rectangle to its coded superblocks, of which there is one at least.
static Rectangle shrunk(const Residual *residual, Rectangle part) {
  while (!any_coded(residual, &(Rectangle){part.x, part.y, part.width, 1})) part.y++, part.height--;
  while (!any_coded(residual, &(Rectangle){part.x, part.y + part.height - 1, part.width, 1})) part.height--;
  while (!any_coded(residual, &(Rectangle){part.x, part.y, 1, part.height})) part.x++, part.width--;
  while (!any_coded(residual, &(Rectangle){part.x + part.width - 1, part.y, 1, part.height})) part.width--;
  return part;
}

// The widest run of rows, or of columns, without a coded superblock; the first of equals. Returns its length.
static int widest_gap(const Residual *residual, const Rectangle *box, int columns, int *start) {
  int widest = 0, run = 0, count = columns ? box->width : box->height;
  for (int i = 0; i < count; i++) {
    Rectangle line = columns ? (Rectangle){box->x + i, box->y, 1, box->height} : (Rectangle){box->x, box->y + i, box->width, 1};
    run = any_coded(residual, &line) ? 0 : run + 1;
    if (run > widest) widest = run, *start = i - run + 1;
  }
  return widest;
}

// Divides a box in two; returns whether it is to be divided.
static int divide(const Residual *residual, const Rectangle *box, Rectangle parts[2]) {
  int y = 0, x = 0, down = widest_gap(residual, box, 0, &y), right = widest_gap(residual, box, 1, &x);
  int rows = down * box->width, columns = right * box->height;
  parts[0] = parts[1] = *box;
  if (rows < WORTH && columns < WORTH) return 0;
  if (rows >= columns) parts[0].height = y, parts[1].y += y + down, parts[1].height -= y + down;
  else parts[0].width = x, parts[1].x += x + right, parts[1].width -= x + right;
  return 1;
}

// The areas of a frame, in superblocks, in their order; at most as many as superblocks. Returns their number.
static int find_areas(const Residual *residual, Rectangle *waiting, Rectangle *areas) {
  int count = 0, left = 1;
  waiting[0] = (Rectangle){0, 0, residual->columns, residual->rows};
  while (left) {
    Rectangle part = waiting[--left], parts[2];
    if (!any_coded(residual, &part)) continue;
    part = shrunk(residual, part);
    if (divide(residual, &part, parts)) waiting[left++] = parts[1], waiting[left++] = parts[0];
    else areas[count++] = part;
  }
  return count;
}
SMALL_END

// --- pixels ----------------------------------------------------------------------------------------------------------------

// Four residuals of a colour, which is `shift` bits up in a pixel, and the colours of the pixels → those of the sum.
INLINE i4 summed(f4 residual, i4 pixels, int shift) {
  f4 colours = __builtin_convertvector(pixels >> shift & 255, f4);
  return __builtin_convertvector(min4(max4(residual + colours, splat4(0.0f)), splat4(255.0f)), i4) << shift;
}

// Adds a block of 8×8 residuals (row, colour, column), and an offset, to as many pixels as lie in the frame.
NOINLINE void add_residuals(const float *block, float offset, int columns, int rows, u8 *to, size_t line) {
  f4 shift = splat4(model.known.channels ? offset : offset - 128.0f);  // residuals of pictures are around grey
  for (int r = 0; r < rows; r++, to += line, block += 24) {
    i4 pixels[2] = {{0}};
    memcpy(pixels, to, 4 * (size_t)columns);
    for (int side = 0; side < 2; side++) {
      const float *at = block + 4 * side;
      f4 red = load4(at) + shift, green = load4(at + 8) + shift, blue = load4(at + 16) + shift;
      i4 sum = summed(red, pixels[side], 0) | summed(green, pixels[side], 8) | summed(blue, pixels[side], 16);
      pixels[side] = sum | (pixels[side] & -(1 << 24));
    }
    memcpy(to, pixels, 4 * (size_t)columns);
  }
}

// Adds the residual that features at 1/8 (2·h, 2·w) stand for to the coded superblocks of an area.
static int add_area(const Residual *residual, const Rectangle *area, const Rectangle *place, const float *fine, int h, int w) {
  float *blocks = take(2 * (size_t)w * 192 * 4);
  if (!blocks) return fail(NO_MEMORY);
  for (int i = 0; i < 2 * h && 8 * i < place->height; i++) {
    blocks_of(fine + 2 * (size_t)i * (size_t)(w * model.channels), 2 * w, blocks);
    size_t first = (size_t)((area->y + i / 8) * residual->columns + area->x);
    const u8 *coded = residual->coded + first;
    for (int b = 0; 8 * b < place->width; b++) {
      if (!coded[b / 8]) continue;
      u8 *to = residual->pixels + 4 * ((size_t)(place->y + 8 * i) * (size_t)residual->width + (size_t)(place->x + 8 * b));
      float offset = (float)residual->steps[first + (size_t)(b / 8)] / STEPS;
      add_residuals(blocks + b * 192, offset, (int)smaller(8, (size_t)(place->width - 8 * b)), (int)smaller(8, (size_t)(place->height - 8 * i)), to,
                    4 * (size_t)residual->width);
    }
  }
  return 1;
}

// Decodes one area onto the frame, and continues the CRC-32 of symbols.
NOINLINE int decode_area(const Residual *residual, const Rectangle *area, Rans *rans, u32 *crc) {
  Rectangle place = {SUPERBLOCK * area->x, SUPERBLOCK * area->y, 0, 0};
  place.width = (int)smaller((size_t)(SUPERBLOCK * area->width), (size_t)(residual->width - place.x));
  place.height = (int)smaller((size_t)(SUPERBLOCK * area->height), (size_t)(residual->height - place.y));
  int h = latents_along(place.height), w = latents_along(place.width);
  Mask mask = {residual->coded + area->y * residual->columns + area->x, (size_t)residual->columns};
  float *y = take_zeros((size_t)h * (size_t)w * (size_t)model.slots * 4), *features = take((size_t)h * (size_t)w * (size_t)model.hidden * 4);
  i32 *symbols = y && features ? pull_symbols(rans, h, w, residual->level, residual->coder, &mask) : NULL;
  if (!symbols) return fail(NO_MEMORY);
  *crc = crc_of_symbols(symbols, h, w, *crc);
  scaled_symbols(symbols + z_count(h, w), h, w, 0, 0, y);
  if (!hyper_features(symbols, h, w, features)) return 0;
  float *known = NULL;
  if (model.known.channels) {
    if (!(known = known_features(residual->pixels, residual->width, &place, h, w))) return 0;
    if (!add_known(known, h, w, features)) return 0;
  }
  if (!add_context(features, h, w, y)) return 0;
  float *fine = fine_features(y, h, w, known);
  return fine && add_area(residual, area, &place, fine, h, w);
}

// Adds the residual in a stream to a prediction; `crc` continues with that of the symbols.
static int add_residual(const Residual *residual, const u8 *stream, size_t size, u32 *crc) {
  size_t most = (size_t)(residual->rows * residual->columns) + 1;
  Mark start = mark();
  Rectangle *waiting = take(most * sizeof(Rectangle)), *areas = take(most * sizeof(Rectangle));
  Rans rans;
  if (!waiting || !areas) return fail(NO_MEMORY);
  if (!start_rans(&rans, stream, size)) return 0;
  int count = find_areas(residual, waiting, areas);
  for (int i = 0; i < count; i++) {
    Mark before = mark();
    if (!decode_area(residual, &areas[i], &rans, crc)) return 0;
    release(before);
  }
  release(start);
  return end_symbols(&rans);
}
