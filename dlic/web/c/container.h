// The .dlic file: header, chunks and table of tiles (docs/format.md, sections 1 to 3).
#pragma once
#include "bytes.h"
SMALL_BEGIN

enum { LEARNED, TILED, COMPRESSAI, LOSSLESS, WAVELET, SEQUENCE, EXACT_BLOCKS, PROGRESSIVE, KINDS };
enum { EXACT_LAYER = 0x45786163, BASE = 0x42617365, FINE = 0x46696e65, GRAY = 0x67726179, ALPHA = 0x616c7068 };  // names of chunks
enum { MAX_CHUNKS = 64, MAX_UNIT = 1 << 21, MAX_TILES = 1 << 17, SMALLEST_ENTRY = 6, UNIT = 64, MAX_SIDE = 1024 };

typedef struct {
  u32 x, y, width, height;  // pixels in the picture
  u32 start, length;        // of the stream, from the beginning of the file
  u32 crc, finer;
  u32 further;  // `finer` of a second layer
} Tile;

// A stream of a second layer: part after part, in each the tiles.
typedef struct {
  u32 start, length, crc;
} Entry;

typedef struct {
  u32 name, start, length;  // name big-endian; where the data lies in the file
} Chunk;

// All fields are 32-bit numbers: JavaScript reads them as an array.
typedef struct {
  u32 kind, coder, width, height, level, crc;
  u32 model_high, model_low;  // the first eight bytes of the checkpoint's fingerprint
  u32 start, length;          // of the stream
  u32 columns, rows, chunks, side;
  u32 first, tables, parts, entries;  // of progressive pictures: level of the first layer, id of tables, parts, streams that are there
  u32 shown;                          // level of the synthesis
  Chunk chunk[MAX_CHUNKS];
} Picture;

INLINE u32 parts(u32 length, u32 side) {
  u32 count = (u32)((2 * (u64)length + side) / (2 * side));
  return count ? count : 1;
}

INLINE u32 border(u32 length, u32 count, u32 i) {
  return i == count ? length : (u32)((u64)i * ((length + UNIT - 1) / UNIT) / count) * UNIT;
}

static int read_header(Bytes *file, Picture *picture) {
  static const u8 magic[6] = {0xd2, 'i', 'c', '\r', '\n', 0x1a};
  const u8 *p = take_bytes(file, 6);
  if (!p || p[1] != magic[1] || p[2] != magic[2] || p[0] <= 0xd0) return fail("not a .dlic file");
  for (int i = 3; i < 6; i++)
    if (p[i] != magic[i]) return fail("the file was changed by a text-mode transfer, or ends in its first bytes");
  if (p[0] != magic[0]) return fail("the file is of another version of the format; this decoder reads version 2");
  picture->kind = big_endian(file, 1), picture->coder = big_endian(file, 1);
  u64 width = varint(file), height = varint(file);
  picture->level = big_endian(file, 1);
  picture->model_high = big_endian(file, 4), picture->model_low = big_endian(file, 4);
  picture->crc = big_endian(file, 4);
  if (file->short_of) return fail("the file is truncated");
  if (!width || !height || width > 0x7fffffff || height > 0x7fffffff) return fail("the header is damaged: no picture has this size");
  picture->width = (u32)width, picture->height = (u32)height;
  if (picture->kind >= KINDS) return fail("the file is of a kind that this decoder does not know");
  return 1;
}

// Keeps what there is of a second layer that is cut.
static int cut_chunk(Bytes *file, Picture *picture, u32 name) {
  if (!file->short_of && name == FINE) picture->chunk[picture->chunks++] = (Chunk){name, (u32)file->at, (u32)(file->size - file->at)};
  file->at = file->size;
  return 1;
}

// With `partial` the last chunk may be cut.
static int read_chunks(Bytes *file, Picture *picture, int partial) {
  while (file->at < file->size) {
    if (picture->chunks == MAX_CHUNKS) return fail("the file has more than 64 chunks");
    size_t start = file->at;
    u32 name = big_endian(file, 4);
    u64 length = varint(file);
    if (partial && (file->short_of || length + 4 > file->size - file->at)) return cut_chunk(file, picture, name);
    if (length > file->size) file->short_of = 1;
    Chunk *chunk = &picture->chunk[picture->chunks++];
    *chunk = (Chunk){name, (u32)file->at, (u32)length};
    if (!take_bytes(file, (size_t)length)) return fail("the file is truncated");
    u32 found = crc32(file->data + start, file->at - start, 0);
    if (!same_crc(found, big_endian(file, 4)) || file->short_of) return fail("a chunk is damaged: its checksum does not match");
    int layer = picture->kind == PROGRESSIVE && (name == BASE || name == FINE);
    if ((name >> 24 < 'a' || name >> 24 > 'z') && name != EXACT_LAYER && !layer)
      return fail("the file has a chunk that is needed to show it, but unknown to this decoder");
    for (u32 i = 0; i + 1 < picture->chunks; i++)
      if (picture->chunk[i].name == name) return fail("the file has an optional chunk twice");
  }
  return 1;
}

