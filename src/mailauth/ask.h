/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * ask -- asks the resolvers of a request on behalf of the libraries; inside of mailhaul-mailauth.
 *
 * A budget holds over the whole message: questions, time, and time-outs, so that resolvers which
 * are silent are not waited for once a signature.
 */

#include "dns/dns.h"

#define ASK_PTR ((enum dns_type)12)

struct asker {
	const struct dns_servers *resolvers; /* borrowed */
	int64_t end_ms;                      /* clock_monotonic_ms() */
	unsigned asked, late;
	size_t good;    /* the resolver that has answered last */
	char said[768]; /* why the last one that failed did so */
};

enum asked {
	ASKED_FOUND,  /* one record of the type, or more */
	ASKED_NONE,   /* the name does not exist, or has none of the type */
	ASKED_NOBODY, /* it can be no name, so nobody was asked */
	ASKED_FAILED, /* nobody could tell: `said` */
};

/* Asks for `name` as it stands: an octet of it that a label may not hold is escaped, a dot parts
 * labels. *out holds the answer section. */
enum asked ask_records(struct asker *a, const char *name, enum dns_type type,
                       struct dns_answer *out);

/* The TXT records of a name, each joined from its strings; an octet 0 becomes '?'. */
enum asked ask_texts(struct asker *a, const char *name, struct strings *out);
