// The order in which values on a grid are coded, from coarse to fine (`dlic/classical/motion/lattice.py`).
#pragma once
#include "platform.h"
SMALL_BEGIN

enum { COARSEST = 8, PASSES = 7 };

// A place of a pass, with its neighbours of earlier passes. Where one is outside of the grid, another stands in its stead.
typedef struct {
  u32 at, around[4];
  u32 known;  // neighbours that there are: 0 … 4; with 0, `around` is 0
} Place;

// A place whose neighbours lie `distance` away: across corners, or with `straight` above, left, right and below.
static void make_place(int h, int w, int y, int x, int distance, int straight, Place *place) {
  static const i32 directions[2][4][2] = {{{-1, -1}, {-1, 1}, {1, -1}, {1, 1}}, {{-1, 0}, {0, -1}, {0, 1}, {1, 0}}};
  *place = (Place){(u32)(y * w + x), {0}, 0};
  for (int i = 0; i < 4 && distance; i++) {
    int ny = y + directions[straight][i][0] * distance, nx = x + directions[straight][i][1] * distance;
    if (ny >= 0 && ny < h && nx >= 0 && nx < w) place->around[place->known++] = (u32)(ny * w + nx);
  }
  for (u32 i = place->known; place->known && i < 4; i++) place->around[i] = place->around[i % place->known];
}

// The places of pass 0 … PASSES − 1 of a grid of h × w, row by row; returns their number.
static size_t places_of(int pass, int h, int w, Place *places) {
  int half = COARSEST >> (pass + 1) / 2, step = 2 * half;
  size_t count = 0;
  for (int y = 0; y < h; y += pass ? half : COARSEST)
    for (int x = 0; x < w; x += pass ? half : COARSEST) {
      int odd = (y % step == half) + (x % step == half);
      if (!pass || odd == (pass % 2 ? 2 : 1)) make_place(h, w, y, x, pass ? half : 0, pass % 2 == 0, &places[count++]);
    }
  return count;
}
SMALL_END
