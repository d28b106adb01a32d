/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * modes -- what is answered. A mode is a row of functions, one for each question of smtp/server.h; each
 * answers by session_reply(), or calls session_wait() and answers later. To add a mode: a file with
 * its row, a row in gate/modes.c, a word in gate/options.c.
 */

#include "gate/session.h"

struct mode {
	const char *name;
	/* The client may be sent away before it says a word: NULL, or what it is told with 421. */
	const char *(*turn_away)(struct session *s);
	void (*hello)(struct session *s, const struct smtp_event *event);
	void (*mail)(struct session *s, const struct smtp_event *event);
	void (*recipient)(struct session *s, const struct smtp_event *event);
	void (*data)(struct session *s);
	void (*body)(struct session *s, struct span octets);
	void (*chunk)(struct session *s); /* BDAT begins; nothing is owed */
	void (*chunk_end)(struct session *s);
	void (*message)(struct session *s, uint64_t octets); /* it is whole */
	void (*reset)(struct session *s); /* RSET, or the transaction is over: no answer here */
	void (*auth)(struct session *s, const struct smtp_event *event); /* AUTH, and its lines */
	void (*left)(struct session *s);                                 /* the session ends */
};

extern const struct mode mode_defer, mode_spool, mode_relay;

/* For this session, as the gate stands now: people who log in are relayed or deferred. */
const struct mode *mode_for(const struct session *s);

/* The old server sent for this client to everywhere. Not we: it is told to wait, or is the new server's
 * to judge, where that is told who the client is. */
bool mode_is_relay_client(const struct session *s);

/* The table's answer to a recipient: true when it is taken; else it was answered. */
bool mode_ask_recipients(struct session *s, const struct smtp_event *event);
