/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* late_inside -- for the files that bring what came late; for each other's use. */

#include "lists/late.h"
#include "pickle/read.h"

#include <stdbool.h>

/* A list of which something may have to be done. */
struct late {
	const struct lists_late *l;
	const char *list;
	struct strings noted; /* "r 12", "p COOKIE" */
	struct strings given; /* "12 57": old's number, and new's */
	struct value_file old_requests, new_requests, old_tokens, new_tokens;
	bool requests_change, tokens_change;
	uint64_t n;
};

static inline struct value late_dict(const struct value_file *f)
{
	return f->n ? f->rows[0] : (struct value){ 0 };
}

/* "heldmsg-LIST-NUMBER.pck", or .txt as the name `of`; the caller's. */
char *late_held_name(const char *list, int64_t id, struct span of);

/* late_record.c: lines of state, sorted; a name of a fact and a line are the caller's. */
char *late_fact(const char *what, const char *list);
int late_get_lines(struct state *s, const char *what, const char *list, struct strings *out,
                   struct error *err) MUST_CHECK;
int late_put_lines(struct state *s, const char *what, const char *list, const struct strings *in,
                   struct error *err) MUST_CHECK;
bool late_has(const struct strings *sorted, const char *line);
/* "r 12", "p COOKIE": what a request or a token is known by; NULL: it is neither. */
char *late_line_of(bool token, struct value key);
/* What is on old now. */
int late_note_old(struct late *g, struct error *err) MUST_CHECK;
/* New's number of one of old's, on record before it is used: a call that was cut off gives the same. */
int late_give_number(struct late *g, int64_t old, int64_t *out, struct error *err) MUST_CHECK;
