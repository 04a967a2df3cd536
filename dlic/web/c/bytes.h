// Bytes with a position that never passes their end, and CRC-32.
#pragma once
#include "platform.h"

typedef struct {
  const u8 *data;
  size_t at, size;
  int short_of;  // whether more was asked for than there is
} Bytes;

// The next `count` bytes; null, and `short_of`, where there are fewer.
static const u8 *take_bytes(Bytes *from, size_t count) {
  if (from->short_of || count > from->size - from->at) {
    from->short_of = 1;
    return 0;
  }
  const u8 *start = from->data + from->at;
  from->at += count;
  return start;
}

static u32 big_endian(Bytes *from, int width) {
  const u8 *p = take_bytes(from, (size_t)width);
  u32 value = 0;
  for (int i = 0; p && i < width; i++) value = value << 8 | p[i];
  return value;
}

static u32 little_endian(Bytes *from) {
  const u8 *p = take_bytes(from, 4);
  return p ? p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24 : 0;
}

// A whole number below 2³⁵, seven bits a byte.
static u64 varint(Bytes *from) {
  u64 value = 0;
  for (int place = 0; place < 5; place++) {
    const u8 *p = take_bytes(from, 1);
    if (!p) return 0;
    value |= (u64)(*p & 127) << 7 * place;
    if (*p < 128) return value;
  }
  from->short_of = 1;
  return 0;
}

static u32 crc_table[8][256];

static void make_crc_table(void) {
  for (u32 i = 0; i < 256; i++) {
    u32 crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    crc_table[0][i] = crc;
  }
  for (u32 i = 0; i < 256; i++)
    for (int k = 1; k < 8; k++) crc_table[k][i] = crc_table[k - 1][i] >> 8 ^ crc_table[0][crc_table[k - 1][i] & 255];
}

INLINE u32 four(const u8 *p) { return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }

// CRC-32 of bytes behind others that have the CRC-32 `before`; 0 for none. Eight bytes a step.
static u32 crc32(const u8 *p, size_t size, u32 before) {
  if (!crc_table[0][1]) make_crc_table();
  u32 crc = ~before;
  for (; size >= 8; p += 8, size -= 8) {
    u32 low = crc ^ four(p), high = four(p + 4);
    crc = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^ crc_table[5][low >> 16 & 255] ^ crc_table[4][low >> 24] ^
          crc_table[3][high & 255] ^ crc_table[2][high >> 8 & 255] ^ crc_table[1][high >> 16 & 255] ^ crc_table[0][high >> 24];
  }
  while (size--) crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 255];
  return ~crc;
}

// Fuzzing goes behind the checksums.
INLINE int same_crc(u32 found, u32 stated) {
#ifdef DLIC_FUZZING
  return (void)found, (void)stated, 1;
#else
  return found == stated;
#endif
}
