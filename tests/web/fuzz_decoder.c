// libFuzzer: arbitrary bytes through the decoder with the weights in DLIC_WEIGHTS: as a file; or, by the letter in front, as the chunk of
// transparency ("a"), exact blocks ("e"), the head of a sequence ("s"), a group with its packets ("g"), packets alone ("p"), or the offsets of
// a key frame ("o").
// Checksums are not compared, so that changes reach the entropy decoder and the transforms.
#include <stdio.h>

#include "../../dlic/web/decoder.c"

enum { MOST_PIXELS = 1 << 13, FEW_PIXELS = 1 << 9 };  // larger pictures only now and then: they take most of the time

static Mark after_model;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  FILE *file = fopen(getenv("DLIC_WEIGHTS"), "rb");
  if (!file) abort();
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  u8 *body = malloc(size);
  if (fread(body, 1, size, file) != size || !dlic_model(body, size)) abort();
  fclose(file), free(body);
  after_model = dlic_mark();
  return 0;
}

// The latents of a tile with its layers; `index` stands for its seams, too.
static float *show_layers(const u8 *file, const Tile *tile, int index) {
  u32 count = picture.columns * picture.rows, lengths = 0, there[2] = {0}, of[4 * MAX_PARTS];
  u8 *streams = take(1 << 16);
  for (int second = 0; second < 2; second++) {
    const Entry *entry = entries + (second ? picture.base_entries : 0);
    for (u32 i = (u32)index; i < (second ? picture.entries : picture.base_entries) && there[second] < MAX_PARTS; i += count) {
      u32 *at = of + 2 * (there[0] + there[1]);
      if (!streams || lengths + entry[i].length > 1 << 16) return NULL;
      memcpy(streams + lengths, file + entry[i].start, entry[i].length);
      at[0] = entry[i].length, at[1] = entry[i].crc, lengths += entry[i].length, there[second]++;
    }
  }
  return dlic_refined((int)tile->width, (int)tile->height, (int)picture.first, (int)picture.coder, (int)tile->finer, index, streams, of, (int)there[0],
                      (int)picture.base_parts, (int)there[1], (int)picture.parts, (int)picture.level, (int)picture.shown, (int)tile->further, model.refinements.id);
}

static void show_tile(const u8 *file, const Tile *tile, int seams) {
  int w = latents_along((int)tile->width), h = latents_along((int)tile->height), level = (int)picture.shown, coder = (int)picture.coder;
  float *y = picture.kind == PROGRESSIVE
                 ? show_layers(file, tile, seams)
                 : dlic_latents(file + tile->start, tile->length, (int)tile->width, (int)tile->height, level, coder, tile->crc, (int)tile->finer, seams);
  if (!y) return;
  u32 *pixels = dlic_pixels(y, h, w, level, 0, 0, (int)tile->width, (int)tile->height, NULL);
  if (pixels) dlic_gray(pixels, (size_t)tile->width * tile->height);
}

static void show(const u8 *file, size_t size) {
  const Tile *tiles = dlic_open(file, size, 1);
  u32 most = crc32(file, size, 0) % 16 ? FEW_PIXELS : MOST_PIXELS;
  if (tiles && picture.kind == EXACT_BLOCKS && (u64)picture.width * picture.height <= 4 * most) {
    dlic_exact(file + picture.start, picture.length, picture.width, picture.height, 0, 0, picture.width, picture.height, 1, picture.crc);
    return;
  }
  for (u32 i = 0; tiles && i < picture.columns * picture.rows && i < 3; i++) {
    Mark before = mark();
    if ((u64)tiles[i].width * tiles[i].height <= most) show_tile(file, &tiles[i], (int)i);
    release(before);
  }
  for (u32 i = 0; tiles && i < picture.chunks; i++)
    if (picture.chunk[i].name == 0x616c7068 && (u64)picture.width * picture.height <= 4 * most)
      dlic_alpha(file + picture.chunk[i].start, picture.chunk[i].length, (int)picture.width, (int)picture.height, 0, 0, (int)picture.width, (int)picture.height);
}

// --- sequences -------------------------------------------------------------------------------------------------------------

enum { FRAMES = 6, MOST_SIDE = 150 };  // of a group that is shown

typedef struct {
  u8 *pixels;
  FrameMotion *motion;
} Shown;

static void *copied(const void *from, size_t size) {
  void *to = take(size);
  if (to) memcpy(to, from, size);
  return to;
}

