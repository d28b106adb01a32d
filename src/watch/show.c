/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/watch.h"

#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 48
#define LISTED_MAX 5u /* names of one kind that are listed for a server */

/* "old 17 s 02:13:07", "NEW 02:14:00", "no answer"; the time (UTC) says since when. An authoritative server's TTL does not run down, so it is left
 * out. */
static void write_cell(char out[CELL_MAX], const struct watch_round *round, size_t row,
                       size_t column, bool with_since)
{
	const struct watch_table *t = round->now;
	const struct watch_sight *s = watch_sight_at(t, row, column);
	uint32_t left = watch_seconds_left(round->past, t, row, column);

	const struct watch_since *since = watch_since_of(round->past, &t->rows[row], column);
	char when[32];
	int n;

	if (left && t->rows[row].resolver)
		n = snprintf(out, CELL_MAX, "%s %u s%s", watch_look_name(s->look), left,
		             since && since->stretched_ms ? " (keeps it too long)" : "");
	else
		n = snprintf(out, CELL_MAX, "%s", watch_look_name(s->look));
	if (with_since && since && since->since_ms && s->look != WATCH_UNASKED && n > 0 &&
	    n < CELL_MAX)
		snprintf(out + n, CELL_MAX - (size_t)n, " %.8s",
		         clock_text(when, since->since_ms) + 11);
}

static void pad(struct buf *out, const char *text, size_t width)
{
	size_t n = strlen(text);

	buf_add_text(out, text);
	do
		buf_add_char(out, ' ');
	while (++n < width + 1);
}

static void end_line(struct buf *out)
{
	while (out->n && out->p[out->n - 1] == ' ')
		out->n--;
	buf_add_char(out, '\n');
}

static void write_server(char out[128], const struct watch_row *r)
{
	if (r->port == 53)
		snprintf(out, 128, "%.80s %.46s", r->name, r->address);
	else
		snprintf(out, 128, "%.70s %.46s#%u", r->name, r->address, r->port);
}

/* ── the verdict ─────────────────────────────────────────────────────────────────────────────── */

static void add_problems(struct buf *out, const struct watch_table *t)
{
	size_t shown = 0;

	for (size_t c = 0; c < t->columns_n; c++) {
		if (!t->columns[c].problem)
			continue;
		if (shown++ == LISTED_MAX) {
			buf_add_text(out, "...\n");
			return;
		}
		buf_add_printable(out, span_of(t->columns[c].name));
		buf_add_text(out, ": ");
		buf_add_printable(out, span_of(t->columns[c].problem));
		buf_add_char(out, '\n');
	}
}

/* One sentence without a line end: "3 of 5 say NEW; old answers end by 02:13:07 (in 17 s)". */
static void add_verdict(struct buf *out, const struct watch_round *round)
{
	const struct watch_verdict *v = &round->verdict;
	int64_t now = v->at_ms; /* the table may be older: time alone ends it too */
	size_t counted = 0;
	char text[32], left[24];

	for (int look = WATCH_SILENT; look < WATCH_LOOKS; look++)
		counted += look == WATCH_NO_WAY ? 0 : v->looks[look];
	if (v->agree)
		buf_addf(out, "all %zu answers are NEW", v->looks[WATCH_NEW]);
	else
		buf_addf(out, "%zu of %zu answers are NEW", v->looks[WATCH_NEW], counted);
	for (int look = WATCH_SILENT; look < WATCH_NEW; look++)
		if (v->looks[look])
			buf_addf(out, ", %zu %s", v->looks[look],
			         watch_look_name((enum watch_look)look));
	if (v->away)
		buf_add_text(out, "; nobody is led to the old address any longer, the second step "
		                  "may come");
	else if (v->old_until_ms > now)
		buf_addf(out, "; a cache may hold the old answer until %.19sZ, %s more",
		         clock_text(text, v->old_until_ms),
		         text_duration(left, (double)(v->old_until_ms - now) / 1000));
	else if (v->old_until_ms)
		buf_add_text(out, "; no cache can hold the old answer any longer");
	else if (v->agree)
		buf_add_text(out,
		             "; when the old answers ended is not known, because none was seen");
	if (round->past->stragglers.all || v->quiet_until_ms) {
		buf_add_text(out, "; ");
		watch_stragglers_add_words(out, &round->past->stragglers, now);
		if (round->past->stragglers.unread)
			buf_add_text(out, ", and now the old host's log can't be read");
	}
	if (v->quiet_until_ms && !v->done)
		buf_addf(out, "; quiet for long enough at %.19sZ",
		         clock_text(text, v->quiet_until_ms));
}

