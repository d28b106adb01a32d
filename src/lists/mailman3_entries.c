/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_entries -- attributes that are lists of addresses and patterns. */

#include "lists/mailman3_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/plain.h"

#include <ctype.h>
#include <string.h>

void mailman3_refuse(struct mailman3 *m, const char *what, struct span who, const char *why)
{
	struct lists_mailman3_plan *p = m->out;
	AUTO_BUF struct buf shown = { 0 };

	buf_add_printable(&shown, who);
	ARRAY_GROW(p->refused, p->refused_n, p->refused_room);
	p->refused[p->refused_n++] = (struct lists_mailman3_refused){
		.what = what, .who = xstrdup(buf_text(&shown)), .why = xstrdup(why)
	};
	if (m->row)
		mailman3_tell(m, "%s: %s", buf_text(&shown), why);
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80 || (unsigned char)s.p[i] < ' ')
			return false;
	return true;
}

bool mailman3_address(struct mailman3 *m, const char *what, struct value v, struct buf *out)
{
	AUTO_BUF struct buf shown = { 0 };
	struct span s;

	if (!value_get_chars(v, &s)) {
		lists_plain_line(m->l->charset, v, &shown);
		mailman3_refuse(m, what, buf_span(&shown), "is no address: it is not even text");
		return false;
	}
	s = span_trim(s);
	if (!is_ascii(s)) {
		mailman3_refuse(m, what, s, "has signs that are not ASCII; nothing was guessed");
		return false;
	}
	if (span_find(s, '@') <= 0 || span_find(s, '@') + 1 == (ssize_t)s.n) {
		mailman3_refuse(m, what, s, "has no domain");
		return false;
	}
	buf_add_span(out, s);
	return true;
}

/* "@NAME" stands for the members of another list of the site, which Mailman 3 does not know: they stand there
 * themselves. */
static void add_roster(struct mailman3 *m, const char *what, struct span entry, json_t *all)
{
	static const struct lists_list_options reading = { .count_max = 1 };
	AUTO_FREE char *name = span_dup(span_from(entry, 1));
	AUTO_LISTS_LIST struct lists_list other = { 0 };
	struct error err = { 0 };

	if (!m->site || !strings_has(&m->site->names, name)) {
		mailman3_refuse(m, what, entry, "stands for a list that the site does not have");
		return;
	}
	if (lists_list_read(&other, m->site, name, &reading, &err) < 0) {
		mailman3_refuse(m, what, entry, err.text);
		return;
	}
	for (size_t i = 0; i < other.members.n; i++) {
		AUTO_BUF struct buf text = { 0 };

		if (mailman3_address(m, what, other.members.rows[i].key, &text))
			json_array_append_new(all, mailman3_text(buf_span(&text)));
	}
	mailman3_tell(m, "@%s: the %zu members that it has now stand there by themselves", name,
	              other.members.n);
}

/* One of a list of addresses and patterns. */
static void add_entry(struct mailman3 *m, const char *what, struct value v, json_t *all)
{
	AUTO_BUF struct buf text = { 0 };
	struct span s = SPAN("");

	(void)value_get_chars(v, &s);
	s = span_trim(s);
	if (s.n && *s.p == '@') {
		add_roster(m, what, s, all);
		return;
	}
	if (s.n && *s.p == '^')
		mailman3_decode(m, v, &text);
	else if (!mailman3_address(m, what, v, &text))
		return;
	json_array_append_new(all, mailman3_text(span_trim(buf_span(&text))));
}

static json_t *entries_of(struct mailman3 *m, const char *what)
{
	json_t *all = json_array();

	for (size_t i = 0; i < value_count(m->v); i++)
		add_entry(m, what, value_item(m->v, i), all);
	return all;
}

void mailman3_take_nonmembers(struct mailman3 *m)
{
	mailman3_set(m, m->rule->to, entries_of(m, "nonmember"));
}

void mailman3_take_bans(struct mailman3 *m)
{
	json_object_set_new(m->out->work, "bans", entries_of(m, "ban"));
	mailman3_carried(m, m->rule->to);
}

/* "\\S", which in lower case means another thing. */
static bool has_upper_escape(struct span s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '\\' && s.p[i + 1] >= 'A' && s.p[i + 1] <= 'Z')
			return true;
	return false;
}

/* 2.1 tries each line as a pattern, of the whole address and of what stands before its '@'; Mailman 3 only
 * what begins with '^', and of the whole. */
