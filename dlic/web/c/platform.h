// Types, vectors of 128 bits and memory, for WebAssembly and for any machine with clang; nothing of a C library in WebAssembly.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;

typedef float f4 __attribute__((vector_size(16), aligned(4)));
typedef double d2 __attribute__((vector_size(16), aligned(8)));
typedef i32 i4 __attribute__((vector_size(16), aligned(4)));

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))  // engines optimise a function at a call of it: hot loops are short functions
#define SMALL_BEGIN _Pragma("clang attribute push(__attribute__((minsize)), apply_to = function)")  // code that rarely runs
#define SMALL_END _Pragma("clang attribute pop")
#define UNROLL _Pragma("clang loop unroll(full)")

#ifdef __wasm__
#define EXPORT __attribute__((visibility("default"), used))
#else
#define EXPORT __attribute__((visibility("default")))
#endif

INLINE f4 load4(const float *p) { return *(const f4 *)p; }
INLINE void store4(float *p, f4 v) { *(f4 *)p = v; }
INLINE f4 splat4(float v) { return (f4){v, v, v, v}; }
INLINE f4 min4(f4 a, f4 b) {
  i4 less = a < b;
  return (f4)(((i4)a & less) | ((i4)b & ~less));
}
INLINE f4 max4(f4 a, f4 b) {
  i4 less = a < b;
  return (f4)(((i4)b & less) | ((i4)a & ~less));
}

INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// --- memory: everything is taken from a stack of pieces and given back down to a mark --------------------------------------

#ifndef ROOM
#define ROOM ((size_t)768 << 20)  // bytes that all pieces together may take
#endif

static size_t taken;  // bytes

#ifdef __wasm__

extern u8 __heap_base;
#define PAGE 65536

typedef size_t Mark;

INLINE Mark mark(void) { return taken; }
INLINE void release(Mark to) { taken = to; }

// Memory of `size` bytes, not cleared; null where there is no more.
static void *take(size_t size) {
  if (size > ROOM - taken) return 0;
  size = (size + 15) & ~(size_t)15;
  size_t start = ((size_t)&__heap_base + 15 & ~(size_t)15) + taken, end = start + size;
  size_t now = (size_t)__builtin_wasm_memory_size(0) * PAGE;
  if (end > now && __builtin_wasm_memory_grow(0, (end - now + PAGE - 1) / PAGE) == (size_t)-1) return 0;
  taken += size;
  return (void *)start;
}

void *memset(void *to, int value, size_t size) {
  u8 *p = to;
  while (size--) *p++ = (u8)value;
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  u8 *p = to;
  const u8 *q = from;
  while (size--) *p++ = *q++;
  return to;
}

#else  // each piece is malloc's own, so that AddressSanitizer sees its ends
#include <stdlib.h>
#include <string.h>

typedef struct Piece {
  struct Piece *before;
  size_t size;
} Piece;
typedef Piece *Mark;

static Piece *last_piece;

INLINE Mark mark(void) { return last_piece; }

static void release(Mark to) {
  while (last_piece != to) {
    Piece *gone = last_piece;
    taken -= gone->size, last_piece = gone->before;
    free(gone);
  }
}

static void *take(size_t size) {
  if (size > ROOM - taken) return 0;
  Piece *piece = malloc(sizeof(Piece) + size);
  if (!piece) return 0;
  *piece = (Piece){last_piece, size};
  taken += size, last_piece = piece;
  return piece + 1;
}

#endif

static void *take_zeros(size_t size) {
  void *piece = take(size);
  if (piece) memset(piece, 0, size);
  return piece;
}

// --- errors: the first one stays -------------------------------------------------------------------------------------------

static const char *problem;

INLINE int fail(const char *sentence) {
  if (!problem) problem = sentence;
  return 0;
}

#define NO_MEMORY "the picture takes more memory than this decoder may use"
