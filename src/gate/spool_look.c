/* SPDX-License-Identifier: BSD-2-Clause */

/* spool_look -- list, show, fsck: nothing is changed, and a gate may have the spool open. */

#include "gate/spool_verbs.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "smtp/envelope.h"

#include <inttypes.h>

static const char *item_word(const struct spool_item *i)
{
	if (!i->due.pending)
		return "held";
	return i->held ? "part held" : i->delay_ms ? "deferred" : "pending";
}

/* What a list tells of a message; the envelope is on the disk. */
static int read_envelope(struct spool_call *c, uint64_t id, struct spool_reader **reader,
                         const struct smtp_envelope **e, const struct smtp_peer **peer,
                         struct error *err)
{
	char text[17];

	*reader = spool_reader_open(c->spool, id);
	if (*reader && spool_read_envelope(*reader, true, e, peer, err) == SPOOL_OK)
		return 0;
	return error_context(err, "message %s", spool_id_text(text, id));
}

static void add_summary(struct buf *out, const struct spool_item *i)
{
	char id[17], arrived[32];

	buf_addf(out,
	         "\"id\":\"%s\",\"arrived\":\"%s\",\"octets\":%" PRIu64
	         ",\"state\":\"%s\",\"attempts\":%u,\"due_in_ms\":%" PRId64
	         ",\"recipients\":%u,\"pending\":%u,\"held\":%u",
	         spool_id_text(id, i->due.id), clock_text(arrived, i->due.arrived_ms), i->due.size,
	         item_word(i), i->due.attempts, i->delay_ms, i->due.recipients, i->due.pending,
	         i->held);
}

/* ── list ────────────────────────────────────────────────────────────────────────────────────── */

struct listing {
	struct buf line;
	unsigned n;
};

static int list_one(struct spool_call *c, const struct spool_item *i, void *context,
                    struct error *err)
{
	AUTO_SPOOL_READER struct spool_reader *r = NULL;
	struct listing *l = context;
	const struct smtp_envelope *e = NULL;
	const struct smtp_peer *peer = NULL;
	char id[17], arrived[32], size[16];
	struct error damage = { 0 };
	bool good = read_envelope(c, i->due.id, &r, &e, &peer, &damage) == 0;

	buf_reset(&l->line);
	if (c->json) {
		buf_addf(&l->line, "%s{", l->n++ ? ",\n" : "");
		add_summary(&l->line, i);
		buf_add_text(&l->line, ",\"sender\":");
		spool_json_text(&l->line, good ? e->sender : NULL);
		buf_add_char(&l->line, '}');
	} else {
		buf_addf(&l->line, "%s %s %8s %-9s %3u ", spool_id_text(id, i->due.id),
		         clock_text(arrived, i->due.arrived_ms), text_size(size, i->due.size),
		         item_word(i), i->due.attempts);
		buf_add_char(&l->line, '<');
		buf_add_printable(&l->line, span_of(good ? e->sender : "?"));
		buf_add_text(&l->line, "> <");
		buf_add_printable(&l->line, span_of(good ? e->recipients[0].address : "?"));
		buf_add_char(&l->line, '>');
		if (i->due.recipients > 1)
			buf_addf(&l->line, " and %u more", i->due.recipients - 1);
		buf_add_char(&l->line, '\n');
		l->n++;
	}
	if (!good)
		fprintf(stderr, "mailhaul-gate: %s\n", damage.text);
	fwrite(l->line.p, 1, l->line.n, stdout);
	return 0;
}

int spool_list(struct spool_call *c, struct error *err)
{
	struct listing l = { 0 };
	int result;

	if (c->json)
		fputs("[", stdout);
	result = spool_chosen(c, list_one, &l, err);
	if (c->json)
		fputs("]\n", stdout);
	buf_fini(&l.line);
	return result;
}

/* ── show ────────────────────────────────────────────────────────────────────────────────────── */

static int print_octets(struct spool_reader *r, struct error *err)
{
	struct span octets;

	for (;;) {
		enum spool_read got = spool_read_next(r, true, &octets, err);

		if (got == SPOOL_END)
			return 0;
		if (got != SPOOL_OK)
			return -1;
		if (fwrite(octets.p, 1, octets.n, stdout) != octets.n)
			return error_system(err, "write");
	}
}

struct history {
	struct buf *out;
	const struct smtp_envelope *envelope;
	bool json;
	unsigned n;
};

static void add_event(void *context, const struct spool_event *event)
{
	struct history *h = context;
	const char *address = event->recipient < h->envelope->recipients_n
	                              ? h->envelope->recipients[event->recipient].address
	                              : "?";
	char at[32];

	clock_text(at, event->at_ms);
	if (h->json) {
		buf_addf(h->out,
		         "%s{\"at\":\"%s\",\"state\":\"%s\",\"recipient\":", h->n++ ? "," : "", at,
		         spool_state_word(event->state));
		spool_json_text(h->out, address);
		buf_add_text(h->out, ",\"reply\":");
		spool_json_span(h->out, event->reply);
		buf_add_char(h->out, '}');
	} else {
		buf_addf(h->out, "%s %s <", at, spool_state_word(event->state));
		buf_add_printable(h->out, span_of(address));
		buf_add_text(h->out, ">: ");
		buf_add_printable(h->out, event->reply);
		buf_add_char(h->out, '\n');
	}
}

static void add_line(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_addf(out, "%-12s ", key);
	buf_add_printable(out, span_of(value));
	buf_add_char(out, '\n');
}