void mailman3_take_aliases(struct mailman3 *m)
{
	AUTO_BUF struct buf text = { 0 };
	json_t *all = json_array();
	struct span rest, line;

	mailman3_decode(m, m->v, &text);
	for (rest = buf_span(&text); span_next_line(&rest, &line);) {
		AUTO_BUF struct buf made = { 0 };

		line = span_trim(line);
		if (!line.n)
			continue;
		if (has_upper_escape(line)) {
			mailman3_refuse(m, "alias", line,
			                "Mailman 3 writes it in lower case, which changes it");
			continue;
		}
		if (*line.p != '^')
			buf_add_char(&made, '^');
		for (size_t i = 0; i < line.n; i++)
			buf_add_char(&made, ascii_lower(line.p[i]));
		json_array_append_new(all, mailman3_text(buf_span(&made)));
	}
	if (json_array_size(all))
		mailman3_tell(m, "each line is a pattern, as 2.1 takes it");
	mailman3_set(m, m->rule->to, all);
}

/* ── header_filter_rules ─────────────────────────────────────────────────────────────────────── */

static const char *chain_of(int64_t action)
{
	/* defer, approve, reject, discard, subscribe, unsubscribe, accept, hold */
	static const char *const chains[] = {
		NULL, NULL, "reject", "discard", NULL, NULL, "accept", "hold",
	};

	return action >= 0 && action < (int64_t)ROWS(chains) ? chains[action] : NULL;
}

/* "Subject: buy": the name of a header, and what its value begins with. False: it is no such thing. */
static bool split_rule(struct span line, struct span *header, struct buf *pattern)
{
	ssize_t colon = span_find(line, ':');
	struct span rest;

	if (line.n && *line.p == '^') {
		line = span_from(line, 1);
		colon--;
	}
	if (colon <= 0)
		return false;
	*header = (struct span){ line.p, (size_t)colon };
	for (size_t i = 0; i < header->n; i++)
		if (!isalnum((unsigned char)header->p[i]) && !strchr("-_", header->p[i]))
			return false;
	rest = span_trim(span_from(line, (size_t)colon + 1));
	if (span_starts(rest, ".*") || span_starts(rest, "^"))
		buf_add_span(pattern, rest);
	else if (span_find(rest, '|') >= 0)
		buf_addf(pattern, "^(?:%.*s)", (int)rest.n, rest.p);
	else
		buf_addf(pattern, "^%.*s", (int)rest.n, rest.p);
	return true;
}

static void take_rule(struct mailman3 *m, struct span line, int64_t action, json_t *all)
{
	AUTO_BUF struct buf pattern = { 0 }, name = { 0 };
	const char *chain = chain_of(action);
	struct span header;

	if (!chain) {
		mailman3_refuse(m, "header rule", line, "its action has no counterpart there");
		return;
	}
	if (!split_rule(line, &header, &pattern)) {
		mailman3_refuse(m, "header rule", line,
		                "looks at no one header by name, as Mailman 3 does");
		return;
	}
	for (size_t i = 0; i < header.n; i++)
		buf_add_char(&name, ascii_lower(header.p[i]));
	json_array_append_new(all, json_pack("{s:o, s:o, s:s}", "header",
	                                     mailman3_text(buf_span(&name)), "pattern",
	                                     mailman3_text(buf_span(&pattern)), "action", chain));
}

void mailman3_take_header_rules(struct mailman3 *m)
{
	json_t *all = json_array();

	for (size_t i = 0; i < value_count(m->v); i++) {
		struct value rule = value_item(m->v, i);
		AUTO_BUF struct buf text = { 0 };
		int64_t action = -1, empty = 0;
		struct span rest, line;

		(void)value_get_int(value_item(rule, 1), &action);
		(void)value_get_int(value_item(rule, 2), &empty);
		mailman3_decode(m, value_item(rule, 0), &text);
		for (rest = buf_span(&text); !empty && span_next_line(&rest, &line);) {
			line = span_trim(line);
			if (line.n)
				take_rule(m, line, action, all);
		}
	}
	json_object_set_new(m->out->work, "header_matches", all);
	mailman3_carried(m, m->rule->to);
}

/* ── answers that were sent ──────────────────────────────────────────────────────────────────── */

/* {address: time}: who has had an answer, and shall have no other for a while. */
void mailman3_take_responses(struct mailman3 *m)
{
	json_t *all = json_object_get(m->out->work, "responses");
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(m->v, &pairs);

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf address = { 0 };
		double until = 0;

		(void)value_get_number(pairs[i].value, &until);
		if (mailman3_address(m, "answer", pairs[i].key, &address))
			json_array_append_new(all, json_pack("{s:o, s:s, s:f}", "address",
			                                     mailman3_text(buf_span(&address)),
			                                     "kind", m->rule->to, "until", until));
	}
	mailman3_carried(m, "answers that were sent");
}