/* ── for a terminal ──────────────────────────────────────────────────────────────────────────── */

struct widths {
	size_t server;
	size_t *columns; /* owned */
	size_t all;
};

static void measure(const struct watch_round *round, struct widths *w)
{
	const struct watch_table *t = round->now;
	char server[128], cell[CELL_MAX];

	w->columns = xcalloc(t->columns_n + 1, sizeof *w->columns);
	w->server = 6;
	for (size_t c = 0; c < t->columns_n; c++)
		w->columns[c] = strlen(t->columns[c].name);
	for (size_t r = 0; r < t->rows_n; r++) {
		write_server(server, &t->rows[r]);
		if (strlen(server) > w->server)
			w->server = strlen(server);
		for (size_t c = 0; c < t->columns_n; c++) {
			write_cell(cell, round, r, c, true);
			if (strlen(cell) > w->columns[c])
				w->columns[c] = strlen(cell);
		}
	}
	w->all = w->server;
	for (size_t c = 0; c < t->columns_n; c++)
		w->all += 2 + w->columns[c];
}

static void add_table(struct buf *out, const struct watch_round *round, const struct widths *w)
{
	const struct watch_table *t = round->now;
	char server[128], cell[CELL_MAX];

	pad(out, "server", w->server + 1);
	for (size_t c = 0; c < t->columns_n; c++)
		pad(out, t->columns[c].name, w->columns[c] + 1);
	end_line(out);
	for (size_t r = 0; r < t->rows_n; r++) {
		write_server(server, &t->rows[r]);
		pad(out, server, w->server + 1);
		for (size_t c = 0; c < t->columns_n; c++) {
			write_cell(cell, round, r, c, true);
			pad(out, cell, w->columns[c] + 1);
		}
		end_line(out);
	}
}

/* One server with many names: how many of each kind, and which are not new. */
static void add_server_summary(struct buf *out, const struct watch_round *round, size_t r)
{
	const struct watch_table *t = round->now;
	char server[128];
	bool first = true;

	write_server(server, &t->rows[r]);
	buf_addf(out, "%s:", server);
	for (int look = WATCH_LOOKS - 1; look > WATCH_UNASKED; look--) {
		size_t n = 0;
		AUTO_BUF struct buf names = { 0 };

		for (size_t c = 0; c < t->columns_n; c++) {
			if (watch_sight_at(t, r, c)->look != (enum watch_look)look)
				continue;
			if (n++ < LISTED_MAX)
				buf_addf(&names, "%s%s", n > 1 ? " " : "", t->columns[c].name);
		}
		if (!n)
			continue;
		buf_addf(out, "%s %zu %s", first ? "" : ",", n,
		         watch_look_name((enum watch_look)look));
		first = false;
		if (look != WATCH_NEW && look != WATCH_SILENT && look != WATCH_NO_WAY)
			buf_addf(out, " (%s%s)", buf_text(&names), n > LISTED_MAX ? " ..." : "");
	}
	buf_add_char(out, '\n');
}

void watch_add_matrix(struct buf *out, const struct watch_round *round, unsigned width)
{
	struct widths w = { 0 };

	measure(round, &w);
	if (!width || w.all <= width)
		add_table(out, round, &w);
	else
		for (size_t r = 0; r < round->now->rows_n; r++)
			add_server_summary(out, round, r);
	free(w.columns);
	add_problems(out, round->now);
	watch_stragglers_add_table(out, &round->past->stragglers);
	add_verdict(out, round);
	buf_add_char(out, '\n');
}

/* ── for a pipe ──────────────────────────────────────────────────────────────────────────────── */

static bool has_changed(const struct watch_round *round, size_t r, size_t c)
{
	const struct watch_since *since = watch_since_of(round->past, &round->now->rows[r], c);
	const struct watch_table *before = round->before;

	return !before || (since && since->stretched_ms == round->now->at_ms) ||
	       r >= before->rows_n ||
	       watch_sight_at(before, r, c)->look != watch_sight_at(round->now, r, c)->look;
}

