/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * log_event -- one thing that happened to a message, as an MTA's log tells it. What the ledger,
 * `trace`, the canaries and the freeze's proof are made from.
 *
 * A queue id may come again for another message (short Postfix ids are made of microseconds and an
 * inode number), so (host, id) names a message only between its first event and its MTA_LOG_REMOVED.
 */

#include "base/text.h"

#include <stdint.h>

enum mta_log_kind {
	MTA_LOG_CLIENT = 1, /* taken from a client by SMTP: id, client, login */
	MTA_LOG_PICKUP,     /* taken from the local submission command: id, from, uid in `size` */
	MTA_LOG_MESSAGE_ID, /* id, message_id */
	MTA_LOG_QUEUED,     /* in the queue, now active: id, from, size, recipients */
	MTA_LOG_DELIVERY, /* an attempt for one recipient: id, to, orig_to, relay, status, dsn, text */
	MTA_LOG_EXPIRED, /* given up after too long: id, from */
	MTA_LOG_NOTICE, /* a notification was made about it: id, `notice` is the new message's id */
	MTA_LOG_HELD,   /* put on hold, or released (`text` says): id */
	MTA_LOG_REMOVED,    /* gone from the queue: id */
	MTA_LOG_REJECTED,   /* refused before it had an id: client, from, to, dsn, text */
	MTA_LOG_START,      /* the MTA came up: text */
	MTA_LOG_STOP,       /* the MTA went down */
	MTA_LOG_CONNECT,    /* a client connected: client */
	MTA_LOG_DISCONNECT, /* a client left: client */
};

enum mta_log_status {
	MTA_STATUS_NONE = 0,
	MTA_STATUS_SENT,
	MTA_STATUS_DEFERRED,
	MTA_STATUS_BOUNCED,
	MTA_STATUS_EXPIRED,
	MTA_STATUS_OTHER, /* deliverable, undeliverable: address probes */
};

/* All spans are borrowed from the line; one that the line has not is empty. */
struct mta_log_event {
	enum mta_log_kind kind;
	int64_t at_ms;                 /* since 1970 UTC */
	uint64_t pid;                  /* of the daemon */
	struct span program;           /* behind the last '/': "smtpd", "qmgr", "lmtp" */
	struct span service;           /* what stands before it: "postfix", "postfix/submission" */
	struct span id;                /* queue id */
	struct span client;            /* "mx.example.com[192.0.2.1]" */
	struct span login;             /* sasl_username */
	struct span message_id;        /* with its <>; "" for message-id=<> is "<>" */
	struct span from, to, orig_to; /* without <>; `from` of a notification is empty */
	struct span
		relay; /* "mx.example.com[192.0.2.1]:25", "local", "mail.example.org[private/lmtp]" */
	enum mta_log_status status;
	struct span dsn;       /* "2.0.0" */
	struct span text;      /* the reply, without its brackets */
	struct span queued_as; /* the id that the next hop gave it ("queued as ..."), or empty */
	struct span notice;
	uint64_t size; /* octets */
	uint64_t recipients;
};