// The tiles of a picture of kind 1; null for a damaged table. `head`: CRC-32 of the bytes before the field `length`.
static Tile *read_tiles(const Bytes *file, u32 head, Picture *picture) {
  Bytes table = {file->data + picture->start, 0, picture->length, 0};
  u64 side = varint(&table);
  if (side < UNIT || side > MAX_SIDE || side % UNIT) return fail("the table of tiles is damaged: tiles cannot have this side"), NULL;
  u32 columns = parts(picture->width, (u32)side), rows = parts(picture->height, (u32)side);
  u64 count = (u64)columns * rows;
  if (count > MAX_TILES) return fail("the picture would have more than 131072 tiles"), NULL;
  if (count * SMALLEST_ENTRY > picture->length) return fail("the file is truncated: its table cannot hold the picture's tiles"), NULL;
  Tile *tiles = take((size_t)count * sizeof(Tile));
  if (!tiles) return fail(NO_MEMORY), NULL;
  u64 total = 0;
  u32 crcs = 0;
  for (u32 i = 0; i < count; i++) {
    u32 x = border(picture->width, columns, i % columns), y = border(picture->height, rows, i / columns);
    u64 length = varint(&table);
    const u8 *crc = take_bytes(&table, 4);
    u32 finer = big_endian(&table, 1);
    if (!crc || length > picture->length) return fail("the file is truncated: its table of tiles is incomplete"), NULL;
    crcs = crc32(crc, 4, crcs);
    tiles[i] = (Tile){x, y, border(picture->width, columns, i % columns + 1) - x, border(picture->height, rows, i / columns + 1) - y,
                      (u32)total, (u32)length, (u32)crc[0] << 24 | crc[1] << 16 | crc[2] << 8 | crc[3], finer, 0};
    total += length;
  }
  u32 found = crc32(table.data, table.at, head);
  if (!same_crc(found, big_endian(&table, 4)) || table.short_of || !same_crc(crcs, picture->crc))
    return fail("the header or the table of tiles is damaged: its checksum does not match"), NULL;
  if (table.at + total != picture->length) return fail("the tiles' streams are not as long as the table of tiles says"), NULL;
  for (u32 i = 0; i < count; i++) tiles[i].start += picture->start + (u32)table.at;
  picture->columns = columns, picture->rows = rows, picture->side = (u32)side;
  return tiles;
}

static Tile *one_tile(Picture *picture) {
  if (picture->kind != EXACT_BLOCKS && (u64)picture->width * picture->height > MAX_UNIT) return fail("the picture is larger than one piece of a file can be"), NULL;
  Tile *tile = take(sizeof(Tile));
  if (!tile) return fail(NO_MEMORY), NULL;
  *tile = (Tile){0, 0, picture->width, picture->height, picture->start, picture->length, picture->crc, 0, 0};
  picture->columns = picture->rows = 1;
  return tile;
}

// The chunks of a progressive picture: what changes its pixels stands before `Base`, and `Fine` directly behind it. Null, or `Base`.
static const Chunk *base_of(const Picture *picture) {
  const Chunk *base = NULL;
  for (u32 i = 0; i < picture->chunks; i++) {
    u32 name = picture->chunk[i].name;
    if (name == BASE) base = &picture->chunk[i];
    else if (base && (name == EXACT_LAYER || name == GRAY || name == ALPHA)) return fail("the chunks of a progressive picture do not follow each other"), NULL;
    else if (name == FINE && base != &picture->chunk[i] - 1) return fail("the second layer does not follow the first"), NULL;
  }
  if (!base || base->length < 2) return fail("the file is truncated: its first layer is not whole"), NULL;
  return base;
}

