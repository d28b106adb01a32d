/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* listed -- the mailing lists of a side: their addresses, and of a Mailman 2.1 their pages. Inside the room. */

#include "check/check.h"

struct listed {
	char *name;
	char *local, *domain; /* of its address; "": not known */
	char *pages;   /* where its pages begin, with a slash at the end: "https://.../mailman/" */
	char *archive; /* URL of its archive, were it public */
	bool is_private; /* its archive is for members alone */
};
struct listed_all {
	struct listed *rows; /* owned; by name */
	size_t n, room;
	char *ending; /* behind the name of each page: "", ".cgi" */
	bool of_3;    /* of a Mailman 3: addresses alone are known */
};

/*
 * Those with pages, of a Mailman 2.1. Asks the host of the side that is asked; once, for all
 * questions that this process puts to it.
 *
 *   out      borrowed until the process ends
 *   returns  1; 0: there is none, which is told; -1
 */
int listed_read(const struct check_asking *a, const struct listed_all **out, struct buf *seen,
                struct error *err) MUST_CHECK;

/* The same for questions that ask for addresses alone: of new also those of lists in its Mailman 3. */
int listed_addresses(const struct check_asking *a, const struct listed_all **out, struct buf *seen,
                     struct error *err) MUST_CHECK;
