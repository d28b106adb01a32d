/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * render -- an archive as static pages, from its mbox, at the addresses that pipermail gives: VOLUME/thread.html,
 * VOLUME/000042.html, attachments/YYYYMMDD/HHHHHHHH/.
 *
 * A message has the number that pipermail gave: where the old pages are there, theirs, by Message-ID, and of a
 * message without one by its place between others; else that of its From_ line in the mbox. What the old archive does
 * not have gets numbers behind the last one. An old page whose message the mbox does not have is kept as it is.
 *
 * The same mbox gives the same octets. The pages are made beside the folder, are durable, and take its place in one
 * step; who reads meanwhile sees the old ones. Memory grows with the number of messages, not with what is in them.
 *
 * Source: Mailman/Archiver of 2.1.39.
 */

#include "base/error.h"
#include "lists/old_pages.h"
#include "lists/render_html.h"

#include <stdbool.h>

#define RENDER_MESSAGE_MAX (48u << 20) /* octets; of a longer message the page has its begin */

struct render_options {   /* all borrowed */
	const char *mbox; /* a file of this machine */
	const char *to;   /* the folder; NULL: nothing is written */
	struct render_list list;
	const struct old_pages *old; /* what pipermail has published; NULL: not known */
	const char *old_dir;         /* where that is; with `old` */
	void (*progress)(void *context, uint64_t done, uint64_t total, uint64_t octets);
	void *context;
};

struct render_result {
	uint64_t octets;     /* of the mbox */
	uint64_t from_lines; /* that begin a message by pipermail's rule */
	uint64_t strays;     /* of them: lines of a body. messages = from_lines - strays */
	uint64_t messages;   /* each has a page of its own */
	uint64_t volumes;
	uint64_t as_before;   /* messages at the address that they had, by the old pages */
	uint64_t attachments; /* files that were written */
	uint64_t kept_pages, kept_attachments; /* of the old archive, as they are */
	struct strings named; /* "message N: why": the page is there, and not all is on it */
	struct strings kept;  /* "VOLUME/NNNNNN.html": its message is not in the mbox */
};
#define AUTO_RENDER_RESULT __attribute__((cleanup(render_result_fini)))
void render_result_fini(struct render_result *r);

/* Refused: a folder that has something else in it than what an earlier call has made. */
int render(const struct render_options *o, struct render_result *r, struct error *err) MUST_CHECK;
