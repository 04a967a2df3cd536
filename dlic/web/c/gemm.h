// Products of matrices in float32, and in float64 for whole numbers; GELU.
#pragma once
#include "platform.h"

#ifdef __wasm_relaxed_simd__
#define MADD4(a, b, c) __builtin_wasm_fma_f32x4(a, b, c)  // LLVM 14's name; build_web.py writes the opcode of the finished standard
#define MADD2(a, b, c) __builtin_wasm_fma_f64x2(a, b, c)
#else
#define MADD4(a, b, c) ((c) + (a) * (b))
#define MADD2(a, b, c) ((c) + (a) * (b))
#endif

#define REAL float
#define V f4
#define LANES 4
#define NAME(name) name##_f32
#define SPLAT(x) splat4(x)
#define MADD MADD4
#include "gemm.inc"

#define REAL double
#define V d2
#define LANES 2
#define NAME(name) name##_f64
#define SPLAT(x) ((d2){x, x})
#define MADD MADD2
#include "gemm.inc"

// x · Φ(x) = x / 2 · (1 + erf(x / √2)), to 2.5e-7 of |x| with errors of either sign: a bias would add up over the layers. erf is
// Eigen's rational function, 1 or −1 from ±4 on.
INLINE f4 gelu4(f4 x) {
  f4 scaled = x * splat4(0.70710678f), bounded = max4(min4(scaled, splat4(4.0f)), splat4(-4.0f)), u = bounded * bounded;
  f4 p = MADD4(u, splat4(-2.72614225801306e-10f), splat4(2.77068142495902e-08f));
  p = MADD4(u, p, splat4(-2.10102402082508e-06f));
  p = MADD4(u, p, splat4(-5.69250639462346e-05f));
  p = MADD4(u, p, splat4(-7.34990630326855e-04f));
  p = MADD4(u, p, splat4(-2.95459980854025e-03f));
  p = MADD4(u, p, splat4(-1.60960333262415e-02f));
  f4 q = MADD4(u, splat4(-1.45660718464996e-05f), splat4(-2.13374055278905e-04f));
  q = MADD4(u, q, splat4(-1.68282697438203e-03f));
  q = MADD4(u, q, splat4(-7.37332916720468e-03f));
  q = MADD4(u, q, splat4(-1.42647390514189e-02f));
  return x * (splat4(0.5f) * (bounded * p / q) + splat4(0.5f));
}

// `to` may be `from`; `count` is a multiple of 4.
NOINLINE void gelu(const float *from, size_t count, float *to) {
  for (size_t i = 0; i < count; i += 4) store4(to + i, gelu4(load4(from + i)));
}
