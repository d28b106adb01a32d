/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* gate -- what all sessions of one gate share. Inside the room. */

#include "gate/admission.h"
#include "gate/counters.h"
#include "gate/deliver.h"
#include "gate/loop.h"
#include "gate/options.h"
#include "gate/ports.h"
#include "gate/recipients.h"
#include "gate/tls.h"
#include "smtp/client.h"
#include "smtp/server.h"

#define GATE_RELAY_DOWN_MS 3000

struct control;
struct metrics;
struct session;
struct spool;

struct listener {
	uv_poll_t poll;
	struct gate *gate;
	int fd; /* -1: closed */
	uint16_t port;
	uint64_t neighbour; /* who listened there when we came; 0: nobody */
	enum gate_role role;
	bool tls;
};

struct gate {
	struct loop loop;
	const struct gate_options *options; /* borrowed */
	unsigned mode;                      /* enum gate_mode: of the next transaction */
	bool hold;                          /* of the spool, at the start */
	const char *name;                   /* borrowed; in replies */
	char host[256];
	char defer_text[GATE_ADDRESS_TEXT + 512];
	struct gate_counters counters;
	struct gate_limits *limits;
	struct gate_recipients *recipients;
	struct gate_tls *tls;
	SSL_CTX *client_tls;
	struct spool *spool; /* NULL: none */
	uv_poll_t spool_poll;
	struct deliver_options deliver_options;
	struct deliver *deliver; /* NULL: nowhere to */
	int pid_file;            /* -1: none */
	int tell_fd;             /* to our keeper; -1: none */
	pid_t keeper;            /* 0: none */
	struct control *control; /* NULL: none */
	struct metrics *metrics; /* NULL: none */
	struct listener listeners[GATE_LISTEN_MAX];
	size_t listeners_n;
	struct smtp_server_options smtp;
	struct smtp_client_options relay;
	int64_t relay_down_until_ms; /* loop time: so long the new server is not asked */
	struct session *sessions;    /* all of them */
	uint64_t next_session;
	struct buf out; /* for replies: no session keeps one of its own */
	int64_t started_ms;
	uv_prepare_t turn;
	uv_signal_t signals[3];
	int64_t end_by_ms; /* loop time; 0: not ending */
	bool deliver_stopped;
	unsigned ticks;
};

/* An octet for our keeper (gate/ports.h), if there is one. */
void gate_tell_keeper(struct gate *g, char octet);

/* Begins to end: listens no more, lets what is under way come to its end. */
void gate_begin_end(struct gate *g, const char *why);

/* Reads certificates and recipients anew, from their files. On failure all stays as it was. */
int gate_reload(struct gate *g, struct error *err) MUST_CHECK;

/* Another mode from the next transaction on. ERROR_RETRY_NEVER: what it needs was not given. */
int gate_set_mode(struct gate *g, unsigned mode, struct error *err) MUST_CHECK;
