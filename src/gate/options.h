/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * options -- what the person decided: the command line, and a YAML file whose keys are the same
 * names. One table (gate/options.c) makes both, their checks, and the usage. To add one, add a row
 * there, a member here, and a paragraph in man/mailhaul-gate.8.
 */

#include "gate/address.h"

#define GATE_LISTEN_MAX 32u

enum gate_mode { GATE_DEFER, GATE_SPOOL, GATE_RELAY };
enum gate_role {
	GATE_ROLE_MX,         /* takes mail from everybody for our recipients */
	GATE_ROLE_SUBMISSION, /* takes mail of people who log in: relayed or deferred, never spooled */
};
enum gate_defer_at { GATE_DEFER_AT_GREETING, GATE_DEFER_AT_COMMAND };
enum gate_unreachable { GATE_UNREACHABLE_DEFER, GATE_UNREACHABLE_SPOOL };
enum gate_identity { GATE_IDENTITY_XCLIENT, GATE_IDENTITY_PROXY, GATE_IDENTITY_NONE };
enum gate_protocol { GATE_PROTOCOL_SMTP, GATE_PROTOCOL_LMTP };
enum gate_wish_tls { GATE_TLS_MAY, GATE_TLS_MUST, GATE_TLS_NEVER };
enum gate_newlines { GATE_NEWLINES_REJECT, GATE_NEWLINES_NORMALIZE };
enum gate_sandbox { GATE_SANDBOX_TRY, GATE_SANDBOX_MUST, GATE_SANDBOX_OFF };
enum gate_take { GATE_TAKE_WAIT, GATE_TAKE_STEER, GATE_TAKE_COPY, GATE_TAKE_GATE };

struct gate_listen_at {
	struct gate_address at;
	enum gate_role role;
	bool tls; /* from the first octet on */
};

struct gate_texts {
	char **rows; /* owned, and so are the texts */
	size_t n, room;
};

/* Of the texts, NULL is "not given". Seconds, octets, numbers. */
struct gate_options {
	struct gate_listen_at listen[GATE_LISTEN_MAX];
	size_t listen_n;
	unsigned mode; /* enum gate_mode */
	bool mode_given;
	unsigned defer_at;
	char *config;
	char *name;
	char *text;
	char *pid_file;
	char *control;
	struct gate_address metrics;
	uint64_t wait_s;     /* that an occupied port is tried again */
	unsigned take;       /* how a port gets from its holder to us */
	uint64_t patience_s; /* a client that is deferred at its greeting */
	char *user;
	unsigned sandbox;
	bool supervise;

	char *spool;
	uint64_t spool_size, reserve;
	bool hold;

	struct gate_texts domains;
	char *recipients;
	struct gate_texts tls; /* "CERTIFICATE[,KEY]" */

	struct gate_address deliver_to, submission_to;
	unsigned deliver_protocol, deliver_identity, deliver_tls;
	char *deliver_name, *deliver_ca;
	uint64_t deliver_sessions, deliver_per_session;
	uint64_t deliver_retry_least_s, deliver_retry_most_s;
	unsigned unreachable;

	struct gate_networks xclient_from, proxy_from, relay_networks;
	unsigned newlines;

	uint64_t connections, connections_each, rate, errors;
	uint64_t message_size, header_size, recipients_most;
	uint64_t command_timeout_s, data_timeout_s, least_rate;

	bool help, version;
};

#define AUTO_GATE_OPTIONS __attribute__((cleanup(gate_options_fini)))
void gate_options_fini(struct gate_options *o);

/*
 * Reads the command line, and the file that --config names. What stands in both is taken from the
 * command line; what may be repeated (--listen, --domain) is taken from both.
 *
 *   errors  ERROR_RETRY_NEVER; of the file with "FILE:LINE: "
 */
int gate_options_read(struct gate_options *out, int argc, char **argv, struct error *err)
	MUST_CHECK;

/* Appends the usage message. */
void gate_options_usage(struct buf *out);

const char *gate_mode_name(unsigned mode);
/* False when there is no such mode. */
bool gate_mode_parse(struct span word, unsigned *mode);
