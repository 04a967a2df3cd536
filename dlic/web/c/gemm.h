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

// x · Φ(x), to 3e-6 where |x| ≤ 8. Φ − ½ is x · P(x²) / Q(x²) up to 5, where ½ is reached to 3e-7.
INLINE f4 gelu4(f4 x) {
  f4 bounded = max4(min4(x, splat4(5.0f)), splat4(-5.0f)), u = bounded * bounded;
  f4 p = MADD4(u, splat4(-1.6687266679582535e-08f), splat4(5.443698682938702e-06f));
  p = MADD4(u, p, splat4(0.0004104846448171884f));
  p = MADD4(u, p, splat4(0.006042851135134697f));
  p = MADD4(u, p, splat4(0.05993172153830528f));
  p = MADD4(u, p, splat4(0.39894136786460876f));
  f4 q = MADD4(u, splat4(0.00013892621791455895f), splat4(0.0032293684780597687f));
  q = MADD4(u, q, splat4(0.04298299923539162f));
  q = MADD4(u, q, splat4(0.3168798089027405f));
  q = MADD4(u, q, splat4(1.0f));
  return x * (bounded * p / q + splat4(0.5f));
}

// `to` may be `from`; `count` is a multiple of 4.
NOINLINE void gelu(const float *from, size_t count, float *to) {
  for (size_t i = 0; i < count; i += 4) store4(to + i, gelu4(load4(from + i)));
}
