/* SPDX-License-Identifier: BSD-2-Clause */

/* prepare -- from the command line to a gate that may serve, and that may do nothing else. */

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "gate/control.h"
#include "gate/deliver.h"
#include "gate/listen.h"
#include "gate/log.h"
#include "gate/metrics.h"
#include "gate/relay.h"
#include "gate/reload.h"
#include "gate/rights.h"
#include "gate/server_inside.h"
#include "gate/session.h"
#include "gate/turnaway.h"
#include "spool/spool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DESCRIPTORS_KEPT 256u /* for the spool, the give-out and the like */
#define SPOOL_AGAIN_MS 50
#define IDLE_MAX 100 /* NOOPs and the like between two messages; Postfix's junk command limit */

/* ── names and numbers ───────────────────────────────────────────────────────────────────────── */

static int take_names(struct gate *g, struct error *err)
{
	const struct gate_options *o = g->options;

	(void)snprintf(g->host, sizeof g->host, "localhost");
	if (!o->name)
		(void)gethostname(g->host, sizeof g->host - 1);
	g->name = o->name ? o->name : g->host;
	if (!gate_reply_make(g->name, o->text, &g->out))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "--name and --text must be printable ASCII, together at most %u "
		                 "octets",
		                 GATE_LINE_MAX - 14);
	buf_reset(&g->out);
	(void)snprintf(g->defer_text, sizeof g->defer_text, "%s %s", g->name, o->text);
	return 0;
}

static void take_limits(struct gate *g)
{
	const struct gate_options *o = g->options;
	size_t descriptors = gate_raise_descriptors();
	struct gate_limits_set set = { o->connections, o->connections_each, o->rate };

	/* each relayed session is two connections */
	descriptors -= descriptors > 2 * DESCRIPTORS_KEPT ? DESCRIPTORS_KEPT : descriptors / 2;
	if (o->deliver_to.size && o->mode == GATE_RELAY)
		descriptors /= 2;
	if (set.connections > descriptors) {
		gate_log("limit connections=%zu asked=%llu why=\"ulimit -n\"", descriptors,
		         (unsigned long long)set.connections);
		set.connections = descriptors;
	}
	g->limits = gate_limits_new(&set);
	g->smtp = (struct smtp_server_options){
		.name = g->name,
		.size_max = o->message_size,
		.recipients_max = (unsigned)o->recipients_most,
		.errors_max = (unsigned)o->errors,
		.idle_max = IDLE_MAX,
		.newlines = o->newlines == GATE_NEWLINES_REJECT ? SMTP_NEWLINES_REJECT
		                                                : SMTP_NEWLINES_NORMALIZE,
		.hello_required = true,
	};
}

/* ── ports ───────────────────────────────────────────────────────────────────────────────────── */

static int take_ports(struct gate *g, struct gate_birth *birth, struct error *err)
{
	const struct gate_options *o = g->options;
	struct gate_ports own = { .n = 0 }, *ports = birth ? &birth->ports : &own;

	if (!birth && gate_ports_take(&own, o, err) < 0)
		return -1;
	for (size_t i = 0; i < ports->n; i++) {
		struct listener *l = &g->listeners[i];

		l->gate = g;
		l->port = gate_address_port(&o->listen[i].at);
		l->role = o->listen[i].role;
		l->tls = o->listen[i].tls;
		l->fd = fd_take(&ports->rows[i].fd);
		l->neighbour = ports->rows[i].neighbour;
		g->listeners_n++;
	}
	return 0;
}

/* ── our keeper ──────────────────────────────────────────────────────────────────────────────── */

void gate_tell_keeper(struct gate *g, char octet)
{
	if (g->tell_fd >= 0)
		(void)!write(g->tell_fd, &octet, 1);
}

/* Whoever ends it wants our end, and would start another one on our spool. A change of user would make
 * the kernel forget this. */
static int follow_keeper(const struct gate *g, struct error *err)
{
	if (!g->keeper)
		return 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() == g->keeper)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
	                 "--supervise: the keeper has gone");
}

/* ── rights ──────────────────────────────────────────────────────────────────────────────────── */

static int refuse_sandbox(const struct gate_options *o, const char *what, struct error *err)
{
	gate_log("sandbox missing=%s", what);
	if (o->sandbox != GATE_SANDBOX_MUST)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "--sandbox must: this system has no %s", what);
}

static int confine_files(const struct gate_options *o, struct error *err)
{
	AUTO_BUF struct buf paths = { 0 };
	AUTO_STRINGS struct strings readable = { 0 };
	const char *const writable[] = { o->spool };
	struct span rest, line;

	if (o->sandbox == GATE_SANDBOX_OFF)
		return 0;
	gate_reload_files(o, &paths);
	rest = buf_span(&paths);
	while (span_next_line(&rest, &line)) {
		/* a file is renewed by renaming another one over it: its folder has to be readable */
		while (line.n && line.p[line.n - 1] != '/')
			line.n--;
		if (line.n)
			strings_add_span(&readable, line);
	}
	if (o->deliver_ca)
		strings_add(&readable, o->deliver_ca);
	if (!gate_confine_files(writable, ROWS(writable), (const char *const *)readable.rows,
	                        readable.n))
		return refuse_sandbox(o, "Landlock", err);
	return 0;
}

