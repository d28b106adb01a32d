/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* reading -- a pickle or marshal file in a test's own words, read, and seen as JSON. */

#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "pickle/read.h"
#include "pickle/show.h"

#include <string.h>

static inline void reading_keep(void *context, struct span octets)
{
	buf_add_span(context, octets);
}

static inline int reading_file(struct value_file *f, struct span octets,
                               const struct read_limits *limits, struct error *err)
{
	struct buf copy = { 0 };

	buf_add_span(&copy, octets);
	return value_file_read(f, &copy, limits, err);
}

/* The JSON of all rows, one a line; the caller owns it. With `err` NULL, reading must not fail. */
static inline char *reading_json(struct span octets, struct error *err)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = { 0 };
	struct error own = { 0 };
	struct buf text = { 0 };
	const struct show_sink sink = { reading_keep, &text };

	if (reading_file(&f, octets, &limits, err ? err : &own) < 0 && !err)
		fail_msg("%s", own.text);
	for (size_t i = 0; i < f.n; i++) {
		if (i)
			buf_add_char(&text, '\n');
		if (show_json(f.rows[i], 0, &sink, &own) < 0 && !err)
			fail_msg("%s", own.text);
	}
	return text.p ? buf_take(&text) : xstrdup("");
}

/* A literal may hold octets of 0. */
#define assert_reads(literal, json)                                                                \
	do {                                                                                       \
		AUTO_FREE char *seen_ = reading_json(SPAN(literal), NULL);                         \
		assert_string_equal(seen_, (json));                                                \
	} while (0)

/* Refused, with these words; and `json` is what could be read. */
#define assert_refused(literal, words, json)                                                       \
	do {                                                                                       \
		struct error err_ = { 0 };                                                         \
		AUTO_FREE char *seen_ = reading_json(SPAN(literal), &err_);                        \
		if (!strstr(err_.text, (words)))                                                   \
			fail_msg("\"%s\" is not in \"%s\"", (words), err_.text);                   \
		assert_int_equal(err_.retry, ERROR_RETRY_NEVER);                                   \
		assert_string_equal(seen_, (json));                                                \
	} while (0)
