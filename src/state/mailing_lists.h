/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mailing_lists -- each mailing list that moves, and how far it has come. */

#include "base/error.h"
#include "state/state.h"

#include <stddef.h>
#include <stdint.h>

enum mailing_list_phase {
	MAILING_LIST_KNOWN = 1, /* it has its place in the order */
	MAILING_LIST_COMING,    /* some of it may be on new */
	MAILING_LIST_SEEDED,    /* a pass has brought all of it */
	MAILING_LIST_VERIFIED,  /* and a comparison has found no difference */
	MAILING_LIST_OPENED,    /* lives on new: old is not asked about it any more */
};
const char *mailing_list_phase_name(enum mailing_list_phase phase); /* "known", "coming", ... */

struct mailing_list {
	char *name;
	enum mailing_list_phase phase;
	int64_t at_ms;   /* of the last change of phase; since 1970 UTC */
	uint64_t wave;   /* 1, 2, ...; 0: in none */
	int64_t attempt; /* the cut-over that has opened it; 0: opened by itself, or not */
	char *trouble;   /* the first thing that the last pass could not do; "": none */
};
struct mailing_lists {
	struct mailing_list *rows; /* owned; by name */
	size_t n, room;
};
#define AUTO_MAILING_LISTS __attribute__((cleanup(mailing_lists_fini)))
void mailing_lists_fini(struct mailing_lists *l);

int mailing_lists_load(struct state *s, struct mailing_lists *out, struct error *err) MUST_CHECK;
/* NULL: it is not known. */
struct mailing_list *mailing_list_named(const struct mailing_lists *l, const char *name);
/* The row of that name, which is made when it is not there; pointers to others are no longer valid. */
struct mailing_list *mailing_list_make(struct mailing_lists *l, const char *name);
/* Changes a row in memory. */
void mailing_list_set(struct mailing_list *l, enum mailing_list_phase phase, const char *trouble);
/* Stores all rows, in one transaction; none is ever taken out. */
int mailing_lists_put(struct state *s, const struct mailing_lists *l, struct error *err) MUST_CHECK;
