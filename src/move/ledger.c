/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/ledger.h"

#include "base/clock.h"
#include "base/memory.h"
#include "move/arrivals.h"
#include "move/gate.h"
#include "mta/mta.h"
#include "state/messages.h"

#include <jansson.h>
#include <string.h>

#define NAMES_MAX (1u << 20) /* octets of names kept; the numbers go on */
#define STAMP_MS 2000        /* a log's stamp may be a second old, and clocks are not one */
#define QUEUE_LIFE_MS (5 * 86400000LL) /* postconf(5), maximal_queue_lifetime */

void ledger_fini(struct ledger *l)
{
	buf_fini(&l->names);
}

/* ── mailboxes ───────────────────────────────────────────────────────────────────────────────── */

/* A JSON object is a hash table that is at hand: Message-ID -> copies found minus copies claimed. */
struct ledger_mailboxes {
	json_t *copies;
};

struct ledger_mailboxes *ledger_mailboxes_new(void)
{
	struct ledger_mailboxes *b = xcalloc(1, sizeof *b);

	b->copies = json_object();
	return b;
}

void ledger_mailboxes_free(struct ledger_mailboxes *b)
{
	if (!b)
		return;
	json_decref(b->copies);
	free(b);
}

void ledger_mailboxes_add(struct ledger_mailboxes *b, const char *message_id, uint64_t copies)
{
	json_int_t have = json_integer_value(json_object_get(b->copies, message_id));

	/* _nocheck: a Message-ID of a broken message need not be UTF-8 */
	json_object_set_new_nocheck(b->copies, message_id, json_integer(have + (json_int_t)copies));
}

/* One delivery claims one copy; false when none is left. */
static bool claim(struct ledger_mailboxes *b, const char *message_id)
{
	json_int_t have = json_integer_value(json_object_get(b->copies, message_id));

	if (have < 1)
		return false;
	json_object_set_new_nocheck(b->copies, message_id, json_integer(have - 1));
	return true;
}

/* ── what became of a delivery ───────────────────────────────────────────────────────────────── */

static void name(struct ledger *l, const char *site, const struct log_message *m,
                 const struct log_delivery *d, const char *what)
{
	if (l->names.n > NAMES_MAX)
		return;
	buf_addf(&l->names, "%s: %s %s for <%s> (%s): %s\n", site, m->id, m->message_id,
	         d ? d->to : "", d ? d->text : "", what);
}

static bool to_other_host(const struct log_delivery *d)
{
	/* "host[192.0.2.1]:25" is a host, "host[private/lmtp]" is not */
	return strstr(d->relay, "]:") != NULL;
}

static void sum_sent(struct ledger *l, const char *site, const struct log_message *m,
                     const struct log_delivery *d, struct ledger_mailboxes *mailboxes)
{
	if (to_other_host(d))
		l->passed_on++;
	else if (span_starts(span_of(d->text), "forwarded as"))
		l->requeued++;
	else if (strstr(d->text, "discarded"))
		l->discarded++;
	else if (!m->message_id[0]) {
		l->unnamed++;
		name(l, site, m, d, "delivered; its Message-ID was in a log that is gone");
	} else if (claim(mailboxes, m->message_id))
		l->in_mailbox++;
	else if (strstr(d->text, "delivered to command") || strstr(d->text, "delivered to file") ||
	         strstr(d->text, "delivered via"))
		l->to_program++;
	else {
		l->unaccounted++;
		name(l, site, m, d, "delivered, and in no mailbox (deleted by its owner?)");
	}
}

/* Still under way: in the queue when that was looked at, or too young to have been there. */
static bool is_under_way(const struct ledger_sources *s, const struct log_message *m)
{
	return strings_has(s->queue, m->id) || m->accepted_ms + STAMP_MS >= s->queue_ms;
}

/* Its owner may have had it, and deleted it, before anybody counted. */
static bool was_made_before(const struct ledger_sources *s, const struct log_delivery *d)
{
	return d->status == MTA_STATUS_SENT && d->at_ms + STAMP_MS < s->began_ms;
}

static void sum_delivery(struct ledger *l, const struct ledger_sources *s, const char *site,
                         const struct log_message *m, const struct log_delivery *d)
{
	if (was_made_before(s, d)) {
		l->before++;
		return;
	}
	switch (d->status) {
	case MTA_STATUS_SENT:
		sum_sent(l, site, m, d, s->mailboxes);
		return;
	case MTA_STATUS_BOUNCED:
	case MTA_STATUS_EXPIRED:
		l->bounced++;
		name(l, site, m, d, "bounced");
		return;
	case MTA_STATUS_OTHER: /* an address probe is no message */
		return;
	case MTA_STATUS_DEFERRED:
	case MTA_STATUS_NONE:
		break;
	}
	if (is_under_way(s, m)) {
		l->in_queue++;
		return;
	}
	l->unaccounted++;
	name(l, site, m, d, "deferred, and in no queue");
}

