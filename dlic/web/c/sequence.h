// The file of a sequence: its head, and the tables of its groups (docs/format.md, section 9).
#pragma once
#include "container.h"
SMALL_BEGIN

enum { MAX_GROUP = 64, HIGHEST = 4, LAYER = 8 };

// All fields are 32-bit numbers: JavaScript reads them as an array. Numbers above 32 bits have a high part.
typedef struct {
  u32 width, height, alpha;
  u32 loops, loops_high, numerator, numerator_high, denominator, denominator_high;
  u32 key_high, key_low, inter_high, inter_low;  // the first eight bytes of the checkpoints' fingerprints
  u32 primaries, transfer, matrix, range, subsampling, depth;
  u32 chunks;  // where the first chunk begins
} SequenceHead;

typedef struct {
  u32 number, references, highest, layer, level, first, second;  // `first` and `second`: numbers of frames it refers to
  u32 length, crc;
  u32 duration, duration_high;  // of the frame whose number is the place in the table
} PacketEntry;

typedef struct {
  u32 pts, pts_high, count;
  u32 start;  // of the packets in the chunk's data
  PacketEntry packet[MAX_GROUP];
} GroupTable;

static int read_sequence(const u8 *data, size_t size, SequenceHead *head) {
  Bytes file = {data, 0, size, 0};
  Picture picture;
  memset(&picture, 0, sizeof picture), memset(head, 0, sizeof *head);
  if (!read_header(&file, &picture)) return 0;
  if (picture.kind != SEQUENCE) return fail("the file is no sequence");
  u64 length = varint(&file);
  size_t begin = file.at;
  if (!take_bytes(&file, (size_t)length)) return fail("the file is truncated");
  u32 found = crc32(data, file.at, 0);
  if (!same_crc(found, big_endian(&file, 4)) || file.short_of) return fail("the head of the sequence is damaged: its checksum does not match");
  Bytes stream = {data, begin, begin + (size_t)length, 0};
  head->alpha = big_endian(&stream, 1);
  u64 loops = varint(&stream), numerator = varint(&stream), denominator = varint(&stream);
  head->inter_high = big_endian(&stream, 4), head->inter_low = big_endian(&stream, 4);
  u32 *colour = &head->primaries;
  for (int i = 0; i < 6; i++) colour[i] = big_endian(&stream, 1);
  if (stream.short_of || stream.at != stream.size || head->alpha > 1 || !numerator || !denominator || head->subsampling > 3 || picture.coder || picture.level || picture.crc)
    return fail("the head of the sequence holds values that version 2 does not have");
  head->loops = (u32)loops, head->loops_high = (u32)(loops >> 32);
  head->numerator = (u32)numerator, head->numerator_high = (u32)(numerator >> 32);
  head->denominator = (u32)denominator, head->denominator_high = (u32)(denominator >> 32);
  head->width = picture.width, head->height = picture.height;
  head->key_high = picture.model_high, head->key_low = picture.model_low;
  head->chunks = (u32)file.at;
  return 1;
}

static int read_entry(Bytes *from, PacketEntry *packet) {
  u64 number = varint(from);
  u32 type = big_endian(from, 1);
  packet->number = number < MAX_GROUP ? (u32)number : MAX_GROUP, packet->references = type % HIGHEST;
  packet->highest = type / HIGHEST % 2, packet->layer = type / LAYER, packet->level = big_endian(from, 1);
  for (u32 r = 0; r < packet->references; r++) {
    u64 reference = varint(from);
    u32 *place = r ? &packet->second : &packet->first;
    *place = reference < MAX_GROUP ? (u32)reference : MAX_GROUP;
  }
  u64 length = varint(from);
  packet->crc = big_endian(from, 4), packet->length = (u32)length;
  return packet->references < 3 && length <= 0x7fffffff && !from->short_of;
}

// Whether every frame is there once, and refers to frames before it in the order of coding.
static int is_group(const GroupTable *table) {
  u8 there[MAX_GROUP + 1] = {0};  // 1: of the highest layer, 2: of others
  for (u32 i = 0; i < table->count; i++) {
    const PacketEntry *packet = &table->packet[i];
    if (packet->number >= table->count || there[packet->number] || !packet->references != !i) return 0;
    if (packet->references > 0 && there[packet->first] != 2) return 0;
    if (packet->references > 1 && there[packet->second] != 2) return 0;
    there[packet->number] = packet->highest ? 1 : 2;
  }
  return !table->packet[0].number && !table->packet[0].highest;
}

// The table that the data of a chunk GOPS begin with.
static int read_group_table(const u8 *data, size_t size, GroupTable *table) {
  Bytes from = {data, 0, size, 0};
  memset(table, 0, sizeof *table);
  table->pts_high = big_endian(&from, 4), table->pts = big_endian(&from, 4);
  u64 count = varint(&from);
  if (from.short_of || !count || count > MAX_GROUP) return fail("a group of the sequence is damaged: it cannot have so many frames");
  table->count = (u32)count;
  for (u32 i = 0; i < table->count; i++) {
    u64 duration = varint(&from);
    if (!duration) return fail("a group of the sequence is damaged: a frame has no duration");
    table->packet[i].duration = (u32)duration, table->packet[i].duration_high = (u32)(duration >> 32);
  }
  for (u32 i = 0; i < table->count; i++)
    if (!read_entry(&from, &table->packet[i])) return fail("a group of the sequence is damaged: its table is none");
  u32 found = crc32(data, from.at, 0);
  if (!same_crc(found, big_endian(&from, 4)) || from.short_of) return fail("the table of a group is damaged: its checksum does not match");
  table->start = (u32)from.at;
  return is_group(table) ? 1 : fail("a group of the sequence is damaged: its frames do not follow each other");
}
SMALL_END
