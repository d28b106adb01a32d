/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/logs.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>

#define PART (2u << 20)      /* octets of a log that are fetched at once */
#define LINE_MAX (64u << 10) /* a longer line is no line of an MTA */
#define LOG_MAX (4ull << 30) /* octets of one file */
#define SLACK_MS 1000        /* stamps of one second's resolution */

void logs_fini(struct logs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct log_message *m = &l->rows[i];

		for (size_t k = 0; k < m->deliveries_n; k++) {
			struct log_delivery *d = &m->deliveries[k];

			free(d->to);
			free(d->orig_to);
			free(d->relay);
			free(d->dsn);
			free(d->text);
		}
		free(m->deliveries);
		free(m->id);
		free(m->message_id);
		free(m->from);
		free(m->client);
		free(m->follows);
	}
	free(l->rows);
	free(l->slots);
	buf_fini(&l->words);
	*l = (struct logs){ 0 };
}

/* ── by queue id ─────────────────────────────────────────────────────────────────────────────── */

/* FNV-1a; the ids come from a log, and a flood of equal hashes costs time, not truth. */
static size_t hash_of(struct span id)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * 1099511628211u;
	return (size_t)(h ^ (h >> 32));
}

/* The slot that holds the id, or the empty one where it belongs. */
static size_t *slot_of(const struct logs *l, struct span id)
{
	size_t at = hash_of(id) & (l->slots_n - 1);

	while (l->slots[at] && !span_is(id, l->rows[l->slots[at] - 1].id))
		at = (at + 1) & (l->slots_n - 1);
	return &l->slots[at];
}

/* At most half full; a power of two. */
static void make_room(struct logs *l)
{
	if (2 * (l->n + 1) < l->slots_n)
		return;
	l->slots_n = l->slots_n ? 2 * l->slots_n : 1024;
	free(l->slots);
	l->slots = xcalloc(l->slots_n, sizeof *l->slots);
	for (size_t i = 0; i < l->n; i++) /* later rows of an id take the place of earlier ones */
		*slot_of(l, span_of(l->rows[i].id)) = i + 1;
}

const struct log_message *logs_find(const struct logs *l, const char *id)
{
	size_t row = l->slots_n ? *slot_of(l, span_of(id)) : 0;

	return row ? &l->rows[row - 1] : NULL;
}

/* The message of an id that is still in the queue: an id comes again only after its removal. */
static struct log_message *find_open(struct logs *l, struct span id)
{
	size_t row = l->slots_n ? *slot_of(l, id) : 0;

	return row && !l->rows[row - 1].removed_ms ? &l->rows[row - 1] : NULL;
}

static struct log_message *open_message(struct logs *l, const struct mta_log_event *e)
{
	struct log_message *m = find_open(l, e->id);

	if (m)
		return m;
	make_room(l);
	ARRAY_GROW(l->rows, l->n, l->room);
	m = &l->rows[l->n];
	*m = (struct log_message){
		.id = span_dup(e->id),
		.message_id = xstrdup(""),
		.from = xstrdup(""),
		.client = xstrdup(""),
		.follows = xstrdup(""),
		.accepted_ms = e->at_ms,
	};
	*slot_of(l, e->id) = ++l->n;
	return m;
}

static void put(char **text, struct span value)
{
	free(*text);
	*text = span_dup(value);
}

static void take_delivery(struct log_message *m, const struct mta_log_event *e)
{
	struct log_delivery *d = NULL;

	for (size_t i = 0; i < m->deliveries_n && !d; i++)
		if (span_is(e->to, m->deliveries[i].to) &&
		    span_is(e->orig_to, m->deliveries[i].orig_to))
			d = &m->deliveries[i];
	if (!d) {
		ARRAY_GROW(m->deliveries, m->deliveries_n, m->deliveries_room);
		d = &m->deliveries[m->deliveries_n++];
		*d = (struct log_delivery){ .to = span_dup(e->to),
			                    .orig_to = span_dup(e->orig_to) };
	}
	put(&d->relay, e->relay);
	put(&d->dsn, e->dsn);
	put(&d->text, e->text);
	d->status = e->status;
	d->at_ms = e->at_ms;
}

static void take_notice(struct logs *l, const struct mta_log_event *e)
{
	struct mta_log_event made = { .id = e->notice, .at_ms = e->at_ms };
	struct log_message *m = open_message(l, &made);

	m->brought = true;
	put(&m->follows, e->id);
}