static const char *new_id_of(const struct ledger_sources *s, const char *id)
{
	for (size_t i = 0; i < s->carried_n; i++)
		if (!strcmp(s->carried[i].old_id, id))
			return s->carried[i].new_id;
	return NULL;
}

static bool came_by_carrying(const struct ledger_sources *s, const char *id)
{
	for (size_t i = 0; i < s->carried_n; i++)
		if (!strcmp(s->carried[i].new_id, id))
			return true;
	return false;
}

/* Deliveries that the old side left open went on under the new id. */
static void sum_carried(struct ledger *l, const struct ledger_sources *s,
                        const struct log_message *m, const char *new_id)
{
	const struct log_message *there = logs_find(s->new, new_id);

	l->carried++;
	if (!there && strings_has(s->queue, new_id)) {
		l->in_queue++;
	} else if (!there) {
		l->unaccounted++;
		name(l, "old", m, NULL, "carried over, and neither in the new queue nor its log");
	}
	for (size_t i = 0; there && i < there->deliveries_n; i++) {
		struct log_message known = *there;

		/* a queue file that was carried passes no cleanup(8): its Message-ID is in the old
		 * log only */
		if (!known.message_id[0])
			known.message_id = m->message_id;
		sum_delivery(l, s, "new", &known, &there->deliveries[i]);
	}
}

/* In a queue when the account began, or later. A log need not tell of every removal; what no queue
 * keeps so long is gone. */
static bool is_ours(const struct ledger_sources *s, const struct log_message *m)
{
	if (m->removed_ms)
		return m->removed_ms + STAMP_MS >= s->began_ms;
	return m->accepted_ms + QUEUE_LIFE_MS >= s->began_ms;
}

static void sum_old(struct ledger *l, const struct ledger_sources *s)
{
	for (size_t i = 0; i < s->old->n; i++) {
		const struct log_message *m = &s->old->rows[i];
		const char *new_id = new_id_of(s, m->id);

		if (!new_id && (!m->brought || !is_ours(s, m)))
			continue;
		l->accepted_old++;
		for (size_t k = 0; k < m->deliveries_n; k++)
			if (!new_id || m->deliveries[k].status == MTA_STATUS_SENT ||
			    m->deliveries[k].status == MTA_STATUS_BOUNCED)
				sum_delivery(l, s, "old", m, &m->deliveries[k]);
		if (new_id) {
			sum_carried(l, s, m, new_id);
		} else if (!m->removed_ms && !m->deliveries_n) {
			l->unaccounted++;
			name(l, "old", m, NULL, "accepted, and never heard of again");
		}
	}
}

static void sum_new(struct ledger *l, const struct ledger_sources *s)
{
	for (size_t i = 0; i < s->new->n; i++) {
		const struct log_message *m = &s->new->rows[i];

		if (came_by_carrying(s, m->id) || !is_ours(s, m))
			continue;
		if (!m->brought && !is_under_way(s, m))
			continue;
		l->accepted_new++;
		for (size_t k = 0; k < m->deliveries_n; k++)
			sum_delivery(l, s, "new", m, &m->deliveries[k]);
		if (m->deliveries_n || m->removed_ms)
			continue;
		if (is_under_way(s, m)) {
			l->in_queue++;
			continue;
		}
		l->unaccounted++;
		name(l, "new", m, NULL, "accepted, and never heard of again");
	}
}

/* What stood in a log that could not be read is not accounted for, however much it is. */
static void sum_unread(struct ledger *l, const char *site, const struct logs *logs)
{
	if (!logs->words.n)
		return;
	l->unaccounted++;
	buf_addf(&l->names, "%s: a log that could not be read: %s\n", site, buf_text(&logs->words));
}

void ledger_sum(const struct ledger_sources *sources, struct ledger *out)
{
	sum_unread(out, "old", sources->old);
	sum_unread(out, "new", sources->new);
	sum_old(out, sources);
	sum_new(out, sources);
}

/* ── gathering ───────────────────────────────────────────────────────────────────────────────── */

struct gathering {
	struct ledger *ledger;
	struct ledger_mailboxes *mailboxes;
};

static int take_manifest(void *context, const struct message_record *r, struct error *err)
{
	struct gathering *g = context;

	g->ledger->manifest++;
	ledger_mailboxes_add(g->mailboxes, r->message_id, 1);
	return 0;
}

static int take_arrival(void *context, const struct arrival *a, struct error *err)
{
	struct gathering *g = context;

	g->ledger->arrived++;
	ledger_mailboxes_add(g->mailboxes, a->message_id, 1);
	return 0;
}

