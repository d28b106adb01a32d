/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/stragglers.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "watch/straggler_line.h"

#include <stdlib.h>
#include <string.h>

#define CLIENTS_MAX 1000u
#define SENDERS_MAX 1000u
#define HOURS_MAX 2000u /* twelve weeks */
#define HOUR_MS 3600000
#define NAME_MAX_OCTETS 253u /* RFC 1035 section 2.3.4, as text */
#define OF_ONE_MAX 8u        /* domains that are kept of one client */
#define TOLD_CLIENTS 10u
#define TOLD_HOURS 24u

void watch_stragglers_fini(struct watch_stragglers *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->rows[i].client);
		free(s->rows[i].name);
		strings_fini(&s->rows[i].senders);
	}
	for (size_t i = 0; i < s->senders_n; i++)
		free(s->senders[i].domain);
	free(s->rows);
	free(s->hours);
	free(s->senders);
	*s = (struct watch_stragglers){ 0 };
}

/* ── counting ────────────────────────────────────────────────────────────────────────────────── */

static void count_hour(struct watch_stragglers *s, int64_t at_ms, uint64_t n)
{
	int64_t begin = at_ms - at_ms % HOUR_MS;

	for (size_t i = s->hours_n; i-- > 0;)
		if (s->hours[i].at_ms == begin) {
			s->hours[i].n += n;
			return;
		}
	if (s->hours_n == HOURS_MAX)
		return;
	ARRAY_GROW(s->hours, s->hours_n, s->hours_room);
	s->hours[s->hours_n++] = (struct watch_hour){ .at_ms = begin, .n = n };
}

/* A name or a domain as it is kept: the client chooses it, and it goes to terminals and into JSON. */
static char *plain(struct span text)
{
	char *out;

	if (text.n > NAME_MAX_OCTETS)
		text.n = NAME_MAX_OCTETS;
	out = span_dup(text);
	for (char *p = out; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-._:[]", *p))
			*p = '?';
	}
	return out;
}

/* "A@B"@example.net has two; the last one counts. */
static char *domain_of(struct span sender)
{
	size_t at = sender.n;

	if (!sender.n)
		return xstrdup("<>");
	while (at && sender.p[at - 1] != '@')
		at--;
	return at ? plain(span_from(sender, at)) : xstrdup("?");
}

static struct watch_straggler *client_row(struct watch_stragglers *s, struct span client)
{
	for (size_t i = 0; i < s->n; i++)
		if (span_is(client, s->rows[i].client))
			return &s->rows[i];
	if (s->n == CLIENTS_MAX)
		return NULL;
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n] = (struct watch_straggler){ .client = span_dup(client) };
	return &s->rows[s->n++];
}

static void count_sender(struct watch_stragglers *s, struct watch_straggler *row,
                         struct span sender, int64_t at_ms)
{
	AUTO_FREE char *domain = domain_of(sender);
	size_t i = 0;

	row->messages++;
	if (!strings_has(&row->senders, domain) && row->senders.n < OF_ONE_MAX) {
		strings_add(&row->senders, domain);
		strings_sort(&row->senders);
	}
	while (i < s->senders_n && strcmp(s->senders[i].domain, domain) != 0)
		i++;
	if (i == SENDERS_MAX)
		return;
	if (i == s->senders_n) {
		ARRAY_GROW(s->senders, s->senders_n, s->senders_room);
		s->senders[s->senders_n++] = (struct watch_sender){ .domain = TAKE(domain) };
	}
	s->senders[i].n++;
	if (at_ms > s->senders[i].last_ms)
		s->senders[i].last_ms = at_ms;
}

static void note_times(struct watch_stragglers *s, struct watch_straggler *row, int64_t at_ms)
{
	if (!row->first_ms || at_ms < row->first_ms)
		row->first_ms = at_ms;
	if (at_ms > row->last_ms)
		row->last_ms = at_ms;
	if (at_ms > s->last_ms)
		s->last_ms = at_ms;
}

/* Postfix tells the client of a message in one line, its sender in another. */
static void note_queued(struct watch_stragglers *s, struct span id, size_t row)
{
	struct watch_queued *one = &s->queued[s->queued_next++ % WATCH_QUEUED];

	*one = (struct watch_queued){ .row = row };
	if (id.n < sizeof one->id)
		memcpy(one->id, id.p, id.n);
}