// The frame of a packet, like those before it; null where it cannot be shown.
static Shown show_packet(const u8 *data, size_t size, int width, int height, int level, int number, const Shown *first, const Shown *second) {
  Shown none = {0};
  if (!first || !first->pixels || (second && !second->pixels)) return none;
  u8 *packet = copied(data, size);
  if (!packet) return none;
  u8 *pixels = dlic_frame(packet, size, width, height, level, 0, number, first->pixels, second ? second->pixels : NULL, first->motion, second ? second->motion : NULL);
  if (!pixels) return none;
  if (size > 8 && data[size - 1] % 4 == 0) dlic_frame_alpha(packet + 1, size - 1, width, height, first->pixels, pixels);
  return (Shown){pixels, copied(dlic_motion(), dlic_motion_size(width, height))};
}

static Shown key_frame(int width, int height, u32 seed) {
  u8 *pixels = take(4 * (size_t)width * (size_t)height);
  for (size_t i = 0; pixels && i < 4 * (size_t)width * (size_t)height; i++) pixels[i] = (u8)((seed = seed * 1664525u + 1013904223u) >> 24);
  return (Shown){pixels, NULL};
}

static void show_group(const u8 *data, size_t size, int width, int height) {
  const GroupTable *table = dlic_group(data, size);
  Shown shown[MAX_GROUP] = {{0}};
  size_t at = table ? table->start : 0;
  for (u32 i = 0; table && i < table->count && i < FRAMES; i++) {
    const PacketEntry *packet = &table->packet[i];
    size_t length = smaller(packet->length, size - at);
    const Shown *first = &shown[packet->first], *second = packet->references > 1 ? &shown[packet->second] : NULL;
    shown[packet->number] = packet->references ? show_packet(data + at, length, width, height, (int)packet->level, (int)packet->number, first, second)
                                               : key_frame(width, height, packet->crc);
    at += length;
  }
}

// Packets one behind the other, each with its length in front, that refer to the last two frames.
static void show_packets(const u8 *data, size_t size, int width, int height) {
  Shown before = key_frame(width, height, 1), last = before;
  Bytes from = {data, 0, size, 0};
  for (int i = 1; i < FRAMES && from.at < size; i++) {
    u32 type = big_endian(&from, 1), length = big_endian(&from, 1) * 4;
    size_t left = smaller(length, size - from.at);
    Shown next = show_packet(data + from.at, left, width, height, (int)(type % 80), i, &last, type >= 128 && i > 1 ? &before : NULL);
    from.at += left;
    if (next.pixels) before = last, last = next;
  }
}

// A grey key frame with the offsets in a stream.
static void show_offsets(const u8 *data, size_t size, int width, int height) {
  int h = latents_along(height), w = latents_along(width);
  i16 *steps = dlic_steps(data, size, width, height);
  float *y = steps ? take_zeros((size_t)h * (size_t)w * (size_t)model.slots * 4) : NULL;
  if (y && width * height <= MOST_PIXELS) dlic_pixels(y, h, w, 30, 0, 0, width, height, steps);
}

static int show_sequence(const u8 *data, size_t size) {
  int width = size > 2 ? data[1] % MOST_SIDE + 1 : 0, height = size > 2 ? data[2] % MOST_SIDE + 1 : 0;
  if (!width || (data[0] != 's' && data[0] != 'g' && data[0] != 'p' && data[0] != 'o')) return 0;
  if (data[0] == 's') dlic_sequence(data + 3, size - 3);
  if (data[0] == 'g') show_group(data + 3, size - 3, width, height);
  if (data[0] == 'p') show_packets(data + 3, size - 3, width, height);
  if (data[0] == 'o') show_offsets(data + 3, size - 3, width, height);
  return 1;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size) {
  dlic_release(after_model);
  if (size > 2 && data[0] == 'a') dlic_alpha(data + 3, size - 3, data[1] + 1, data[2] + 1, data[1] / 3, data[2] / 3, data[1] / 2 + 1, data[2] / 2 + 1);
  else if (size > 2 && data[0] == 'e') dlic_exact(data + 3, size - 3, data[1] + 1, data[2] + 1, data[1] / 3, data[2] / 3, data[1] / 2 + 1, data[2] / 2 + 1, 0, 0);
  else if (!show_sequence(data, size)) show(data, size);
  return 0;
}
