/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * attributes -- every attribute that a Mailman 2.1 list is known to have, by name: what it may be,
 * since which data version, and what a change of host means to it.
 *
 * Source: MailList.py and what it is made of, releases 2.1.1 to 2.1.39. Others occur (patches,
 * extend.py): they are kept, and told of.
 */

#include "base/text.h"
#include "pickle/value.h"

#include <stdbool.h>

enum lists_type {
	LISTS_NONE = 1 << 0,
	LISTS_FLAG = 1 << 1,    /* bool, or int 0 or 1: both occur in one file */
	LISTS_INT = 1 << 2,     /* int or bool */
	LISTS_NUMBER = 1 << 3,  /* int or float */
	LISTS_STRING = 1 << 4,  /* str or unicode */
	LISTS_STRINGS = 1 << 5, /* list of these */
	LISTS_DICT = 1 << 6,
	LISTS_TOPICS = 1 << 7, /* list of (name, pattern, description, flag) */
	LISTS_RULES = 1 << 8,  /* list of (patterns, action, flag) */
};

enum lists_attribute_mark {
	LISTS_SECRET = 1 << 0,        /* is, or holds, what lets somebody in */
	LISTS_PER_MEMBER = 1 << 1,    /* a dict by lower-cased address: lists/member.h */
	LISTS_HAS_HOST = 1 << 2,      /* names the host, whatever it says */
	LISTS_MAY_HAVE_HOST = 1 << 3, /* text or addresses, in which a host's name can stand */
	LISTS_RUNNING = 1 << 4, /* changes by itself while the list is used: a counter, a time */
	LISTS_RARE = 1 << 5,    /* not every list has it */
};

struct lists_attribute {
	const char *name;
	unsigned types;    /* of enum lists_type: any of them is right */
	unsigned since;    /* DATA_FILE_VERSION that first has it in every list; 0: all of 2.1 */
	unsigned marks;    /* of enum lists_attribute_mark */
	const char *words; /* of the numbers 0, 1, 2 ..., with "|" between them; or NULL */
};

/* By name; NULL: not known. Names are str in Mailman's own files, and unicode in those of ports. */
const struct lists_attribute *lists_attribute_named(struct span name);
/* All of them, sorted by name. */
const struct lists_attribute *lists_attributes(size_t *n);

/* Whether the value is of a type that this attribute may have. */
bool lists_attribute_fits(const struct lists_attribute *a, struct value v);
/* "a list of strings, or None": what it should have been; appended. */
void lists_attribute_expects(const struct lists_attribute *a, struct buf *out);
/* The word of a number; false when there is none. */
bool lists_attribute_word(const struct lists_attribute *a, struct value v, struct span *word);