static struct watch_straggler *queued_row(struct watch_stragglers *s, struct span id)
{
	for (size_t i = 0; i < WATCH_QUEUED; i++) {
		struct watch_queued *one = &s->queued[i];

		if (!one->id[0] || !span_is(id, one->id))
			continue;
		one->id[0] = '\0'; /* the same is told again with each attempt to deliver it */
		return one->row < s->n ? &s->rows[one->row] : NULL;
	}
	return NULL;
}

static void take_line(struct watch_stragglers *s, struct span text, int64_t since_ms,
                      int64_t now_ms)
{
	struct straggler_line line;
	struct watch_straggler *row;

	if (!straggler_line_read(text, now_ms, &line) || line.at_ms < since_ms ||
	    span_is(line.client, "127.0.0.1") || span_is(line.client, "::1"))
		return; /* nobody, or the host itself */
	row = line.client.n ? client_row(s, line.client) : queued_row(s, line.queue_id);
	if (line.session) {
		s->all++;
		s->untold += !row;
		count_hour(s, line.at_ms, 1);
		if (line.at_ms > s->last_ms)
			s->last_ms = line.at_ms;
	}
	if (!row)
		return;
	row->n += line.session;
	note_times(s, row, line.at_ms);
	if (line.name.n) {
		free(row->name);
		row->name = plain(line.name);
	}
	if (line.mail)
		count_sender(s, row, line.sender, line.at_ms);
	else if (line.queue_id.n)
		note_queued(s, line.queue_id, (size_t)(row - s->rows));
}

size_t watch_stragglers_add(struct watch_stragglers *s, struct span text, int64_t since_ms,
                            int64_t now_ms)
{
	size_t whole = text.n;
	struct span line;

	while (whole && text.p[whole - 1] != '\n')
		whole--;
	text.n = whole;
	while (span_next_line(&text, &line))
		take_line(s, line, since_ms, now_ms);
	return whole;
}

/* ── keeping ─────────────────────────────────────────────────────────────────────────────────── */

static json_t *client_json(const struct watch_straggler *row)
{
	json_t *senders = json_array();

	for (size_t i = 0; i < row->senders.n; i++)
		json_array_append_new(senders, json_string(row->senders.rows[i]));
	return json_pack("{s:s, s:s?, s:o, s:I, s:I, s:I, s:I}", "client", row->client, "name",
	                 row->name, "senders", senders, "n", (json_int_t)row->n, "messages",
	                 (json_int_t)row->messages, "first_ms", (json_int_t)row->first_ms,
	                 "last_ms", (json_int_t)row->last_ms);
}

json_t *watch_stragglers_json(const struct watch_stragglers *s)
{
	json_t *clients = json_array(), *hours = json_array(), *senders = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(clients, client_json(&s->rows[i]));
	for (size_t i = 0; i < s->hours_n; i++)
		json_array_append_new(hours, json_pack("{s:I, s:I}", "at_ms",
		                                       (json_int_t)s->hours[i].at_ms, "n",
		                                       (json_int_t)s->hours[i].n));
	for (size_t i = 0; i < s->senders_n; i++)
		json_array_append_new(senders,
		                      json_pack("{s:s, s:I, s:I}", "domain", s->senders[i].domain,
		                                "n", (json_int_t)s->senders[i].n, "last_ms",
		                                (json_int_t)s->senders[i].last_ms));
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "all", (json_int_t)s->all, "untold",
	                 (json_int_t)s->untold, "last_ms", (json_int_t)s->last_ms, "offset",
	                 (json_int_t)s->offset, "clients", clients, "hours", hours, "senders",
	                 senders);
}

static int64_t number(json_t *from, const char *key)
{
	return json_integer_value(json_object_get(from, key));
}

static void read_client(struct watch_stragglers *s, json_t *one)
{
	const char *client = json_string_value(json_object_get(one, "client"));
	const char *name = json_string_value(json_object_get(one, "name"));
	struct watch_straggler *row = client ? client_row(s, span_of(client)) : NULL;
	json_t *sender;
	size_t i;

	if (!row)
		return;
	if (name && !row->name)
		row->name = xstrdup(name);
	row->n = (uint64_t)number(one, "n");
	row->messages = (uint64_t)number(one, "messages");
	row->first_ms = number(one, "first_ms");
	row->last_ms = number(one, "last_ms");
	json_array_foreach (json_object_get(one, "senders"), i, sender)
		if (json_string_value(sender))
			strings_add(&row->senders, json_string_value(sender));
}

