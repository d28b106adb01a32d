/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * link -- one connection to a server on the network, by its address, in clear or with TLS. All that
 * happens on it shares one time limit, so that who says a word a minute is not waited for. Inside the
 * room.
 */

#include "base/error.h"
#include "base/text.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct link {
	const char *
		from; /* borrowed, and set before link_open(): the address that we come from; NULL: any */
	int fd;
	SSL_CTX *context;
	SSL *ssl;           /* NULL: in clear */
	struct buf in, out; /* read and not yet used; to be written */
	int64_t end_ms;     /* monotonic */
	bool from_itself;   /* we speak from the address that we speak to */
	bool ended;         /* the server has closed it */
	long verdict;       /* of the chain: X509_V_OK ...; with TLS */
};
void link_fini(struct link *l);

/*
 * Connects within `limit_ms`, which is also the limit for all that follows.
 *
 *   errors  sys_errno ECONNREFUSED: nobody listens; ETIMEDOUT; ENETUNREACH ...
 */
int link_open(struct link *l, const char *address, unsigned port, int limit_ms, struct error *err)
	MUST_CHECK;
/* TLS. A certificate that does not hold is no error: link->verdict, link_fits().
 *   ca_file  the authorities; NULL: the system's
 *   name     what the server is told that is wanted (RFC 6066 section 3); NULL: nothing */
int link_secure(struct link *l, const char *ca_file, const char *name, struct error *err)
	MUST_CHECK;
/* Whether the server's certificate is for that name, and its chain holds; else the reason. */
const char *link_misfit(const struct link *l, const char *name); /* NULL: it fits; borrowed */
/* Sends what is in l->out. */
int link_write(struct link *l, struct error *err) MUST_CHECK;
/* Waits for more in l->in. The end of it is an error, too: then l->ended is set. */
int link_read(struct link *l, struct error *err) MUST_CHECK;
