/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* imap_fetch -- messages of an IMAP server, over several connections at once. */

#include "copy/imap.h"

enum imap_want_state {
	IMAP_WANT_TODO,
	IMAP_WANT_ALONE, /* it failed among others: in a command of its own */
	IMAP_WANT_ASKED,
	IMAP_WANT_DONE, /* given, or given up */
};

struct imap_want {
	const char *folder; /* borrowed; as IMAP names it */
	uint32_t uidvalidity, uid;
	uint64_t size; /* a guess */
	/* of imap_fetch.c */
	enum imap_want_state state;
	unsigned line, tries;
};

struct imap_fetch {
	const struct copy_imap *source;
	struct imap_want
		*wants; /* borrowed; by folder, then UID; those of a folder stand together */
	size_t n;
	uint64_t *breaks;
	void *context;
	/* One message, whole: `body` may be read during the call. -1 ends all. */
	int (*message)(void *context, size_t index, const struct imap_response *p,
	               const struct imap_body *body, struct error *err);
	/* It is not there any more (`why` NULL), or the server does not give it. */
	void (*missing)(void *context, size_t index, const char *why);
};

/*
 * Gets all of them; each ends in one of the two calls.
 *
 *   first   may be NULL: a session that is used as the first connection, and taken
 *   errors  no connection can be had any more, or message() failed
 */
int imap_fetch_run(struct imap_fetch *f, struct imap_session *first, struct error *err) MUST_CHECK;
