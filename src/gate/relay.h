/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * relay -- a session's connection to the new server: connected, under TLS where that is wished, told who
 * the client is, and then one command at a time.
 *
 * The owner is told of each thing by struct relay_ops. None of them is called from inside relay_open(),
 * relay_command() and the like.
 */

#include "gate/gate.h"
#include "gate/stream.h"

struct relay;
struct session;

struct relay_ops {
	/* It can be spoken to: relay_hello() has been answered. `offers` are in relay_client(). */
	void (*ready)(struct session *s);
	/* The answer to a command, to relay_data(), or to relay_end(). */
	void (*answer)(struct session *s, const struct smtp_reply *reply);
	/* What was written is gone: more may come. */
	void (*drained)(struct session *s);
	/* It is lost; `was_there`: it has said something before. The relay is gone by now. */
	void (*lost)(struct session *s, const char *why, bool was_there);
};

/* Begins to connect, for s->peer; s->relay is there from now on, until `lost` or relay_drop(). -1: it
 * can't even begin; `lost` is not called. */
int relay_open(struct session *s, const struct relay_ops *ops, struct error *err) MUST_CHECK;

/* EHLO anew; `ready` comes again. */
void relay_hello(struct relay *r);
/* One line without CRLF; `answer` comes. */
void relay_command(struct relay *r, struct span line);
/* Octets of the message after 354. */
void relay_body(struct relay *r, struct span octets);
void relay_end(struct relay *r);
bool relay_is_full(const struct relay *r);
const struct smtp_client *relay_client(const struct relay *r);

/* Closes it, politely where nothing is under way; s->relay is NULL then. NULL is allowed. */
void relay_drop(struct session *s);

/* Reads what TLS towards the new server needs; before rights are dropped. */
int gate_relay_prepare(struct gate *g, struct error *err) MUST_CHECK;
