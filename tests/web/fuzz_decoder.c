// libFuzzer: arbitrary bytes as a file, as the chunk of transparency ("a" in front) or as exact blocks ("e"), through the decoder with the weights in DLIC_WEIGHTS.
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

static void show_tile(const u8 *file, const Tile *tile, int seams) {
  int w = latents_along((int)tile->width), h = latents_along((int)tile->height), level = (int)picture.level;
  float *y = dlic_latents(file + tile->start, tile->length, (int)tile->width, (int)tile->height, level, (int)picture.coder, tile->crc, (int)tile->finer, seams);
  if (!y) return;
  u32 *pixels = dlic_pixels(y, h, w, level, 0, 0, (int)tile->width, (int)tile->height);
  if (pixels) dlic_gray(pixels, (size_t)tile->width * tile->height);
}

static void show(const u8 *file, size_t size) {
  const Tile *tiles = dlic_open(file, size);
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

int LLVMFuzzerTestOneInput(const u8 *data, size_t size) {
  dlic_release(after_model);
  if (size > 2 && data[0] == 'a') dlic_alpha(data + 3, size - 3, data[1] + 1, data[2] + 1, data[1] / 3, data[2] / 3, data[1] / 2 + 1, data[2] / 2 + 1);
  else if (size > 2 && data[0] == 'e') dlic_exact(data + 3, size - 3, data[1] + 1, data[2] + 1, data[1] / 3, data[2] / 3, data[1] / 2 + 1, data[2] / 2 + 1, 0, 0);
  else show(data, size);
  return 0;
}
