/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/counters.h"

#include <inttypes.h>

static const struct row {
	const char *name, *help;
	size_t at;
	bool is_gauge;
} rows[] = {
#define ROW(member, help, ...)                                                                     \
	{                                                                                          \
#member, help, offsetof(struct gate_counters, member), __VA_ARGS__                 \
	}
	ROW(accepted, "Connections taken", false),
	ROW(crowded, "Connections turned away: too many in all", false),
	ROW(too_many, "Connections turned away: too many from one address", false),
	ROW(too_fast, "Connections turned away: they come too fast", false),
	ROW(deferred, "Sessions and transactions that were told to come again", false),
	ROW(taken, "Messages that are in the spool and were answered 250", false),
	ROW(taken_octets, "Octets of them", false),
	ROW(failed, "Messages answered 451: the disk failed", false),
	ROW(full, "Transactions answered 452: no room", false),
	ROW(relayed, "Messages that the new server took through us", false),
	ROW(relay_refused, "Messages that the new server refused through us", false),
	ROW(relay_unreached, "Transactions for which the new server was not there", false),
	ROW(recipients_taken, "Recipients taken", false),
	ROW(recipients_unknown, "Recipients refused: unknown", false),
	ROW(recipients_unsure, "Recipients deferred: not known whether they are there", false),
	ROW(recipients_foreign, "Recipients refused: not ours", false),
	ROW(bad_newlines, "Messages refused: a bare CR or LF, or a NUL", false),
	ROW(too_big, "Messages refused: too big, or a header without end", false),
	ROW(timeouts, "Sessions ended: nothing came, or too slowly", false),
	ROW(errors, "Sessions ended: too many errors", false),
	ROW(tls, "Handshakes of TLS that succeeded", false),
	ROW(tls_failed, "Handshakes of TLS that failed", false),
	ROW(bytes_in, "Octets of messages that came in", false),
	ROW(sessions, "Sessions now", true),
};

static uint64_t value_of(const struct gate_counters *c, const struct row *row)
{
	return *(const uint64_t *)((const char *)c + row->at);
}

static void add(struct buf *out, const char *name, const char *help, const char *type,
                const char *suffix, uint64_t value)
{
	buf_addf(out,
	         "# HELP mailhaul_gate_%s%s %s\n# TYPE mailhaul_gate_%s%s %s\n"
	         "mailhaul_gate_%s%s %" PRIu64 "\n",
	         name, suffix, help, name, suffix, type, name, suffix, value);
}

void gate_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
	add(out, name, help, "gauge", "", value);
}

void gate_counters_prometheus(const struct gate_counters *c, struct buf *out)
{
	for (size_t i = 0; i < ROWS(rows); i++)
		add(out, rows[i].name, rows[i].help, rows[i].is_gauge ? "gauge" : "counter",
		    rows[i].is_gauge ? "" : "_total", value_of(c, &rows[i]));
}

void gate_counters_json(const struct gate_counters *c, struct buf *out)
{
	for (size_t i = 0; i < ROWS(rows); i++)
		buf_addf(out, "%s\"%s\": %" PRIu64, i ? ", " : "", rows[i].name,
		         value_of(c, &rows[i]));
}
