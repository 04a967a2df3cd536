// The decoder of learned .dlic pictures in one file of C, for WebAssembly (`make web`) and for native tests.
//
//   file ─ dlic_open ─ header, chunks, tiles            (container.h)
//   stream ─ symbols ─ y_hat ─ dlic_pixels ─ RGBA       (symbols.h, context.h, synthesis.h)
//   packet ─ motion ─ p ─ + residual ─ dlic_frame ─ RGBA  (frame.h, prediction.h, residual.h)
//
// A caller takes memory for what it passes with dlic_take and gives all back down to a mark with dlic_release. Functions that
// return 0 have left a sentence in dlic_problem.
#include "c/calls.h"
#include "c/frame.h"
#include "c/refinement.h"
#include "c/sequence.h"
#include "c/weights.h"

static Picture picture;
static Entry *entries;
static SequenceHead head;
static GroupTable group;

// The body of a weights file; what is taken afterwards must be released before the next model is read.
EXPORT int dlic_model(const u8 *body, size_t size) { return read_model(body, size); }

// Floats of one position of y_hat in memory.
EXPORT int dlic_slots(void) { return model.slots; }

// Checks a file and reads all but its pixels: `Picture` (see dlic_picture), then its tiles. Null for a file that cannot be shown.
// With `partial` the file may be the beginning of a progressive picture.
EXPORT const Tile *dlic_open(const u8 *data, size_t size, int partial) {
  if (size >= (size_t)1 << 31) return fail("the file is larger than 2 GB"), NULL;
  return read_picture(data, size, &picture, partial, &entries);
}

// The streams of both layers of the picture that was opened.
EXPORT const Entry *dlic_entries(void) { return entries; }

EXPORT const Picture *dlic_picture(void) { return &picture; }

static int is_possible(const CodedUnit *unit) {
  if (!model.slots) return fail("no weights were given");
  if (model.known.channels) return fail("the picture was made with a checkpoint of frames, which this decoder does not know for pictures");
  if (unit->width < 1 || unit->height < 1) return fail("a picture has at least one pixel");
  if ((u64)unit->width * (u64)unit->height > MAX_UNIT * 2) return fail("the picture is larger than one piece of a file can be");
  if (unit->level < 0 || unit->level >= LEVELS) return fail("the level is beyond those of the model");
  u64 latents = (u64)latents_along(unit->width) * (u64)latents_along(unit->height);
  // y_hat, symbols and their order; g_s takes less than twice y_hat
  if (latents * (u64)model.slots * 16 > ROOM - taken) return fail(NO_MEMORY);
  return 1;
}

// y_hat of a unit (h, w, slots). `finer` and `seams` are those of a tile.
EXPORT float *dlic_latents(const u8 *stream, size_t length, int width, int height, int level, int coder, u32 crc, int finer, int seams) {
  CodedUnit unit = {stream, length, width, height, level, coder, finer, crc, seams};
  if (!is_possible(&unit)) return NULL;
  set_level(level);
  return decode_latents(&unit);
}

// y_hat of a unit (h, w, slots) with both layers, for the synthesis at the level `shown`. Streams lie one behind the other, the length
// and the crc of each in `of_streams`: `base_there`, of `base_count`, of the first layer, and `there`, of `count`, of the second, of
// which `further` is `finer`.
EXPORT float *dlic_refined(int width, int height, int level, int coder, int finer, int seams, const u8 *streams, const u32 *of_streams, int base_there,
                           int base_count, int there, int count, int full_level, int shown, int further, u32 tables) {
  CodedUnit unit = {streams, 0, width, height, level, coder, finer, 0, seams};
  if (!is_possible(&unit)) return NULL;
  if (full_level < level || full_level >= LEVELS || shown < 0 || shown >= LEVELS || base_there < 1 || base_there > base_count || base_count > MAX_PARTS ||
      there < 0 || there > count || count > MAX_PARTS || (count ? there && base_there < base_count : there || shown != level))
    return fail("the layers are damaged: they have no such level or parts"), NULL;
  if (count && tables != model.refinements.id) return fail("the second layer was written with tables that this decoder does not know"), NULL;
  FirstLayer base = {streams, of_streams, base_there, base_count};
  for (int part = 0; part < base_there; part++) streams += of_streams[2 * part];
  SecondLayer layer = {streams, of_streams + 2 * base_there, there, count, full_level, shown, further};
  set_level(level);
  return decode_layers(&unit, &base, &layer);
}

// RGBA of a window of the picture that y_hat (h, w, slots) stands for; overwrites y_hat. `steps` are those of its units, if it is of a
// guarded frame, or null.
EXPORT u32 *dlic_pixels(float *y, int h, int w, int level, int x, int top, int width, int height, const i16 *steps) {
  Window window = {x, top, width, height, steps};
  if (model.known.channels) return fail("these are weights of frames"), NULL;
  if (h < 1 || w < 1 || x < 0 || top < 0 || width < 1 || height < 1 || x + width > 16 * w || top + height > 16 * h)
    return fail("the window does not lie in the picture"), NULL;
  if (level < 0 || level >= LEVELS) return fail("the level is beyond those of the model"), NULL;
  set_level(level);
  return synthesise(y, h, w, &window);
}

