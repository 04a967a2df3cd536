// Groups of whole numbers by canonical Huffman codes, as transparency is coded (`dlic/entropy/contexts.py`, `huffman.py`).
#pragma once
#include "bytes.h"
SMALL_BEGIN

enum { CONTEXTS = 48, DIRECT = 32, SYMBOLS = DIRECT + 4 * 19, LONGEST = 16 };

typedef struct {
  const u8 *data;
  size_t at, size;  // in bits
} Bits;

INLINE u32 bit(Bits *bits) {
  if (bits->at >= bits->size) return bits->at = bits->size + 1, 0;
  u32 value = bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1;
  bits->at++;
  return value;
}

static u32 take_bits(Bits *bits, u32 count) {
  u32 value = 0;
  while (count--) value = value << 1 | bit(bits);
  return value;
}

// An Elias gamma number; 0 where the bits end before it.
static u32 gamma_number(Bits *bits) {
  u32 zeros = 0;
  while (!bit(bits))
    if (bits->at > bits->size || ++zeros > 24) return 0;
  u32 value = 1u << zeros | take_bits(bits, zeros);
  return bits->at > bits->size ? 0 : value;
}

typedef struct {
  u16 count[LONGEST + 1], symbols[SYMBOLS + 1];  // codes of each length; symbols in the order of their codes
} Huffman;

static int read_lengths(Bits *bits, u32 size, u8 *lengths) {
  u32 place = 0, number;
  u8 used[SYMBOLS + 1] = {0};
  for (int is_used = 0; is_used == 0 || place < size; is_used ^= 1) {
    if (!(number = gamma_number(bits)) || number - 1 > size - place) return 0;
    for (; number > 1; number--) used[place++] = (u8)is_used;
    if (place == size) break;
  }
  int length = 8;
  for (u32 symbol = 0; symbol < size; symbol++) {
    lengths[symbol] = 0;
    if (!used[symbol]) continue;
    if (!(number = gamma_number(bits))) return 0;
    length += number % 2 ? -(int)(number / 2) : (int)(number / 2);
    if (length < 1 || length > LONGEST) return 0;
    lengths[symbol] = (u8)length;
  }
  return 1;
}

static int read_huffman(Bytes *from, Huffman *huffman) {
  u64 size = varint(from), bytes = varint(from);
  const u8 *data = size <= SYMBOLS + 1 && bytes <= 2 * size + 8 ? take_bytes(from, (size_t)bytes) : 0;
  u8 lengths[SYMBOLS + 1];
  Bits bits = {data, 0, 8 * (size_t)bytes};
  if (!data || !size || !read_lengths(&bits, (u32)size, lengths)) return 0;
  memset(huffman, 0, sizeof *huffman);
  u32 spans = 0, used = 0, place = 0;
  for (u32 symbol = 0; symbol < size; symbol++)
    if (lengths[symbol]) huffman->count[lengths[symbol]]++, spans += 1u << (LONGEST - lengths[symbol]), used++;
  if (spans > 1u << LONGEST || (used > 1 && spans != 1u << LONGEST)) return 0;
  for (int length = 1; length <= LONGEST; length++)
    for (u32 symbol = 0; symbol < size; symbol++)
      if (lengths[symbol] == length) huffman->symbols[place++] = (u16)symbol;
  return 1;
}

// The next symbol; −1 where no code matches or the bits end.
INLINE int next_symbol(const Huffman *huffman, Bits *bits) {
  i32 code = 0, first = 0, index = 0;
  for (int length = 1; length <= LONGEST; length++) {
    code |= (i32)bit(bits);
    i32 count = huffman->count[length];
    if (code - first < count) return bits->at > bits->size ? -1 : huffman->symbols[index + code - first];
    index += count, first = (first + count) << 1, code <<= 1;
  }
  return -1;
}

