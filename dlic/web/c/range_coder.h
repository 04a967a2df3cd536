// Bits with adaptive probabilities: the range decoder of LZMA.
#pragma once
#include "bytes.h"
SMALL_BEGIN

enum { CHANCE_HALF = 1024, CHANCE_WHOLE = 2048 };

typedef struct {
  const u8 *data;
  size_t at, size;
  u32 range, code;
} RangeCoder;

// Beyond the end, bytes are 0.
INLINE u8 next_byte(RangeCoder *coder) {
  u8 byte = coder->at < coder->size ? coder->data[coder->at] : 0;
  coder->at++;
  return byte;
}

static RangeCoder range_coder(const u8 *data, size_t size) {
  RangeCoder coder = {data, 0, size, 0xffffffffu, 0};
  for (int i = 0; i < 4; i++) coder.code = coder.code << 8 | next_byte(&coder);
  return coder;
}

// `chance` is that of a 0; each bit moves it by 1 / 2^rate of what is left.
static u32 range_bit(RangeCoder *coder, u16 *chance, int rate) {
  u32 bound = (coder->range >> 11) * *chance, bit = coder->code >= bound;
  if (bit) coder->code -= bound, coder->range -= bound, *chance -= *chance >> rate;
  else coder->range = bound, *chance += (CHANCE_WHOLE - *chance) >> rate;
  while (coder->range < 1u << 24) coder->range <<= 8, coder->code = coder->code << 8 | next_byte(coder);
  return bit;
}
SMALL_END