void logs_add(struct logs *l, const struct mta_log_event *e)
{
	struct log_message *m;

	if (e->kind == MTA_LOG_REJECTED || !e->id.n)
		return;
	m = open_message(l, e);
	m->brought |= e->kind != MTA_LOG_CLIENT;
	switch (e->kind) {
	case MTA_LOG_CLIENT:
		put(&m->client, e->client);
		break;
	case MTA_LOG_PICKUP:
		m->local = true;
		break;
	case MTA_LOG_MESSAGE_ID:
		put(&m->message_id, e->message_id);
		break;
	case MTA_LOG_QUEUED:
		put(&m->from, e->from);
		m->size = e->size;
		m->recipients = e->recipients;
		break;
	case MTA_LOG_DELIVERY:
		take_delivery(m, e);
		break;
	case MTA_LOG_NOTICE:
		take_notice(l, e);
		break;
	case MTA_LOG_REMOVED:
		m->removed_ms = e->at_ms;
		break;
	case MTA_LOG_EXPIRED:
	case MTA_LOG_HELD:
	case MTA_LOG_REJECTED:
	case MTA_LOG_START:
	case MTA_LOG_STOP:
	case MTA_LOG_CONNECT:
	case MTA_LOG_DISCONNECT:
		break;
	}
}

struct reading {
	const struct mta_ops *mta;
	int64_t near_ms;
	struct buf pending; /* a line that is not whole yet */
};

static void take_lines(struct logs *l, struct reading *r, bool last)
{
	struct span rest = buf_span(&r->pending), line;
	size_t used = 0;

	while (rest.n && (last || span_find(rest, '\n') >= 0)) {
		struct mta_log_event e = { 0 };

		span_next_line(&rest, &line);
		used = r->pending.n - rest.n;
		if (r->mta->log_line(line, r->near_ms, &e))
			logs_add(l, &e);
	}
	buf_drop_front(&r->pending, used);
	if (r->pending.n > LINE_MAX)
		buf_reset(&r->pending);
}

static int read_log(struct host *h, const char *path, struct logs *l, struct reading *r,
                    struct error *err)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t offset = 0, size = 0;

	do {
		if (host_read_part(h, path, offset, PART, &part, &size, err) < 0)
			return -1;
		buf_add_span(&r->pending, buf_span(&part));
		offset += part.n;
		take_lines(l, r, part.n == 0);
	} while (part.n && offset < LOG_MAX);
	return 0;
}

int logs_read(struct host *h, struct logs *out, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	AUTO_LOGS struct logs made = { 0 };
	struct reading r = { .near_ms = clock_wall_ms() };
	int result = 0;

	if (mta_find(h, &r.mta, err) < 0)
		return -1;
	if (!r.mta)
		return 0;
	if (r.mta->facts(h, &facts, err) < 0)
		return -1;
	for (size_t i = facts.logs.n; result == 0 && i-- > 0;) { /* newest first there */
		struct error why = { 0 };

		if (read_log(h, facts.logs.rows[i], &made, &r, &why) == 0)
			continue;
		if (why.retry == ERROR_RETRY_REACH) {
			*err = why;
			result = -1;
		}
		buf_addf(&made.words, "%s%s", made.words.n ? "; " : "", why.text);
	}
	buf_fini(&r.pending);
	if (result < 0)
		return -1;
	*out = made;
	made = (struct logs){ 0 };
	return 0;
}

/* ── questions ───────────────────────────────────────────────────────────────────────────────── */

/* Delivered by a daemon that speaks to other hosts; "to" as it was written. */
static bool is_sent_to(const struct log_delivery *d, const char *to)
{
	return d->status == MTA_STATUS_SENT &&
	       (!strcasecmp(d->to, to) || !strcasecmp(d->orig_to, to));
}

bool logs_has_sent(const struct logs *l, const char *token, const char *to)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!strstr(l->rows[i].message_id, token))
			continue;
		for (size_t k = 0; k < l->rows[i].deliveries_n; k++)
			if (is_sent_to(&l->rows[i].deliveries[k], to))
				return true;
	}
	return false;
}

/* "mx.one.example.com[198.51.100.11]" is a host of one.example.com. */
static bool is_host_of(const char *client, const char *domain)
{
	struct span name = { client, strcspn(client, "[") };
	size_t n = strlen(domain);

	if (!n || name.n < n)
		return false;
	name = span_from(name, name.n - n);
	return span_is_nocase(name, domain);
}

bool logs_has_answer(const struct logs *l, const char *outside, const char *mailbox,
                     int64_t since_ms)
{
	const char *at = strrchr(outside, '@');

	for (size_t i = 0; i < l->n; i++) {
		const struct log_message *m = &l->rows[i];
		bool his = !strcasecmp(m->from, outside) ||
		           (!m->from[0] && is_host_of(m->client, at ? at + 1 : ""));

		if (m->local || !his || m->accepted_ms + SLACK_MS < since_ms)
			continue;
		for (size_t k = 0; k < m->deliveries_n; k++)
			if (is_sent_to(&m->deliveries[k], mailbox))
				return true;
	}
	return false;
}
