/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* archive_check -- whether an archive's pages, its indexes and its mbox tell of the same messages. */

#include "lists/archive_state.h"

enum archive_page_state {
	ARCHIVE_PAGE_KEPT = 1,  /* it is there, and the index has it */
	ARCHIVE_PAGE_WITHDRAWN, /* a page of ours stands for it */
	ARCHIVE_PAGE_UNINDEXED, /* it is there, and no index leads to it */
	ARCHIVE_PAGE_LOST,      /* the index has it, and there is no page */
	ARCHIVE_PAGE_NEW,       /* of a rebuild: it was not there before */
};
const char *archive_page_state_name(enum archive_page_state state);

struct archive_url {
	char *path; /* owned; "VOLUME/000042.html" */
	enum archive_page_state state;
};

struct archive_check {
	struct archive_url *urls; /* owned; by path; every page that is or was */
	size_t n, room;
	size_t kept, withdrawn, unindexed, lost;
	struct strings not_in_mbox; /* "PATH <ID>": a page whose message the mbox does not have */
	struct strings no_page;     /* "<ID>": of the mbox, and in no index */
	struct strings twice;       /* "<ID>": more than once in the mbox */
	struct strings numbers;     /* "000042: VOLUME, VOLUME": one number in two volumes */
	struct strings troubles;    /* what could not be read, and what the next post would break */
};
#define AUTO_ARCHIVE_CHECK __attribute__((cleanup(archive_check_fini)))
void archive_check_fini(struct archive_check *c);
/* Whether there is something that is not as it should be. */
bool archive_check_has_findings(const struct archive_check *c);

int archive_check(const struct archive_state *s, struct archive_check *out, struct error *err)
	MUST_CHECK;

/* "OLD<tab>NEW<tab>what" a line, OLD and NEW being paths below the list's archive, "-" where there is none:
 * what became of each address that was ever given out. */
void archive_check_map(const struct archive_check *c, struct buf *out);
