/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* show -- the items of a site for a person, and as JSON. */

#include "state/items.h"

#include <stdio.h>

struct json_t;

/* Tables by topic, then the checklist, file by file. */
void survey_print(FILE *out, const struct items *items, const char *title);

/* One object: { "counts": {...}, "items": [...] }; the caller owns the reference. */
struct json_t *survey_json(const struct items *items);
