/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * outside -- the pretended internet's one process: it answers DNS (port 53, UDP and TCP) and takes
 * mail (port 25), at whatever address it is asked, with STARTTLS but at one (INTERNET_PLAIN_V4). To be run
 * in a network namespace whose routes lead every address to itself (rehearse/stage.h).
 *
 * Mail is taken for everybody. How, the local part says in front of a first "+" or "-":
 *
 *	greylist   450 the first time that a client brings mail for this address, then taken
 *	later      451, always
 *	never      550
 *	slow       taken, 3 s after its end
 *
 * Each message that was taken is two files in a folder: "NUMBER.eml" as it came; and, written after it, "NUMBER.json":
 *
 *	{"client": "203.0.113.10", "helo": "mail.example.org", "offered": true,
 *	 "tls": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384",
 *	 "sender": "alice@example.org", "recipients": ["accept@one.outside.example"]}
 *
 * "tls" and "cipher" are "" where it came in clear.
 */

#include "rehearse/zonebook.h"

#include "base/error.h"

/*
 * Serves until it is killed, or the process that started it is dead. Never returns.
 *
 *   b       dynamic updates change it
 *   folder  descriptor of the folder for what is caught; borrowed
 *   ready   gets one octet when all listens; closed then
 */
void outside_serve(struct zonebook *b, int folder, int ready) __attribute__((noreturn));

/* ── of its files only ───────────────────────────────────────────────────────────────────────── */

/* A message being taken by one session. */
struct catch
{
	struct strings *seen; /* borrowed; of all sessions: who was greylisted once */
	int folder;           /* borrowed */
	unsigned *number;     /* borrowed; of the last message of all */
	char client[46];
	bool tls_offered;
	const char *tls_version, *tls_cipher; /* static; NULL: in clear */
	char *helo, *sender;                  /* owned */
	struct strings recipients;
	struct buf message;
	bool slow;
};
void catch_fini(struct catch *c);
void catch_forget(struct catch *c); /* the transaction is over */

struct smtp_server;
struct smtp_event;
/* Answers one event of the session. Returns how many milliseconds its answer has to wait. */
int catch_take(struct catch *c, struct smtp_server *s, const struct smtp_event *e, struct buf *out);