static void add_text(struct buf *out, const struct spool_item *i, const struct smtp_envelope *e,
                     const struct smtp_peer *p, const uint8_t *states)
{
	char id[17], arrived[32];

	add_line(out, "id", spool_id_text(id, i->due.id));
	add_line(out, "arrived", clock_text(arrived, i->due.arrived_ms));
	buf_addf(out, "%-12s %" PRIu64 "\n", "octets", i->due.size);
	buf_addf(out, "%-12s [%s]:%u\n", "client", p->from.address, p->from.port);
	add_line(out, "name", p->name);
	add_line(out, p->esmtp ? "ehlo" : "helo", p->helo);
	add_line(out, "tls", p->tls_version);
	add_line(out, "cipher", p->tls_cipher);
	add_line(out, "envid", e->envid);
	add_line(out, "sender", e->sender);
	for (size_t n = 0; n < e->recipients_n; n++)
		add_line(out, spool_state_word(states[n]), e->recipients[n].address);
}

static void add_json(struct buf *out, const struct spool_item *i, const struct smtp_envelope *e,
                     const struct smtp_peer *p, const uint8_t *states)
{
	buf_add_char(out, '{');
	add_summary(out, i);
	buf_addf(out, ",\"client\":{\"address\":\"%s\",\"port\":%u,\"helo\":", p->from.address,
	         p->from.port);
	spool_json_text(out, p->helo);
	buf_add_text(out, ",\"name\":");
	spool_json_text(out, p->name);
	buf_addf(out, ",\"esmtp\":%s,\"tls\":", p->esmtp ? "true" : "false");
	spool_json_text(out, p->tls_version);
	buf_add_text(out, ",\"cipher\":");
	spool_json_text(out, p->tls_cipher);
	buf_add_text(out, "},\"sender\":");
	spool_json_text(out, e->sender);
	buf_add_text(out, ",\"envid\":");
	spool_json_text(out, e->envid);
	buf_addf(out, ",\"utf8\":%s,\"to\":[", e->utf8 ? "true" : "false");
	for (size_t n = 0; n < e->recipients_n; n++) {
		buf_addf(out, "%s{\"state\":\"%s\",\"notify\":%u,\"address\":", n ? "," : "",
		         spool_state_word(states[n]), e->recipients[n].notify);
		spool_json_text(out, e->recipients[n].address);
		buf_add_text(out, ",\"orcpt\":");
		spool_json_text(out, e->recipients[n].orcpt);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static int show_one(struct spool_call *c, const struct spool_item *i, void *context,
                    struct error *err)
{
	AUTO_SPOOL_READER struct spool_reader *r = NULL;
	AUTO_BUF struct buf out = { 0 };
	const struct smtp_envelope *e;
	const struct smtp_peer *peer;
	unsigned *shown = context;
	struct history h = { .out = &out, .json = c->json };
	uint32_t n;

	if (read_envelope(c, i->due.id, &r, &e, &peer, err) < 0)
		return -1;
	if (c->message)
		return print_octets(r, err);
	if (*shown)
		buf_add_text(&out, c->json ? ",\n" : "\n");
	(*shown)++;
	(c->json ? add_json : add_text)(&out, i, e, peer, spool_states(c->spool, i->due.id, &n));
	h.envelope = e;
	if (c->json)
		buf_add_text(&out, ",\"history\":[");
	if (spool_history(c->spool, i->due.id, add_event, &h, err) < 0)
		return -1;
	if (c->json)
		buf_add_text(&out, "]}");
	fwrite(out.p, 1, out.n, stdout);
	return 0;
}

int spool_show(struct spool_call *c, struct error *err)
{
	bool list = c->json && !c->message;
	unsigned shown = 0;
	int result;

	if (list)
		fputs("[", stdout);
	result = spool_chosen(c, show_one, &shown, err);
	if (list)
		fputs("]\n", stdout);
	return result;
}

/* ── fsck ────────────────────────────────────────────────────────────────────────────────────── */

struct checking {
	uint64_t good, bad, octets;
};

/* The records were held against their sums when the spool was opened; here the parts of each
 * message are put together as a server would get them. */
static int check_one(struct spool_call *c, const struct spool_item *i, void *context,
                     struct error *err)
{
	AUTO_SPOOL_READER struct spool_reader *r = NULL;
	struct checking *sum = context;
	const struct smtp_envelope *e;
	const struct smtp_peer *peer;
	struct error damage = { 0 };
	enum spool_read got = SPOOL_BROKEN;
	uint64_t octets = 0;
	struct span piece;
	char id[17];

	if (read_envelope(c, i->due.id, &r, &e, &peer, &damage) == 0) {
		while ((got = spool_read_next(r, true, &piece, &damage)) == SPOOL_OK)
			octets += piece.n;
	}
	if (got == SPOOL_END && octets == i->due.size) {
		sum->good++;
		sum->octets += octets;
		return 0;
	}
	fprintf(stderr, "mailhaul-gate: message %s: %s\n", spool_id_text(id, i->due.id),
	        *damage.text ? damage.text : "shorter than it says");
	sum->bad++;
	return 0;
}

int spool_fsck(struct spool_call *c, struct error *err)
{
	struct checking sum = { 0 };
	struct spool_usage u;

	if (spool_chosen(c, check_one, &sum, err) < 0)
		return -1;
	spool_usage(c->spool, &u);
	if (c->json)
		printf("{\"messages\":%" PRIu64 ",\"octets\":%" PRIu64 ",\"broken\":%" PRIu64
		       ",\"damaged_records\":%" PRIu64 ",\"segments\":%" PRIu64 "}\n",
		       sum.good, sum.octets, sum.bad, u.damaged, u.segments);
	else
		printf("%" PRIu64 " messages, %" PRIu64 " octets: good; %" PRIu64
		       " messages broken; %" PRIu64 " records damaged; %" PRIu64 " segments\n",
		       sum.good, sum.octets, sum.bad, u.damaged, u.segments);
	return sum.bad || u.damaged ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
