/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * body -- the octets of one message as a server sent them, while they come. A large one lies in a
 * file without a name, so that memory does not grow with it.
 *
 * A server sends lines that end in CRLF; a Maildir keeps LF. Without the CR of each CRLF a message
 * is stored if that can be undone: each LF has its one CR. Any other message is kept octet by octet
 * as it came, so nothing is lost either way.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct imap_body {
	struct buf kept; /* all of it, while it is small */
	int fd;          /* of the file, or -1 */
	uint64_t size;   /* octets that came */
	uint64_t crlf;   /* line ends in them */
	bool irregular;  /* stored as it came */
	char last[2];    /* the last two octets, the last one second */
};

void imap_body_init(struct imap_body *b);
void imap_body_fini(struct imap_body *b);
/* Empty again; the memory stays. */
void imap_body_reset(struct imap_body *b);

int imap_body_add(struct imap_body *b, struct span octets, struct error *err) MUST_CHECK;

/* Octets that imap_body_walk() gives. */
uint64_t imap_body_stored_size(const struct imap_body *b);

typedef int imap_body_fn(void *context, struct span octets, struct error *err);
/* Gives all of it as it is to be stored, in pieces that are valid during the call. */
int imap_body_walk(const struct imap_body *b, imap_body_fn *give, void *context, struct error *err)
	MUST_CHECK;