// The streams of the second layer that are there; null for a damaged layer.
static Entry *read_fine(const Bytes *file, size_t head, Picture *picture, Tile *tiles, int partial) {
  const Chunk *fine = NULL;
  u32 count = picture->columns * picture->rows;
  for (u32 i = 0; i < picture->chunks; i++) fine = picture->chunk[i].name == FINE ? &picture->chunk[i] : fine;
  Bytes from = {file->data, fine ? fine->start : 0, fine ? fine->start + fine->length : 0, 0};
  Entry *entries = take(fine ? ((size_t)fine->length / 5 + 1) * sizeof(Entry) : 1);
  if (!entries) return fail(NO_MEMORY), NULL;
  if (!fine) return entries;
  picture->tables = big_endian(&from, 4);
  u64 parts = varint(&from);
  const u8 *finer = take_bytes(&from, count);
  u32 found = crc32(file->data + fine->start, from.at - fine->start, crc32(file->data, head, 0)), stated = big_endian(&from, 4);
  if (from.short_of) return partial ? entries : (fail("the second layer is damaged: it ends too early"), NULL);
  if (!parts || parts > 64 || !same_crc(found, stated)) return fail("the head of the second layer is damaged, or of another picture"), NULL;
  picture->parts = (u32)parts;
  for (u32 i = 0; i < count; i++) tiles[i].further = finer[i];
  while (from.at < from.size && picture->entries < picture->parts * count) {
    u64 length = varint(&from);
    u32 crc = big_endian(&from, 4), start = (u32)from.at;
    if (length > from.size || !take_bytes(&from, (size_t)length)) break;
    entries[picture->entries++] = (Entry){start, (u32)length, crc};
  }
  if (!partial && (from.short_of || from.at != from.size)) return fail("the second layer is damaged: its streams are not as long as it says"), NULL;
  return entries;
}

// The level at which both layers are shown, as far as they are there.
static u32 shown_level(const Picture *picture) {
  u64 whole = (u64)picture->parts * picture->columns * picture->rows, missing = whole - picture->entries;
  if (!picture->entries) return picture->first;
  return picture->level - (u32)((picture->level - picture->first) * missing * missing / (2 * whole * whole));
}

// The tiles of a progressive picture, as far as it is there. `level_at`: where the header has its level.
static Tile *read_layers(Bytes *file, size_t head, size_t level_at, Picture *picture, int partial, Entry **entries) {
  if (picture->length) return fail("a progressive picture has an empty stream"), NULL;
  if (!read_chunks(file, picture, partial)) return NULL;
  const Chunk *base = base_of(picture);
  if (!base) return NULL;
  u32 kind = file->data[base->start];
  u8 *header = take(head);
  picture->first = file->data[base->start + 1], picture->start = base->start + 2, picture->length = base->length - 2;
  if (!header) return fail(NO_MEMORY), NULL;
  if (picture->level > 63) return fail("the level is beyond those of the model"), NULL;
  if (kind > TILED || picture->first > picture->level) return fail("the first layer is damaged, or of a kind that this decoder does not know"), NULL;
  memcpy(header, file->data, head);
  header[6] = (u8)kind, header[level_at] = (u8)picture->first;
  Tile *tiles = kind == TILED ? read_tiles(file, crc32(header, head, 0), picture) : one_tile(picture);
  if (!tiles) return NULL;
  *entries = read_fine(file, head, picture, tiles, partial);
  picture->shown = shown_level(picture);
  return *entries ? tiles : NULL;
}

// Reads and checks a whole file, or with `partial` the beginning of a progressive one; the tiles of a learned picture, null for
// anything else.
static Tile *read_picture(const u8 *data, size_t size, Picture *picture, int partial, Entry **entries) {
  Bytes file = {data, 0, size, 0};
  memset(picture, 0, sizeof *picture);
  *entries = NULL;
  if (!read_header(&file, picture)) return NULL;
  size_t head = file.at;
  u64 length = varint(&file);
  picture->start = (u32)file.at;
  if (length > size || !take_bytes(&file, (size_t)length)) return fail("the file is truncated"), NULL;
  picture->length = (u32)length;
  u32 found = crc32(data, file.at, 0);
  if (!same_crc(found, big_endian(&file, 4)) || file.short_of) return fail("the picture is damaged: its checksum does not match"), NULL;
  if (picture->coder > 1) return fail("the file names an entropy coder that this decoder does not know"), NULL;
  if (picture->kind == PROGRESSIVE) return read_layers(&file, head, head - 13, picture, partial, entries);
  picture->shown = picture->level;
  if (!read_chunks(&file, picture, 0)) return NULL;
  if (picture->kind > TILED && picture->kind != EXACT_BLOCKS) return fail("browsers show learned pictures and exact blocks; this file is of another kind"), NULL;
  return picture->kind == TILED ? read_tiles(&file, crc32(data, head, 0), picture) : one_tile(picture);
}
SMALL_END