/* ── the spool ───────────────────────────────────────────────────────────────────────────────── */

static void tell(void *context, const char *what)
{
	(void)context;
	gate_log("spool told=\"%s\"", what);
}

/* A gate that hands over still finishes what is under way, and has the spool for so long. */
static int open_spool(struct gate *g, struct error *err)
{
	const struct gate_options *o = g->options;
	struct spool_options options = { .path = o->spool,
		                         .size_max = o->spool_size,
		                         .reserve = o->reserve,
		                         .hold = g->hold,
		                         .told = tell };
	int64_t until = clock_monotonic_ms() + (int64_t)o->wait_s * 1000;

	while (spool_open(&g->spool, &options, err) < 0) {
		if (err->sys_errno == EACCES)
			return error_hint(err, "user %ld has to reach %s, and to own it",
			                  (long)geteuid(), o->spool);
		if (err->retry != ERROR_RETRY_LATER || clock_monotonic_ms() >= until)
			return -1;
		clock_sleep_ms(SPOOL_AGAIN_MS);
	}
	return 0;
}

static void log_delivery(void *context, struct span line)
{
	(void)context;
	buf_add_span(gate_log_begin(), line);
	gate_log_end();
}

static int open_delivery(struct gate *g, struct error *err)
{
	const struct gate_options *o = g->options;
	struct deliver_options *d = &g->deliver_options;

	*d = (struct deliver_options){
		.to = &o->deliver_to.any,
		.to_size = o->deliver_to.size,
		.to_text = o->deliver_to.text,
		.name = g->name,
		.lmtp = o->deliver_protocol == GATE_PROTOCOL_LMTP,
		.identity = o->deliver_identity == GATE_IDENTITY_XCLIENT ? DELIVER_XCLIENT
		            : o->deliver_identity == GATE_IDENTITY_PROXY ? DELIVER_PROXY
		                                                         : DELIVER_NOBODY,
		.tls = o->deliver_tls == GATE_TLS_MUST    ? DELIVER_TLS_MUST
		       : o->deliver_tls == GATE_TLS_NEVER ? DELIVER_TLS_NEVER
		                                          : DELIVER_TLS_MAY,
		.tls_ca = o->deliver_ca,
		.tls_name = o->deliver_name,
		.sessions = o->deliver_sessions,
		.per_session = o->deliver_per_session,
		.retry_least_ms = (int64_t)o->deliver_retry_least_s * 1000,
		.retry_most_ms = (int64_t)o->deliver_retry_most_s * 1000,
		.log = log_delivery,
	};
	return deliver_open(&g->deliver, &g->loop, g->spool, d, err);
}

static void on_room(void *context)
{
	session_hear_choked(context);
}

/* ── all of it ───────────────────────────────────────────────────────────────────────────────── */

static int give_up_rights(struct gate *g, struct error *err)
{
	const struct gate_options *o = g->options;
	struct gate_account account;

	gate_no_dumps();
	if (geteuid() == 0) {
		if (gate_account_find(o->user, o->spool, &account, err) < 0)
			return -1;
		if (o->spool && gate_make_folder(o->spool, &account, err) < 0)
			return -1;
		if (gate_drop_root(&account, err) < 0)
			return -1;
	}
	return confine_files(o, err);
}

int gate_prepare(struct gate *g, struct gate_birth *birth, struct error *err)
{
	const struct gate_options *o = g->options;

	g->pid_file = g->tell_fd = -1;
	if (birth) {
		g->tell_fd = fd_take(&birth->tell_fd);
		g->keeper = birth->keeper;
	}
	g->mode = birth ? birth->mode : o->mode;
	g->hold = birth ? birth->hold : o->hold;
	g->started_ms = clock_wall_ms();
	g->tls = gate_tls_new();
	if (take_names(g, err) < 0)
		return -1;
	take_limits(g);
	if (loop_open(&g->loop, err) < 0 || gate_reload_read(g, err) < 0 ||
	    take_ports(g, birth, err) < 0)
		return -1;
	if (o->control && control_open(&g->control, o->control, o->take == GATE_TAKE_GATE, err) < 0)
		return -1;
	if (o->metrics.size && metrics_open(&g->metrics, &o->metrics, err) < 0)
		return -1;
	if (gate_relay_prepare(g, err) < 0)
		return -1;
	if (o->pid_file && !birth) {
		g->pid_file = gate_pid_file_open(o->pid_file, err);
		if (g->pid_file < 0)
			return -1;
	}
	if (give_up_rights(g, err) < 0 || follow_keeper(g, err) < 0)
		return -1;
	if (o->spool) {
		if (open_spool(g, err) < 0)
			return -1;
		spool_on_room(g->spool, on_room, g);
		if (o->deliver_to.size && open_delivery(g, err) < 0)
			return -1;
	}
	if (o->sandbox != GATE_SANDBOX_OFF && !gate_confine_calls())
		return refuse_sandbox(o, "seccomp", err);
	if (g->pid_file >= 0 && gate_pid_file_write(g->pid_file, err) < 0)
		return -1;
	gate_tell_keeper(g, GATE_TELLS_READY);
	gate_log("ready mode=%s ports=%zu", gate_mode_name(g->mode), g->listeners_n);
	return 0;
}