void watch_add_lines(struct buf *out, const struct watch_round *round)
{
	const struct watch_table *t = round->now;
	char now[32], server[128], cell[CELL_MAX];

	clock_text(now, t->at_ms);
	for (size_t r = 0; r < t->rows_n; r++)
		for (size_t c = 0; c < t->columns_n; c++) {
			if (watch_sight_at(t, r, c)->look == WATCH_UNASKED ||
			    !has_changed(round, r, c))
				continue;
			write_server(server, &t->rows[r]);
			write_cell(cell, round, r, c, false);
			buf_addf(out, "%s %s %s %s\n", now, server, t->columns[c].name, cell);
		}
	if (!round->before)
		add_problems(out, t);
	if (!round->before || round->verdict.done)
		watch_stragglers_add_table(out, &round->past->stragglers);
	buf_addf(out, "%s ", clock_text(now, round->verdict.at_ms));
	add_verdict(out, round);
	buf_add_char(out, '\n');
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────── */

static void add_time(json_t *to, const char *key, int64_t at_ms)
{
	char text[32];

	if (at_ms)
		json_object_set_new(to, key, json_string(clock_text(text, at_ms)));
}

/* Since when it says so; when it says "old", until when by its TTL, and until when at worst. */
static void add_times(json_t *one, const struct watch_round *round, size_t r, size_t c)
{
	const struct watch_table *t = round->now;
	const struct watch_since *since = watch_since_of(round->past, &t->rows[r], c);
	const struct watch_sight *s = watch_sight_at(t, r, c);

	add_time(one, "since", since ? since->since_ms : 0);
	if (s->look != WATCH_OLD && s->look != WATCH_MIXED)
		return;
	add_time(one, "old_until",
	         t->at_ms + (int64_t)watch_seconds_left(round->past, t, r, c) * 1000);
	add_time(one, "old_until_at_worst", watch_worst_ms(round->past, c));
	json_object_set_new(one, "stretched", json_boolean(since && since->stretched_ms));
}

static json_t *sights_of(const struct watch_round *round, size_t r)
{
	const struct watch_table *t = round->now;
	json_t *sights = json_array();

	for (size_t c = 0; c < t->columns_n; c++) {
		const struct watch_sight *s = watch_sight_at(t, r, c);
		json_t *one;

		if (s->look == WATCH_UNASKED)
			continue;
		one = json_pack("{s:s, s:s, s:I, s:I}", "name", t->columns[c].name, "says",
		                watch_look_name(s->look), "address_ttl", (json_int_t)s->address_ttl,
		                "mx_ttl", (json_int_t)s->mail_ttl);
		add_times(one, round, r, c);
		json_array_append_new(sights, one);
	}
	return sights;
}

void watch_add_json(struct buf *out, const struct watch_round *round)
{
	const struct watch_table *t = round->now;
	json_t *servers = json_array(), *problems = json_object(), *all;
	char at[32], until[32];
	char *text;

	for (size_t r = 0; r < t->rows_n; r++)
		json_array_append_new(
			servers,
			json_pack("{s:s, s:s, s:i, s:b, s:o}", "name", t->rows[r].name, "address",
		                  t->rows[r].address, "port", (int)t->rows[r].port, "resolver",
		                  (int)t->rows[r].resolver, "sights", sights_of(round, r)));
	for (size_t c = 0; c < t->columns_n; c++)
		if (t->columns[c].problem)
			json_object_set_new(problems, t->columns[c].name,
			                    json_string(t->columns[c].problem));
	clock_text(at, t->at_ms);
	clock_text(until, round->verdict.old_until_ms);
	all = json_pack("{s:s, s:o, s:o, s:b, s:b, s:s?}", "at", at, "servers", servers, "problems",
	                problems, "agree", (int)round->verdict.agree, "done",
	                (int)round->verdict.done, "old_until",
	                round->verdict.old_until_ms ? until : NULL);
	if (all) {
		json_object_set_new(all, "stragglers",
		                    watch_stragglers_json(&round->past->stragglers));
		add_time(all, "quiet_until", round->verdict.quiet_until_ms);
		json_object_set_new(all, "away", json_boolean(round->verdict.away));
	}
	text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
	if (!text)
		abort();
	buf_addf(out, "%s\n", text);
	free(text);
	json_decref(all);
}
