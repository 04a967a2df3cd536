// LZMA without a header, with an end marker (docs/format.md, section 8.3).
#pragma once
#include "range_coder.h"
SMALL_BEGIN

enum { LZMA_STATES = 12, LZMA_RATE = 5, LZMA_POSITIONS = 2, LZMA_LITERAL = 0x300, LZMA_FURTHEST = 1 << 22, LZMA_SHORTEST = 2 };

typedef struct {
  u16 above_low, above_middle, low[LZMA_POSITIONS][8], middle[LZMA_POSITIONS][8], high[256];
} LzmaLengths;

typedef struct {
  u16 copied[LZMA_STATES][LZMA_POSITIONS], repeated[LZMA_STATES], not_last[LZMA_STATES], not_second[LZMA_STATES], not_third[LZMA_STATES];
  u16 long_last[LZMA_STATES][LZMA_POSITIONS], slots[4][64], near[14][64], low_bits[16], literals[LZMA_POSITIONS][LZMA_LITERAL];
  LzmaLengths lengths, repeated_lengths;
} LzmaChances;

static u32 lzma_tree(RangeCoder *coder, u16 *chances, u32 bits) {
  u32 node = 1;
  for (u32 i = 0; i < bits; i++) node = node * 2 + range_bit(coder, &chances[node], LZMA_RATE);
  return node - (1u << bits);
}

// The lowest bit first.
static u32 lzma_reversed(RangeCoder *coder, u16 *chances, u32 bits) {
  u32 node = 1, value = 0;
  for (u32 i = 0; i < bits; i++) {
    u32 bit = range_bit(coder, &chances[node], LZMA_RATE);
    node = node * 2 + bit, value |= bit << i;
  }
  return value;
}

static u32 lzma_plain_bits(RangeCoder *coder, u32 count) {
  u32 value = 0;
  while (count--) {
    coder->range >>= 1;
    u32 bit = coder->code >= coder->range;
    if (bit) coder->code -= coder->range;
    value = value << 1 | bit;
    if (coder->range < 1u << 24) coder->range <<= 8, coder->code = coder->code << 8 | next_byte(coder);
  }
  return value;
}

static u32 lzma_length(RangeCoder *coder, LzmaLengths *lengths, u32 position) {
  if (!range_bit(coder, &lengths->above_low, LZMA_RATE)) return LZMA_SHORTEST + lzma_tree(coder, lengths->low[position], 3);
  if (!range_bit(coder, &lengths->above_middle, LZMA_RATE)) return LZMA_SHORTEST + 8 + lzma_tree(coder, lengths->middle[position], 3);
  return LZMA_SHORTEST + 16 + lzma_tree(coder, lengths->high, 8);
}

// How far back a copy begins, less one; the largest number is the end of the stream.
static u32 lzma_distance(RangeCoder *coder, LzmaChances *chances, u32 length) {
  u32 of_length = length - LZMA_SHORTEST < 3 ? length - LZMA_SHORTEST : 3, slot = lzma_tree(coder, chances->slots[of_length], 6);
  if (slot < 4) return slot;
  u32 bits = (slot >> 1) - 1, distance = (2 | (slot & 1)) << bits;
  if (slot < 14) return distance + lzma_reversed(coder, chances->near[slot], bits);
  distance += lzma_plain_bits(coder, bits - 4) << 4;
  return distance + lzma_reversed(coder, chances->low_bits, 4);
}

static u8 lzma_literal(RangeCoder *coder, u16 *chances, u32 state, u32 matched) {
  u32 node = 1;
  if (state >= 7)  // after a copy: next to the byte that the copy would have had
    while (node < 0x100) {
      u32 expected = matched >> 7 & 1, bit = range_bit(coder, &chances[((1 + expected) << 8) + node], LZMA_RATE);
      matched <<= 1, node = node * 2 + bit;
      if (bit != expected) break;
    }
  while (node < 0x100) node = node * 2 + range_bit(coder, &chances[node], LZMA_RATE);
  return (u8)node;
}

// The distances that copies had last, the new one in front.
static void lzma_move_up(u32 *last, int from) {
  u32 distance = last[from];
  for (int i = from; i > 0; i--) last[i] = last[i - 1];
  last[0] = distance;
}

// A copy's distance comes to last[0]; its length is returned, 0 for the end marker.
static u32 lzma_copy(RangeCoder *coder, LzmaChances *chances, u32 *state, u32 position, u32 *last) {
  if (!range_bit(coder, &chances->repeated[*state], LZMA_RATE)) {
    lzma_move_up(last, 3);
    u32 length = lzma_length(coder, &chances->lengths, position);
    last[0] = lzma_distance(coder, chances, length);
    *state = *state < 7 ? 7 : 10;
    return last[0] == 0xffffffffu ? 0 : length;
  }
  if (!range_bit(coder, &chances->not_last[*state], LZMA_RATE)) {
    if (!range_bit(coder, &chances->long_last[*state][position], LZMA_RATE)) return *state = *state < 7 ? 9 : 11, 1;
  } else if (!range_bit(coder, &chances->not_second[*state], LZMA_RATE)) {
    lzma_move_up(last, 1);
  } else {
    lzma_move_up(last, range_bit(coder, &chances->not_third[*state], LZMA_RATE) ? 3 : 2);
  }
  *state = *state < 7 ? 8 : 11;
  return lzma_length(coder, &chances->repeated_lengths, position);
}

// The bytes of a stream that must have so many; null for a damaged one. `wide`: they are pairs, in which first and second differ.
static u8 *unlzma(const u8 *data, size_t size, int wide, size_t count) {
  u8 *to = take(count);
  LzmaChances *chances = take(sizeof *chances);
  if (!to || !chances) return NULL;
  for (size_t i = 0; i < sizeof *chances / sizeof(u16); i++) ((u16 *)chances)[i] = CHANCE_HALF;
  if (!size || data[0]) return NULL;
  RangeCoder coder = range_coder(data + 1, size - 1);
  u32 state = 0, last[4] = {0};
  for (size_t done = 0; coder.at <= coder.size;) {
    u32 position = wide ? done & 1 : 0;
    if (!range_bit(&coder, &chances->copied[state][position], LZMA_RATE)) {
      if (done == count || last[0] >= (done ? done : 1)) return NULL;
      to[done] = lzma_literal(&coder, chances->literals[position], state, done ? to[done - 1 - last[0]] : 0);
      done++, state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    u32 length = lzma_copy(&coder, chances, &state, position, last);
    if (!length) return done == count && coder.at == coder.size && !coder.code ? to : NULL;
    if (last[0] >= done || last[0] >= LZMA_FURTHEST || length > count - done) return NULL;
    for (; length--; done++) to[done] = to[done - 1 - last[0]];
  }
  return NULL;
}
SMALL_END
