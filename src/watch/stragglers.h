/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * stragglers -- who still comes to the old address, by what the gate's log or the old MTA's says there:
 * sessions by hour and by client, with the name it gives itself and the domains it brings mail of. The
 * caller reads the log.
 */

#include "base/text.h"

#include <jansson.h>
#include <stdint.h>

/* Names and domains are lower case letters, digits and "-._:[]"; what else a client says is a '?'. */
struct watch_straggler {
	char *client; /* owned; its address */
	char *name;   /* owned; behind its last HELO, or its name in the DNS; NULL: not known */
	struct strings
		senders; /* domains of its envelopes' senders, "<>" for bounces; not all of many */
	uint64_t n, messages;      /* sessions; messages, refused ones as well */
	int64_t first_ms, last_ms; /* wall clock */
};
struct watch_hour {
	int64_t at_ms; /* its begin */
	uint64_t n;
};
struct watch_sender {
	char *domain; /* owned */
	uint64_t n;   /* messages */
	int64_t last_ms;
};
/* Whose message this is, until its sender is told. */
struct watch_queued {
	char id[32];
	size_t row;
};
#define WATCH_QUEUED 32u

struct watch_stragglers {
	struct watch_straggler *rows; /* owned */
	size_t n, room;
	struct watch_hour *hours; /* owned; in the order of their first line */
	size_t hours_n, hours_room;
	struct watch_sender *senders; /* owned */
	size_t senders_n, senders_room;
	uint64_t all, untold; /* untold: of clients beyond those that are kept */
	int64_t last_ms;      /* of the last one; 0: none */
	uint64_t offset;      /* in the log, up to which it is known */
	bool unread;          /* the log could not be read last time: nobody knows who came */
	struct watch_queued queued[WATCH_QUEUED]; /* a ring; not kept */
	size_t queued_next;
};
void watch_stragglers_fini(struct watch_stragglers *s);

/* Takes whole lines: those of the gate, and of Postfix. Those before `since_ms` don't count. Returns the
 * octets taken; the rest is no whole line. */
size_t watch_stragglers_add(struct watch_stragglers *s, struct span text, int64_t since_ms,
                            int64_t now_ms);

json_t *watch_stragglers_json(const struct watch_stragglers *s);
void watch_stragglers_read_json(struct watch_stragglers *s, json_t *from);
/* "12 came to the old address, 3 in this hour, the last at ...; most: 192.0.2.7 mx.example.net (9)". */
void watch_stragglers_add_words(struct buf *out, const struct watch_stragglers *s, int64_t now_ms);
/* Lines: those who came most often, and the hours of a day. Nothing when nobody came. */
void watch_stragglers_add_table(struct buf *out, const struct watch_stragglers *s);
