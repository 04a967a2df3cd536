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

// A stream of a layer: part after part, in each the tiles.
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
  // of progressive pictures: level of the first layer, id of tables of the second, parts and streams of both that are there
  u32 first, tables, parts, entries, base_parts, base_entries;
  u32 shown;  // level of the synthesis
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

// Keeps what there is of a layer that is cut.
static int cut_chunk(Bytes *file, Picture *picture, u32 name) {
  if (!file->short_of && (name == BASE || name == FINE)) picture->chunk[picture->chunks++] = (Chunk){name, (u32)file->at, (u32)(file->size - file->at)};
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

// The places of tiles of about `side` pixels; null for too many.
static Tile *tiles_of(Picture *picture, u64 side) {
  if (side < UNIT || side > MAX_SIDE || side % UNIT) return fail("the table of tiles is damaged: tiles cannot have this side"), NULL;
  u32 columns = parts(picture->width, (u32)side), rows = parts(picture->height, (u32)side);
  u64 count = (u64)columns * rows;
  if (count > MAX_TILES) return fail("the picture would have more than 131072 tiles"), NULL;
  if (count > picture->length) return fail("the file is truncated: its table cannot hold the picture's tiles"), NULL;
  Tile *tiles = take((size_t)count * sizeof(Tile));
  if (!tiles) return fail(NO_MEMORY), NULL;
  for (u32 i = 0; i < count; i++) {
    u32 x = border(picture->width, columns, i % columns), y = border(picture->height, rows, i / columns);
    tiles[i] = (Tile){x, y, border(picture->width, columns, i % columns + 1) - x, border(picture->height, rows, i / columns + 1) - y, 0, 0, 0, 0, 0};
  }
  picture->columns = columns, picture->rows = rows, picture->side = (u32)side;
  return tiles;
}

// The tiles of a picture of kind 1; null for a damaged table. `head`: CRC-32 of the bytes before the field `length`.
static Tile *read_tiles(const Bytes *file, u32 head, Picture *picture) {
  Bytes table = {file->data + picture->start, 0, picture->length, 0};
  Tile *tiles = tiles_of(picture, varint(&table));
  if (!tiles) return NULL;
  u32 count = picture->columns * picture->rows;
  if ((u64)count * SMALLEST_ENTRY > picture->length) return fail("the file is truncated: its table cannot hold the picture's tiles"), NULL;
  u64 total = 0;
  u32 crcs = 0;
  for (u32 i = 0; i < count; i++) {
    u64 length = varint(&table);
    const u8 *crc = take_bytes(&table, 4);
    u32 finer = big_endian(&table, 1);
    if (!crc || length > picture->length) return fail("the file is truncated: its table of tiles is incomplete"), NULL;
    crcs = crc32(crc, 4, crcs);
    tiles[i].start = (u32)total, tiles[i].length = (u32)length, tiles[i].finer = finer;
    tiles[i].crc = (u32)crc[0] << 24 | crc[1] << 16 | crc[2] << 8 | crc[3];
    total += length;
  }
  u32 found = crc32(table.data, table.at, head);
  if (!same_crc(found, big_endian(&table, 4)) || table.short_of || !same_crc(crcs, picture->crc))
    return fail("the header or the table of tiles is damaged: its checksum does not match"), NULL;
  if (table.at + total != picture->length) return fail("the tiles' streams are not as long as the table of tiles says"), NULL;
  for (u32 i = 0; i < count; i++) tiles[i].start += picture->start + (u32)table.at;
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
  if (!base) return fail("the file is truncated: its first layer is not there"), NULL;
  return base;
}

static const Chunk *fine_of(const Picture *picture) {
  const Chunk *fine = NULL;
  for (u32 i = 0; i < picture->chunks; i++) fine = picture->chunk[i].name == FINE ? &picture->chunk[i] : fine;
  return fine;
}

// The fields that both layers have: the number of parts, 0 if they are damaged or not there, and `finer` of each of `count` tiles.
static u32 read_layer_head(Bytes *from, size_t start, u32 head, u32 count, const u8 **finer) {
  u64 parts = varint(from);
  *finer = take_bytes(from, count);
  u32 found = crc32(from->data + start, from->at - start, head), stated = big_endian(from, 4);
  if (from->short_of) return fail("the file is truncated: a layer ends in its head");
  if (!parts || parts > 64 || !same_crc(found, stated)) return fail("the head of a layer is damaged, or of another picture");
  return (u32)parts;
}

// The streams of a layer that are there, at most `most`; their number.
static u32 read_entries(Bytes *from, u32 most, Entry *entries) {
  u32 there = 0;
  while (from->at < from->size && there < most) {
    u64 length = varint(from);
    u32 crc = big_endian(from, 4), start = (u32)from->at;
    if (length > from->size || !take_bytes(from, (size_t)length)) break;
    entries[there++] = (Entry){start, (u32)length, crc};
  }
  return there;
}

// Whether the checksum of a first layer is that of the header.
static int is_of_header(const Picture *picture, const Entry *lasts, u32 count) {
  u32 crcs = 0;
  for (u32 i = 0; i < count; i++) {
    u8 crc[4] = {(u8)(lasts[i].crc >> 24), (u8)(lasts[i].crc >> 16), (u8)(lasts[i].crc >> 8), (u8)lasts[i].crc};
    crcs = crc32(crc, 4, crcs);
  }
  return same_crc(picture->side ? crcs : lasts[0].crc, picture->crc);
}

// The tiles of the first layer, and its streams that are there; null for a damaged layer. `head`: CRC-32 of the header.
static Tile *read_base(const Bytes *file, const Chunk *base, u32 head, Picture *picture, int partial, Entry *entries) {
  Bytes from = {file->data, base->start, base->start + base->length, 0};
  u32 kind = big_endian(&from, 1);
  const u8 *finer;
  picture->first = big_endian(&from, 1);
  if (from.short_of) return fail("the file is truncated: its first layer is not there"), NULL;
  if (picture->level > 63) return fail("the level is beyond those of the model"), NULL;
  if (kind > TILED || picture->first > picture->level) return fail("the first layer is damaged, or of a kind that this decoder does not know"), NULL;
  picture->length = base->length;
  Tile *tiles = kind == TILED ? tiles_of(picture, varint(&from)) : one_tile(picture);
  picture->length = 0;
  if (!tiles) return NULL;
  u32 count = picture->columns * picture->rows;
  picture->base_parts = read_layer_head(&from, base->start, head, count, &finer);
  if (!picture->base_parts) return NULL;
  for (u32 i = 0; i < count; i++) tiles[i].finer = finer[i];
  u32 there = picture->base_entries = read_entries(&from, picture->base_parts * count, entries);
  if (!partial && (from.short_of || from.at != from.size)) return fail("the first layer is damaged: its streams are not as long as it says"), NULL;
  if (there < count) return fail("the file is truncated: its first layer does not show anything yet"), NULL;
  if (there == picture->base_parts * count && !is_of_header(picture, entries + there - count, count))
    return fail("the first layer is damaged, or of another picture"), NULL;
  return tiles;
}

// The streams of the second layer that are there; whether it is undamaged.
static int read_fine(const Bytes *file, const Chunk *fine, u32 head, Picture *picture, Tile *tiles, int partial, Entry *entries) {
  u32 count = picture->columns * picture->rows;
  Bytes from = {file->data, fine->start, fine->start + fine->length, 0};
  const u8 *finer;
  if (picture->base_entries != picture->base_parts * count) return fail("the first layer is damaged: it ends before the second");
  picture->tables = big_endian(&from, 4);
  picture->parts = read_layer_head(&from, fine->start, head, count, &finer);
  if (!picture->parts) return partial && from.short_of;
  for (u32 i = 0; i < count; i++) tiles[i].further = finer[i];
  picture->entries = read_entries(&from, picture->parts * count, entries);
  if (!partial && (from.short_of || from.at != from.size)) return fail("the second layer is damaged: its streams are not as long as it says");
  return 1;
}

// The level at which both layers are shown, as far as they are there.
static u32 shown_level(const Picture *picture) {
  u64 whole = (u64)picture->parts * picture->columns * picture->rows, missing = whole - picture->entries;
  if (!picture->entries) return picture->first;
  return picture->level - (u32)((picture->level - picture->first) * missing * missing / (2 * whole * whole));
}

// The tiles of a progressive picture, as far as it is there, and the streams of both layers, one layer behind the other.
static Tile *read_layers(Bytes *file, size_t head, Picture *picture, int partial, Entry **entries) {
  if (picture->length) return fail("a progressive picture has an empty stream"), NULL;
  if (!read_chunks(file, picture, partial)) return NULL;
  const Chunk *base = base_of(picture), *fine = fine_of(picture);
  if (!base) return NULL;
  u32 of_head = crc32(file->data, head, 0);
  *entries = take((((size_t)base->length + (fine ? fine->length : 0)) / 5 + 1) * sizeof(Entry));
  if (!*entries) return fail(NO_MEMORY), NULL;
  Tile *tiles = read_base(file, base, of_head, picture, partial, *entries);
  if (!tiles || (fine && !read_fine(file, fine, of_head, picture, tiles, partial, *entries + picture->base_entries))) return NULL;
  picture->shown = shown_level(picture);
  return tiles;
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
  if (picture->kind == PROGRESSIVE) return read_layers(&file, head, picture, partial, entries);
  picture->shown = picture->level;
  if (!read_chunks(&file, picture, 0)) return NULL;
  if (picture->kind > TILED && picture->kind != EXACT_BLOCKS) return fail("browsers show learned pictures and exact blocks; this file is of another kind"), NULL;
  return picture->kind == TILED ? read_tiles(&file, crc32(data, head, 0), picture) : one_tile(picture);
}
SMALL_END