// Makes RGBA gray: the mean of the colours, as the chunk `gray` asks.
EXPORT void dlic_gray(u32 *pixels, size_t count) {
  for (size_t i = 0; i < count; i++) {
    u32 mean = ((pixels[i] & 255) + (pixels[i] >> 8 & 255) + (pixels[i] >> 16 & 255) + 1) / 3;
    pixels[i] = mean * 0x010101u | (pixels[i] & 0xff000000u);
  }
}

// Transparency of a part of a picture of `width` × `height` pixels, from the data of its chunk: a byte a pixel.
EXPORT u8 *dlic_alpha(const u8 *data, size_t size, int width, int height, int x, int y, int part_width, int part_height) {
  Part part = {x, y, part_width, part_height};
  if (width < 1 || height < 1 || x < 0 || y < 0 || part_width < 1 || part_height < 1 || part_width > width - x || part_height > height - y)
    return fail("the part does not lie in the picture"), NULL;
  return read_alpha(data, size, width, height, &part);
}

// The exact pixels of a part of a picture, RGBA, clear elsewhere, from the data of its chunk or of a file of exact blocks. With
// `check`, of a whole file of exact blocks, their checksum is compared with `crc`.
EXPORT u32 *dlic_exact(const u8 *data, size_t size, u32 width, u32 height, u32 x, u32 y, u32 part_width, u32 part_height, int check, u32 crc) {
  Area part = {x, y, part_width, part_height};
  if (!part_width || !part_height || width > 1u << 30 || height > 1u << 30 || x >= width || y >= height || part_width > width - x || part_height > height - y)
    return fail("the part does not lie in the picture"), NULL;
  u32 *pixels = read_exact(data, size, check, width, height, &part), found = 0;
  for (size_t i = 0; pixels && check && i < (size_t)width * height; i++) {
    u8 colours[3] = {(u8)pixels[i], (u8)(pixels[i] >> 8), (u8)(pixels[i] >> 16)};
    found = crc32(colours, 3, found);
  }
  if (pixels && check && !same_crc(found, crc)) return fail("the picture is damaged: its pixels do not match their checksum"), NULL;
  return pixels;
}

// The steps of the offsets of all units of a key frame, from their stream (docs/format.md, section 9.8).
EXPORT i16 *dlic_steps(const u8 *data, size_t size, int width, int height) {
  if (width < 1 || height < 1 || (u64)width * (u64)height > MAX_FRAME) return fail("the frame is larger than this decoder shows"), NULL;
  return read_key_steps(data, size, width, height);
}

// CRC-32 of bytes.
EXPORT u32 dlic_crc(const u8 *data, size_t size) { return crc32(data, size, 0); }

// The head of a sequence, from the beginning of its file.
EXPORT const SequenceHead *dlic_sequence(const u8 *data, size_t size) { return read_sequence(data, size, &head) ? &head : NULL; }

// The table of a group, from the data of its chunk.
EXPORT const GroupTable *dlic_group(const u8 *data, size_t size) { return read_group_table(data, size, &group) ? &group : NULL; }

// RGBA of a predicted frame, from its packet behind the transparency, which dlic_frame_alpha puts in. `number` is that of the frame in
// its group. `second` is null for frames with one reference; motions are those of the references (dlic_motion), null for key frames.
EXPORT u8 *dlic_frame(const u8 *packet, size_t size, int width, int height, int level, u32 crc, int number, const u8 *first, const u8 *second,
                      const FrameMotion *first_motion, const FrameMotion *second_motion) {
  Packet of = {packet, size, width, height, level, second ? 2 : 1, number, crc, {{first, width, height}, {second, width, height}}, {first_motion, second ? second_motion : NULL}};
  return decode_frame(&of);
}

// The motion of the last frame, of so many bytes, for frames that refer to it.
EXPORT const FrameMotion *dlic_motion(void) { return kept_motion; }

EXPORT size_t dlic_motion_size(int width, int height) { return motion_size(width, height); }

// Puts the transparency of a frame into its pixels; `first` are those of the first reference, or null.
EXPORT int dlic_frame_alpha(const u8 *data, size_t size, int width, int height, const u8 *first, u8 *pixels) {
  if (width < 1 || height < 1 || (u64)width * (u64)height > MAX_FRAME) return fail("the frame is larger than this decoder shows");
  return decode_frame_alpha(data, size, width, height, first, pixels);
}

// The symbols of a unit, those of z before those of y, for tests.
EXPORT i32 *dlic_symbols(const u8 *stream, size_t length, int width, int height, int level, int coder, u32 crc) {
  CodedUnit unit = {stream, length, width, height, level, coder, 0, crc, 0};
  return is_possible(&unit) ? read_symbols(&unit) : NULL;
}
