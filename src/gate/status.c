/* SPDX-License-Identifier: BSD-2-Clause */

/* status -- what the gate is and does, as JSON (control) and for Prometheus (metrics). */

#include "base/clock.h"
#include "gate/control.h"
#include "gate/deliver.h"
#include "gate/gate.h"
#include "gate/metrics.h"
#include "spool/spool.h"

#include <inttypes.h>

/* A JSON string of what may be anything. */
static void add_string(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			buf_addf(out, "\\u%04x", c);
		else
			buf_add_char(out, *text);
	}
	buf_add_char(out, '"');
}

static void add_listeners(const struct gate *g, struct buf *out)
{
	buf_add_text(out, ", \"listen\": [");
	for (size_t i = 0; i < g->listeners_n; i++) {
		buf_add_text(out, i ? ", " : "");
		add_string(out, g->options->listen[i].at.text);
	}
	buf_add_char(out, ']');
}

/* To add a number of the spool, add a row. */
static const struct {
	const char *name, *help;
	size_t at;
} spool_rows[] = {
#define ROW(member, help)                                                                          \
	{                                                                                          \
#member, help, offsetof(struct spool_usage, member)                                \
	}
	ROW(messages, "Messages in the spool"),
	ROW(held, "Messages with a recipient that is held"),
	ROW(octets, "Octets of the messages in the spool"),
	ROW(disk, "Octets of the spool's segments"),
	ROW(under_way, "Octets of messages that are not yet durable"),
	ROW(segments, "Segments of the spool"),
	ROW(groups, "Groups committed since the start"),
	ROW(committed, "Messages committed since the start"),
	ROW(failed, "Groups that could not be committed"),
	ROW(damaged, "Records found damaged at the start"),
	ROW(free, "Octets free on the spool's disk"),
};

static uint64_t spool_value(const struct spool_usage *usage, size_t row)
{
	return *(const uint64_t *)((const char *)usage + spool_rows[row].at);
}

static void add_spool(const struct gate *g, struct buf *out)
{
	struct spool_usage usage;

	spool_usage(g->spool, &usage);
	buf_addf(out, ", \"spool\": {\"hold\": %s", spool_on_hold(g->spool) ? "true" : "false");
	for (size_t i = 0; i < ROWS(spool_rows); i++)
		buf_addf(out, ", \"%s\": %" PRIu64, spool_rows[i].name, spool_value(&usage, i));
	buf_add_char(out, '}');
}

static void add_deliver(const struct gate *g, struct buf *out)
{
	struct deliver_status d;

	deliver_status(g->deliver, &d);
	buf_add_text(out, ", \"deliver\": {\"to\": ");
	add_string(out, g->options->deliver_to.text);
	buf_addf(out,
	         ", \"sessions\": %zu, \"messages\": %" PRIu64 ", \"delivered\": %" PRIu64
	         ", \"deferred\": %" PRIu64 ", \"held\": %" PRIu64 ", \"reachable\": %s",
	         d.sessions, d.messages, d.delivered, d.deferred, d.held,
	         d.next_try_ms ? "false" : "true");
	if (d.next_try_ms && d.why) {
		buf_add_text(out, ", \"why\": ");
		add_string(out, d.why);
	}
	buf_add_char(out, '}');
}

void control_status(const struct gate *g, struct buf *out)
{
	struct gate_recipients_size known = gate_recipients_size(g->recipients);
	AUTO_BUF struct buf tls = { 0 };
	char started[32];

	buf_addf(out, "{\"version\": \"%s\", \"mode\": \"%s\", \"ending\": %s, \"started\": \"%s\"",
	         MAILHAUL_VERSION, gate_mode_name(g->mode), g->end_by_ms ? "true" : "false",
	         clock_text(started, g->started_ms));
	buf_add_text(out, ", \"name\": ");
	add_string(out, g->name);
	add_listeners(g, out);
	buf_addf(out,
	         ", \"connections\": %zu, \"recipients\": {\"addresses\": %zu, \"domains\": %zu}",
	         gate_limits_connections(g->limits), known.addresses, known.domains);
	gate_tls_describe(g->tls, &tls);
	buf_add_text(out, ", \"tls\": ");
	add_string(out, tls.n ? buf_text(&tls) + 1 : "");
	if (g->spool)
		add_spool(g, out);
	if (g->deliver)
		add_deliver(g, out);
	buf_add_text(out, ", \"counters\": {");
	gate_counters_json(&g->counters, out);
	buf_add_text(out, "}}\n");
}

void metrics_text(const struct gate *g, struct buf *out)
{
	struct spool_usage usage;

	gate_counters_prometheus(&g->counters, out);
	gate_gauge(out, "mode", "0 defer, 1 spool, 2 relay", g->mode);
	if (!g->spool)
		return;
	spool_usage(g->spool, &usage);
	gate_gauge(out, "spool_hold", "1: nothing is given out", spool_on_hold(g->spool));
	for (size_t i = 0; i < ROWS(spool_rows); i++) {
		char name[64];

		(void)snprintf(name, sizeof name, "spool_%s", spool_rows[i].name);
		gate_gauge(out, name, spool_rows[i].help, spool_value(&usage, i));
	}
}