// Symbols of a group, in which runs of zeros may be counted. Returns whether exactly `count` come out.
static int read_group_symbols(const Huffman *huffman, Bits *bits, u64 coded, int runs, size_t count, i32 *to) {
  size_t done = 0;
  u32 place = 0;
  for (; coded; coded--) {
    int symbol = next_symbol(huffman, bits);
    if (symbol < 0) return 0;
    if (runs && symbol < 2) {
      if (place > 30) return 0;
      u64 zeros = (u64)(symbol + 1) << place++;
      if (zeros > count - done) return 0;
      while (zeros--) to[done++] = 0;
      continue;
    }
    place = 0;
    if (done == count || symbol - runs >= SYMBOLS) return 0;
    to[done++] = symbol - runs;
  }
  return done == count && bits->at + 7 >= bits->size;
}

static int read_group(Bytes *from, size_t count, i32 *values) {
  if (!count) return 1;
  u32 runs = big_endian(from, 1);
  u64 coded = varint(from);
  Huffman huffman;
  if (from->short_of || runs > 1 || coded > count || !read_huffman(from, &huffman)) return 0;
  u64 size = varint(from);
  const u8 *data = size <= from->size ? take_bytes(from, (size_t)size) : 0;
  Bits bits = {data, 0, 8 * (size_t)size};
  if (!data || !read_group_symbols(&huffman, &bits, coded, (int)runs, count, values)) return 0;
  u64 rest = 0;
  for (size_t i = 0; i < count; i++) rest += values[i] < DIRECT ? 0 : (u64)(values[i] - DIRECT) / 4 + 3;
  Bits extra = {take_bytes(from, (size_t)((rest + 7) / 8)), 0, (size_t)rest};
  if (!extra.data) return 0;
  for (size_t i = 0; i < count; i++) {
    u32 symbol = (u32)values[i], folded = symbol;
    if (symbol >= DIRECT) {
      u32 more = (symbol - DIRECT) / 4 + 3;
      folded = (((symbol - DIRECT) & 3) | 4) << more | take_bits(&extra, more);
    }
    values[i] = folded & 1 ? -(i32)(folded >> 1) - 1 : (i32)(folded >> 1);
  }
  return 1;
}

// Values by contexts: those of a group of contexts lie together, in the order in which they are asked for.
typedef struct {
  i32 *values;
  size_t next[CONTEXTS], end[CONTEXTS];  // by group
  u8 group_of[CONTEXTS];
  int groups;
} Grouped;

static int read_groups(Bytes *from, size_t count, Grouped *grouped) {
  size_t done = 0;
  grouped->groups = 0;
  grouped->values = take(count * sizeof(i32) + 1);
  if (!grouped->values) return fail(NO_MEMORY);
  for (u32 contexts = 0; contexts < CONTEXTS; grouped->groups++) {
    u32 size = big_endian(from, 1);
    u64 held = varint(from);
    if (from->short_of || !size || size > CONTEXTS - contexts || held > count - done) return 0;
    if (!read_group(from, (size_t)held, grouped->values + done)) return 0;
    while (size--) grouped->group_of[contexts++] = (u8)grouped->groups;
    grouped->next[grouped->groups] = done, done += (size_t)held, grouped->end[grouped->groups] = done;
  }
  return done == count;
}

// 0, 1, 2, …, three thresholds to an octave.
INLINE int context_of(i32 activity) {
  static const i32 thresholds[] = {0,   1,   2,   3,    4,    5,    7,    9,    12,   15,   19,   24,    31,    39,    50,    63,
                                   80,  101, 127, 160,  202,  255,  322,  405,  511,  644,  812,  1023,  1289,  1624,  2047,  2579,
                                   3250, 4095, 5160, 6501, 8191, 10320, 13003, 16383, 20642, 26007, 32767, 41284, 52015, 65535};
  int low = 0, high = sizeof thresholds / sizeof *thresholds;
  while (low < high) {
    int middle = (low + high) / 2;
    if (thresholds[middle] < activity) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The next value for an activity. A damaged stream gives wrong values; `all_used` tells.
INLINE i32 pull_value(Grouped *grouped, i32 activity) {
  int group = grouped->group_of[context_of(activity)];
  size_t at = grouped->next[group]++;
  return at < grouped->end[group] ? grouped->values[at] : 0;
}

static int all_used(const Grouped *grouped) {
  for (int group = 0; group < grouped->groups; group++)
    if (grouped->next[group] != grouped->end[group]) return 0;
  return 1;
}
SMALL_END
