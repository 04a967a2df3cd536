// Memory for what a caller passes, and what it asks after a function failed.
#pragma once
#include "platform.h"

EXPORT void *dlic_take(size_t size) {
  problem = 0;
  return take(size);
}

EXPORT Mark dlic_mark(void) { return mark(); }

EXPORT void dlic_release(Mark to) {
  problem = 0;
  release(to);
}

EXPORT const char *dlic_problem(void) { return problem; }
