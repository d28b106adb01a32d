/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/csv.h"

#include "lists/plain.h"

#include <stdio.h>
#include <string.h>

struct row {
	const struct lists_list *l;
	const struct lists_member *m;
	double since;
	enum lists_disabled disabled;
	struct lists_bounces bounces;
};

static void text(const struct row *r, struct value v, struct buf *out)
{
	if (!value_is_absent(v) && value_kind(v) != VALUE_NONE)
		lists_plain_line(r->l->charset, v, out);
}

static void address(const struct row *r, struct buf *out)
{
	text(r, r->m->key, out);
}

static void as_typed(const struct row *r, struct buf *out)
{
	buf_add_printable(out, lists_member_as_typed(r->m));
}

static void delivery(const struct row *r, struct buf *out)
{
	buf_add_text(out, value_is_absent(r->m->regular)  ? "digest"
	                  : value_is_absent(r->m->digest) ? "regular"
	                                                  : "both");
}

static void name(const struct row *r, struct buf *out)
{
	text(r, r->m->name, out);
}

static void language(const struct row *r, struct buf *out)
{
	text(r, r->m->language, out);
}

static void options(const struct row *r, struct buf *out)
{
	lists_option_words(lists_member_options(r->m), out);
}

static void disabled_by(const struct row *r, struct buf *out)
{
	buf_add_text(out, lists_disabled_name(r->disabled));
}

static void disabled_since(const struct row *r, struct buf *out)
{
	if (r->disabled != LISTS_ENABLED)
		lists_plain_time(r->since, out);
}

static void bounce_score(const struct row *r, struct buf *out)
{
	if (r->bounces.date[0])
		buf_addf(out, "%g", r->bounces.score);
}

static void bounce_date(const struct row *r, struct buf *out)
{
	buf_add_text(out, r->bounces.date);
}

static void topics(const struct row *r, struct buf *out)
{
	for (size_t i = 0; i < value_count(r->m->topics); i++) {
		if (i)
			buf_add_char(out, '\n');
		text(r, value_item(r->m->topics, i), out);
	}
}

static void one_last_digest(const struct row *r, struct buf *out)
{
	buf_add_text(out, value_is_absent(r->m->one_last_digest) ? "" : "yes");
}

static void password(const struct row *r, struct buf *out)
{
	text(r, r->m->password, out);
}

static const struct {
	const char *name;
	void (*add)(const struct row *r, struct buf *out);
	bool secret;
} columns[] = {
	{ "address", address, false },
	{ "as_typed", as_typed, false },
	{ "delivery", delivery, false },
	{ "name", name, false },
	{ "language", language, false },
	{ "options", options, false },
	{ "disabled_by", disabled_by, false },
	{ "disabled_since", disabled_since, false },
	{ "bounce_score", bounce_score, false },
	{ "last_bounce", bounce_date, false },
	{ "topics", topics, false },
	{ "one_last_digest", one_last_digest, false },
	{ "password", password, true },
};

/* A spreadsheet takes what begins so for a formula, and runs it; anybody may have a name of his choice. An
 * apostrophe before it makes it text; as what begins with one gets one too, a reader takes one away and has
 * what was there. The last four are the signs that Japanese keyboards make. */
static const char *const formulas[] = {
	"=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20",
};

static bool begins_formula(struct span cell)
{
	for (size_t i = 0; i < ROWS(formulas); i++)
		if (span_starts(cell, formulas[i]))
			return true;
	return false;
}

/* RFC 4180 section 2: what has a comma, a quote or a line's end in it stands in quotes; and what has
 * another sign at which a spreadsheet may part a line, for a formula may begin behind it. */
void lists_csv_cell(struct buf *out, struct span cell)
{
	bool quotes = false;

	for (size_t i = 0; i < cell.n; i++)
		quotes = quotes || strchr(",;|\t\"\n\r", cell.p[i]);
	if (quotes)
		buf_add_char(out, '"');
	if (begins_formula(cell))
		buf_add_char(out, '\'');
	for (size_t i = 0; i < cell.n; i++) {
		if (cell.p[i] == '"')
			buf_add_char(out, '"');
		buf_add_char(out, cell.p[i]);
	}
	if (quotes)
		buf_add_char(out, '"');
}

static void add_line(const struct lists_list *l, const struct lists_member *m, bool secrets,
                     struct buf *out)
{
	AUTO_BUF struct buf cell = { 0 };
	struct row r = { .l = l, .m = m };

	if (m) {
		r.disabled = lists_member_disabled(m, &r.since);
		(void)lists_member_bounces(m, &r.bounces);
	}
	for (size_t i = 0; i < ROWS(columns); i++) {
		if (columns[i].secret && !secrets)
			continue;
		if (i)
			buf_add_char(out, ',');
		buf_reset(&cell);
		if (m)
			columns[i].add(&r, &cell);
		lists_csv_cell(out, m ? buf_span(&cell) : span_of(columns[i].name));
	}
	buf_add_text(out, "\r\n");
}

void lists_members_csv(const struct lists_list *l, bool secrets, struct buf *out)
{
	add_line(l, NULL, secrets, out);
	for (size_t i = 0; i < l->members.n; i++)
		add_line(l, &l->members.rows[i], secrets, out);
}
