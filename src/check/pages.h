/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* pages -- what is expected of pages of one side, and what came of it. Inside the room. */

#include "check/check.h"
#include "http/http.h"

struct pages {
	const struct check_asking *a; /* borrowed */
	struct buf *seen;             /* borrowed; only what is not as expected is told */
	unsigned good, no, unknown;
	unsigned untold;        /* what was too much to be told */
	unsigned silent;        /* nobody listens there, and nobody need */
	struct strings unsound; /* owned; hosts whose certificates are told of, once each */
};
struct pages pages_of(const struct check_asking *a, struct buf *seen);
/* The answer for all that were expected; tells how many were good. Frees. */
enum check_answer pages_end(struct pages *p);

/* It is shown to everybody, perhaps behind redirects that stay on its host. */
void pages_expect_open(struct pages *p, const char *url);
/* The same, or it wants a password. */
void pages_expect_there(struct pages *p, const char *url);
/* It is not shown without a password. */
void pages_expect_closed(struct pages *p, const char *url);
/* It leads there at once and for good. */
void pages_expect_moved(struct pages *p, const char *from, const char *to);
/* It is shown, or leads at once to what is; a host that none of this side's is ends it, too. */
void pages_expect_one_hop(struct pages *p, const char *url);

/* For what is asked otherwise: counted, and told. */
void pages_tell_good(struct pages *p, const char *format, ...) PRINTF_LIKE(2, 3);
void pages_tell_no(struct pages *p, const char *format, ...) PRINTF_LIKE(2, 3);
void pages_tell_unknown(struct pages *p, const char *format, ...) PRINTF_LIKE(2, 3);
/* The page, no redirect followed. False: counted, and told. */
bool pages_fetch(struct pages *p, const char *url, struct http_answer *out);
/* What pages_expect_moved() says of this answer, counted, and told where it is not as expected. An address
 * that shall lead to itself is that of a page that stays: it is there, or wants a password. */
bool pages_judge_moved(struct pages *p, const char *from, const char *to,
                       const struct http_answer *answer);

/* One page of the side, no redirect followed; of one whose certificate does not hold, too. */
int pages_get(const struct check_asking *a, const char *url, struct http_answer *out,
              struct error *err) MUST_CHECK;
/* The same of the first of these addresses that answers. -1 where there is none: *err stays. */
int pages_get_at(const struct check_asking *a, const char *url, char *const *addresses, size_t n,
                 unsigned time_ms, struct http_answer *out, struct error *err) MUST_CHECK;
/* What asks web servers on behalf of this process, and ends with it. NULL: *err says why. */
struct http *pages_web(const struct check_asking *a, struct error *err);
/* Nobody listens, where before the opening nobody need. */
bool pages_may_be_silent(const struct check_asking *a, const struct error *err);
