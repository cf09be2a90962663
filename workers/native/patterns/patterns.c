/* SPDX-License-Identifier: Apache-2.0 */
#include "native/patterns/patterns.h"

#define PATTERN_ROW(name) {#name, name##_serve},

const struct pattern patterns[] = {PATTERN_LIST(PATTERN_ROW) PATTERN_LIST_BROKEN(PATTERN_ROW)};
const size_t pattern_count = sizeof patterns / sizeof *patterns;
