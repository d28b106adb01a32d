/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* trace -- the parts of `mailhaul trace`: queues and mailboxes (trace.c), the MTA's logs (trace_mail.c),
 * Mailman (trace_lists.c), and posts that are nowhere (trace_vanished.c). */

#include "cmd/cmd.h"
#include "lists/site.h"
#include "lists/trace.h"

#include <jansson.h>

#define TRACE_HOSTS_MAX 16u

/* Every Mailman of the hosts that are asked; `= { 0 }`. */
struct trace_mailmans {
	const char *prefix; /* borrowed; as --prefix, or NULL */
	struct lists_installations found[TRACE_HOSTS_MAX];
	struct lists_site *sites;       /* owned; one of each installation */
	struct lists_trace_host *hosts; /* owned; the same */
	size_t n;
};
#define AUTO_TRACE_MAILMANS __attribute__((cleanup(trace_mailmans_fini)))
void trace_mailmans_fini(struct trace_mailmans *m);
/* Finds them; a host may have none. Sites are not read. */
int trace_mailmans_find(struct trace_mailmans *m, struct host *const *hosts, size_t n,
                        struct error *err) MUST_CHECK;

/* Appends a place; all words are fit for a terminal. */
void trace_add(json_t *places, const char *site, const char *where, int64_t at_ms, const char *file,
               const char *place, const char *what);
/* What the host's MTA wrote of a message, by its Message-ID or queue id. */
int trace_mail(json_t *places, const char *id, struct host *h, struct error *err) MUST_CHECK;
/* Appends a place for each where a Mailman of the hosts has, or had, the message `id`. */
int trace_lists(json_t *places, const char *id, const char *prefix, struct host *const *hosts,
                size_t n, struct error *err) MUST_CHECK;
/* All of `trace --vanished`; an exit code. */
int trace_vanished(const struct cmd_run *run, const char *prefix, struct host *const *hosts,
                   size_t n, struct error *err) MUST_CHECK;