void watch_stragglers_read_json(struct watch_stragglers *s, json_t *from)
{
	json_t *one;
	size_t i;

	watch_stragglers_fini(s);
	s->all = (uint64_t)number(from, "all");
	s->untold = (uint64_t)number(from, "untold");
	s->last_ms = number(from, "last_ms");
	s->offset = (uint64_t)number(from, "offset");
	json_array_foreach (json_object_get(from, "clients"), i, one)
		read_client(s, one);
	json_array_foreach (json_object_get(from, "hours"), i, one)
		count_hour(s, number(one, "at_ms"), (uint64_t)number(one, "n"));
	json_array_foreach (json_object_get(from, "senders"), i, one) {
		const char *domain = json_string_value(json_object_get(one, "domain"));

		if (!domain || s->senders_n == SENDERS_MAX)
			continue;
		ARRAY_GROW(s->senders, s->senders_n, s->senders_room);
		s->senders[s->senders_n++] = (struct watch_sender){ .domain = xstrdup(domain),
			                                            .n = (uint64_t)number(one, "n"),
			                                            .last_ms = number(one,
			                                                              "last_ms") };
	}
}

/* ── telling ─────────────────────────────────────────────────────────────────────────────────── */

static void add_who(struct buf *out, const struct watch_straggler *row)
{
	buf_add_text(out, row->client);
	if (row->name)
		buf_addf(out, " %s", row->name);
}

void watch_stragglers_add_words(struct buf *out, const struct watch_stragglers *s, int64_t now_ms)
{
	const struct watch_straggler *most = NULL;
	uint64_t lately = 0;
	char when[32];

	for (size_t i = 0; i < s->hours_n; i++)
		if (s->hours[i].at_ms == now_ms - now_ms % HOUR_MS)
			lately = s->hours[i].n;
	for (size_t i = 0; i < s->n; i++)
		if (!most || s->rows[i].n > most->n)
			most = &s->rows[i];
	if (!s->all) {
		buf_add_text(out, "nobody came to the old address");
		return;
	}
	buf_addf(out, "%llu came to the old address, %llu in this hour, the last at %.19sZ",
	         (unsigned long long)s->all, (unsigned long long)lately,
	         clock_text(when, s->last_ms));
	if (most) {
		buf_add_text(out, "; most: ");
		add_who(out, most);
		buf_addf(out, " (%llu)", (unsigned long long)most->n);
	}
}

static int by_number(const void *a, const void *b)
{
	const struct watch_straggler *const *x = a, *const *y = b;

	if ((*x)->n != (*y)->n)
		return (*x)->n < (*y)->n ? 1 : -1;
	return strcmp((*x)->client, (*y)->client);
}

static int by_time(const void *a, const void *b)
{
	const struct watch_hour *x = a, *y = b;

	return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

static void add_clients(struct buf *out, const struct watch_stragglers *s)
{
	AUTO_FREE const struct watch_straggler **sorted = xcalloc(s->n + 1, sizeof *sorted);
	char when[32];

	for (size_t i = 0; i < s->n; i++)
		sorted[i] = &s->rows[i];
	qsort(sorted, s->n, sizeof *sorted, by_number);
	for (size_t i = 0; i < s->n && i < TOLD_CLIENTS; i++) {
		buf_add_text(out, "  ");
		add_who(out, sorted[i]);
		buf_addf(out, ": %llu, the last at %.19sZ", (unsigned long long)sorted[i]->n,
		         clock_text(when, sorted[i]->last_ms));
		for (size_t k = 0; k < sorted[i]->senders.n; k++)
			buf_addf(out, "%s %s", k ? "," : "; mail of", sorted[i]->senders.rows[k]);
		buf_add_char(out, '\n');
	}
	if (s->n > TOLD_CLIENTS)
		buf_addf(out, "  and %zu more\n", s->n - TOLD_CLIENTS);
}

void watch_stragglers_add_table(struct buf *out, const struct watch_stragglers *s)
{
	AUTO_FREE struct watch_hour *hours = xcalloc(s->hours_n + 1, sizeof *hours);
	char when[32];

	if (!s->all)
		return;
	buf_add_text(out, "came to the old address:\n");
	add_clients(out, s);
	for (size_t i = 0; i < s->hours_n; i++)
		hours[i] = s->hours[i];
	qsort(hours, s->hours_n, sizeof *hours, by_time);
	buf_add_text(out, "  by hour:");
	for (size_t i = s->hours_n > TOLD_HOURS ? s->hours_n - TOLD_HOURS : 0; i < s->hours_n; i++)
		buf_addf(out, " %.13sZ %llu", clock_text(when, hours[i].at_ms),
		         (unsigned long long)hours[i].n);
	buf_add_char(out, '\n');
}
