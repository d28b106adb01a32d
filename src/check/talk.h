/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * talk -- one SMTP session with a server on the network, by its address. Commands one by one. All of it
 * in one time limit. For `check`, and for `rehearse`, which has a network of its own.
 */

#include "base/error.h"
#include "check/link.h"
#include "smtp/client.h"

struct talk {
	struct link link;
	struct smtp_client client;
	struct smtp_client_options options;
	/* Borrowed, and set before talk_open(): what we call ourselves; NULL: our host's name. */
	const char *name;
	struct buf greeting; /* the first line that the server says, not longer than is shown */
};
#define AUTO_TALK __attribute__((cleanup(talk_fini)))
void talk_fini(struct talk *t);

/*
 * Connects, reads the greeting, says EHLO, and STARTTLS where `tls` says so.
 *
 *   errors  sys_errno ECONNREFUSED: nobody listens; ETIMEDOUT; ECONNRESET ...
 */
int talk_open(struct talk *t, const char *address, unsigned port, enum smtp_tls_want tls,
              const char *ca_file, int limit_ms, struct error *err) MUST_CHECK;
/* Says one command and reads the answer: t->client.reply. */
int talk_say(struct talk *t, struct error *err, const char *format, ...) PRINTF_LIKE(3, 4);
/* DATA, the message (lines end by CRLF), and the verdict: t->client.reply. Only where a person has
 * said that mail may be sent. */
int talk_send(struct talk *t, struct span message, struct error *err) MUST_CHECK;