static int gather_queue(struct host *h, struct strings *out, struct error *err)
{
	AUTO_MTA_QUEUE struct mta_queue q = { 0 };

	if (mta_queue(h, &q, err) < 0)
		return -1;
	for (size_t i = 0; i < q.n; i++)
		strings_add(out, q.rows[i].id);
	return 0;
}

/* What is gathered, in this order: see struct ledger_sources. */
struct gathered {
	struct strings queue;
	int64_t queue_ms;
	int64_t began_ms;
	struct logs old, new;
	struct mta_carried_list carried;
	struct ledger_mailboxes *mailboxes;
};

static void gathered_fini(struct gathered *g)
{
	strings_fini(&g->queue);
	logs_fini(&g->old);
	logs_fini(&g->new);
	mta_carried_fini(&g->carried);
	ledger_mailboxes_free(g->mailboxes);
}

static int gather(struct move *m, struct gathered *g, struct ledger *l, struct error *err)
{
	struct gathering boxes = { .ledger = l, .mailboxes = g->mailboxes };

	if (state_get_i64(m->state, "seed.first_ms", 0, &g->began_ms, err) < 0 ||
	    mta_carried_load(m->state, "old", "new", &g->carried, err) < 0)
		return -1;
	g->queue_ms = clock_wall_ms();
	if (gather_queue(m->new, &g->queue, err) < 0 || logs_read(m->old, &g->old, err) < 0 ||
	    logs_read(m->new, &g->new, err) < 0)
		return -1;
	if (messages_walk(m->state, NULL, MESSAGES_MANIFEST, take_manifest, &boxes, err) < 0)
		return -1;
	return arrivals_walk(m, take_arrival, &boxes, err);
}

static int gather_gate(struct move *m, struct ledger *l, struct error *err)
{
	AUTO_GATE_ACCOUNT struct gate_account a = { 0 };

	if (gate_account(m, &a, err) < 0)
		return -1;
	l->gate_taken = a.taken;
	l->gate_given = a.given;
	l->gate_held = a.held;
	l->gate_waiting = a.waiting;
	l->unaccounted += a.unaccounted;
	buf_add_span(&l->names, buf_span(&a.names));
	return 0;
}

int ledger_close(struct move *m, struct ledger *out, struct error *err)
{
	__attribute__((cleanup(gathered_fini))) struct gathered g = {
		.mailboxes = ledger_mailboxes_new(),
	};
	AUTO_LEDGER struct ledger made = { 0 };

	if (gather_gate(m, &made, err) < 0 || gather(m, &g, &made, err) < 0)
		return -1;

	AUTO_FREE struct ledger_carried *carried = xcalloc(g.carried.n + 1, sizeof *carried);
	for (size_t i = 0; i < g.carried.n; i++)
		carried[i] = (struct ledger_carried){ g.carried.rows[i].id,
			                              g.carried.rows[i].new_id };
	ledger_sum(&(struct ledger_sources){ .old = &g.old,
	                                     .new = &g.new,
	                                     .mailboxes = g.mailboxes,
	                                     .carried = carried,
	                                     .carried_n = g.carried.n,
	                                     .queue = &g.queue,
	                                     .began_ms = g.began_ms,
	                                     .queue_ms = g.queue_ms },
	           &made);
	*out = made;
	made = (struct ledger){ 0 };
	return 0;
}

char *ledger_json(const struct ledger *l)
{
	AUTO_BUF struct buf names = { 0 };
	json_t *lines = json_array(), *document;
	struct span rest = buf_span(&l->names), line;
	char *text;

	while (span_next_line(&rest, &line)) {
		buf_reset(&names);
		buf_add_printable(&names, line);
		json_array_append_new(lines, json_string(buf_text(&names)));
	}
	document = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, "
		"s:I, s:I, s:o}",
		"accepted_old", (json_int_t)l->accepted_old, "accepted_new",
		(json_int_t)l->accepted_new, "manifest", (json_int_t)l->manifest, "arrived",
		(json_int_t)l->arrived, "in_mailbox", (json_int_t)l->in_mailbox, "passed_on",
		(json_int_t)l->passed_on, "to_program", (json_int_t)l->to_program, "requeued",
		(json_int_t)l->requeued, "discarded", (json_int_t)l->discarded, "in_queue",
		(json_int_t)l->in_queue, "bounced", (json_int_t)l->bounced, "before",
		(json_int_t)l->before, "unnamed", (json_int_t)l->unnamed, "carried",
		(json_int_t)l->carried, "unaccounted", (json_int_t)l->unaccounted, "gate_taken",
		(json_int_t)l->gate_taken, "gate_given", (json_int_t)l->gate_given, "gate_held",
		(json_int_t)l->gate_held, "gate_waiting", (json_int_t)l->gate_waiting, "names",
		lines);
	text = json_dumps(document, 0);
	json_decref(document);
	return text;
}
