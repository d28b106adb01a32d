/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * show -- values for people, and as JSON that says of each what it is.
 *
 * Both are written as they are walked, into a buffer that a sink empties: a dump may be ten times the
 * file (a hundred megabytes for a large list), and must not stand in memory. So no JSON library is
 * used here, which wants a tree of its own first.
 *
 * A damaged or hostile tree is shown, too: what holds itself is named where it comes again, and
 * shared things that would expand endlessly are cut off, which is then an error.
 */

#include "pickle/value.h"

struct show_sink {
	/* `octets` are borrowed until it returns. */
	void (*write)(void *context, struct span octets);
	void *context;
};

/* A showing writes at most so many octets: at least 32 MiB, and 64 times `octets`, those of the file. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* a fuzzer's time is better spent */
#define SHOW_OCTETS_LEAST ((uint64_t)1 << 18)
#else
#define SHOW_OCTETS_LEAST ((uint64_t)32 << 20)
#endif
#define SHOW_OCTETS_TIMES 64u

/*
 * One JSON value, in ASCII, without a line's end:
 *
 *	None, True, 12                null, true, 12
 *	'text' (str)                  "b:text", octets above 127 as \u0080 to \u00ff
 *	u'text'                       "u:text"
 *	[1], (1,)                     [1], {"$tuple": [1]}
 *	{'b': 1, 'a': 2}              {"$dict": [["b:a", 2], ["b:b", 1]]}
 *	1.5, 12L                      {"$float": "1.5"}, {"$long": "12"}
 *	set(), frozenset()            {"$set": []}, {"$frozenset": []}
 *	an instance                   {"$inst": "module.Class", "state": ...}, and "args", "keywords",
 *	                              "items", "pairs" if it has them
 *	a class or function           {"$global": "module.name"}
 *	what REDUCE would have called {"$call": "module.name", "args": [...]}, and "state" ...
 *	a thing inside itself         {"$again": "dict"}
 *
 * Dicts are sorted by key: str by octets, then unicode, then all others by their JSON; of a key that
 * stands there twice the later.
 */
int show_json(struct value v, uint64_t octets, const struct show_sink *sink, struct error *err);

/* As Python 2's pprint with an indent of 4, which is how Mailman's dumpdb has it; instances as
 * <module.Class {...}>. Ends with a line feed. A str or unicode that stands alone is written as the
 * lines that it has, with what a terminal would obey as \xNN. */
int show_text(struct value v, uint64_t octets, const struct show_sink *sink, struct error *err);

/* A double as Python 2.7 and 3 write it: the shortest digits that give the same. */
const char *show_float(char out[32], double f);

/* A JSON string in quotes, for other documents around: octets that are UTF-8 as such, others as
 * \u0080 to \u00ff. */
void show_json_text(struct span s, struct buf *out);
