/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/end_making.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/plain.h"
#include "lists/show.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ── what becomes of an attribute ────────────────────────────────────────────────────────────── */

void end_tell(struct end_making *m, const char *format, ...)
{
	AUTO_BUF struct buf words = { 0 };
	AUTO_FREE char *sentence = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&sentence, format, args);
	va_end(args);
	if (n < 0 || (m->row->why && strstr(m->row->why, sentence)))
		return;
	if (m->row->why)
		buf_addf(&words, "%s; ", m->row->why);
	buf_add_text(&words, sentence);
	free(m->row->why);
	m->row->why = buf_take(&words);
}

void end_fate(struct end_making *m, enum lists_fate fate, const char *to)
{
	m->row->fate = fate;
	free(m->row->to);
	m->row->to = to ? xstrdup(to) : NULL;
}

void end_carried(struct end_making *m, const char *to)
{
	end_fate(m, LISTS_FATE_CARRIED, to);
}

void end_left(struct end_making *m, const char *why)
{
	end_fate(m, LISTS_FATE_LEFT, NULL);
	end_tell(m, "%s", why);
}

void end_stays(struct end_making *m)
{
	end_left(m, m->rule->to);
}

void end_unused(struct end_making *m)
{
	end_fate(m, LISTS_FATE_UNUSED, NULL);
	end_tell(m, "%s", m->rule->to);
}

void end_goes(struct end_making *m)
{
	end_carried(m, m->rule->to);
}

/* ── values ──────────────────────────────────────────────────────────────────────────────────── */

void end_decode(struct end_making *m, struct value v, struct buf *out)
{
	if (lists_decode_value(m->l->charset, v, out) == LISTS_DECODED_OCTETS && m->row)
		end_tell(m, "has octets that are no text in UTF-8 and %s: they stand as \\xNN",
		         lists_charset_name(m->l->charset));
}

json_t *end_json(struct span text)
{
	json_t *made = json_stringn(text.n ? text.p : "", text.n);
	AUTO_BUF struct buf shown = { 0 };

	if (made)
		return made;
	buf_add_printable(&shown, text);
	return json_string(buf_text(&shown));
}

json_t *end_string(struct end_making *m, struct value v)
{
	AUTO_BUF struct buf text = { 0 };

	end_decode(m, v, &text);
	return end_json(buf_span(&text));
}

json_t *end_octets(struct span octets)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < octets.n; i++) {
		unsigned char c = (unsigned char)octets.p[i];

		if (c < 0x80) {
			buf_add_char(&text, (char)c);
		} else {
			buf_add_char(&text, (char)(0xc0 | c >> 6));
			buf_add_char(&text, (char)(0x80 | (c & 0x3f)));
		}
	}
	return json_stringn(buf_text(&text), text.n);
}

void end_header_rules(struct end_making *m,
                      void (*take)(struct end_making *m, struct span pattern, int64_t action))
{
	for (size_t i = 0; i < value_count(m->v); i++) {
		struct value rule = value_item(m->v, i);
		AUTO_BUF struct buf text = { 0 };
		int64_t action = -1, empty = 0;
		struct span rest, line;

		(void)value_get_int(value_item(rule, 1), &action);
		(void)value_get_int(value_item(rule, 2), &empty);
		end_decode(m, value_item(rule, 0), &text);
		for (rest = buf_span(&text); !empty && span_next_line(&rest, &line);) {
			line = span_trim(line);
			if (line.n)
				take(m, line, action);
		}
	}
}

double end_number(struct value v)
{
	double number = 0;

	if (!value_get_number(v, &number) || number != number)
		return 0;
	return number;
}

int64_t end_int(const struct end_making *m, const char *attribute, int64_t otherwise)
{
	int64_t i = otherwise;

	(void)value_get_int(lists_list_attribute(m->l, attribute), &i);
	return i;
}

bool end_is_on(struct value v)
{
	const struct value_pair *pairs;
	struct span chars;

	if (value_get_chars(v, &chars))
		return span_trim(chars).n != 0;
	if (value_kind(v) == VALUE_DICT)
		return value_dict_pairs(v, &pairs) != 0;
	return value_count(v) || end_number(v) != 0;
}

void end_left_if_on(struct end_making *m)
{
	if (end_is_on(m->v)) {
		end_left(m, m->rule->to);
		return;
	}
	end_fate(m, LISTS_FATE_UNUSED, NULL);
	end_tell(m, "is off, and always is there");
}

/* ── addresses ───────────────────────────────────────────────────────────────────────────────── */

void end_refuse(struct end_making *m, const char *what, struct span who, const char *why)
{
	struct lists_end_plan *p = m->out;
	AUTO_BUF struct buf shown = { 0 };

	buf_add_printable(&shown, who);
	ARRAY_GROW(p->refused, p->refused_n, p->refused_room);
	p->refused[p->refused_n++] = (struct lists_end_refused){ .what = what,
		                                                 .who = xstrdup(buf_text(&shown)),
		                                                 .why = xstrdup(why) };
	if (m->row)
		end_tell(m, "%s: %s", buf_text(&shown), why);
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80 || (unsigned char)s.p[i] < ' ')
			return false;
	return true;
}

bool end_address(struct end_making *m, const char *what, struct value v, struct buf *out)
{
	AUTO_BUF struct buf shown = { 0 };
	struct span s;

	if (!value_get_chars(v, &s)) {
		lists_plain_line(m->l->charset, v, &shown);
		end_refuse(m, what, buf_span(&shown), "is no address: it is not even text");
		return false;
	}
	s = span_trim(s);
	if (!is_ascii(s)) {
		end_refuse(m, what, s, "has signs that are not ASCII; nothing was guessed");
		return false;
	}
	if (span_find(s, '@') <= 0 || span_find(s, '@') + 1 == (ssize_t)s.n) {
		end_refuse(m, what, s, "has no domain");
		return false;
	}
	buf_add_span(out, s);
	return true;
}

/* "@NAME" stands for the members of another list of the site, which Mailman 3 does not know: they stand there
 * themselves. */
static void add_roster(struct end_making *m, const char *what, struct span entry, json_t *all)
{
	static const struct lists_list_options reading = { .count_max = 1 };
	AUTO_FREE char *name = span_dup(span_from(entry, 1));
	AUTO_LISTS_LIST struct lists_list other = { 0 };
	struct error err = { 0 };

	if (!m->site || !strings_has(&m->site->names, name)) {
		end_refuse(m, what, entry, "stands for a list that the site does not have");
		return;
	}
	if (lists_list_read(&other, m->site, name, &reading, &err) < 0) {
		end_refuse(m, what, entry, err.text);
		return;
	}
	for (size_t i = 0; i < other.members.n; i++) {
		AUTO_BUF struct buf text = { 0 };

		if (end_address(m, what, other.members.rows[i].key, &text))
			json_array_append_new(all, end_json(buf_span(&text)));
	}
	end_tell(m, "@%s: the %zu members that it has now stand there by themselves", name,
	         other.members.n);
}

/* One of a list of addresses and patterns. */
static void add_entry(struct end_making *m, const char *what, struct value v, json_t *all)
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
		end_decode(m, v, &text);
	else if (!end_address(m, what, v, &text))
		return;
	json_array_append_new(all, end_json(span_trim(buf_span(&text))));
}

json_t *end_entries(struct end_making *m, const char *what)
{
	json_t *all = json_array();

	for (size_t i = 0; i < value_count(m->v); i++)
		add_entry(m, what, value_item(m->v, i), all);
	return all;
}

static bool is_text(struct value v)
{
	return value_kind(v) == VALUE_STR || value_kind(v) == VALUE_TEXT;
}

struct value end_member_address(const struct lists_member *member)
{
	return is_text(member->regular)  ? member->regular
	       : is_text(member->digest) ? member->digest
	                                 : member->key;
}

/* ── all attributes ──────────────────────────────────────────────────────────────────────────── */

static json_t *shown(const struct end_making *m, const struct lists_attribute *a)
{
	if (a && a->marks & LISTS_SECRET && !(a->marks & LISTS_PER_MEMBER))
		return json_null();
	if (value_kind(m->v) == VALUE_DICT && a) {
		const struct value_pair *pairs;

		return json_integer((json_int_t)value_dict_pairs(m->v, &pairs));
	}
	return lists_plain_json(m->l->charset, m->v);
}

/* An attribute of the wrong type, as broken hands leave it. */
static void take_misfit(struct end_making *m, const struct lists_attribute *a)
{
	AUTO_BUF struct buf words = { 0 };

	buf_addf(&words, "is %s, and has to be ", value_kind_name(value_kind(m->v)));
	lists_attribute_expects(a, &words);
	m->row->fate = LISTS_FATE_LEFT;
	end_refuse(m, "attribute", span_of(a->name), buf_text(&words));
}

const struct end_rule *end_rule_of(const struct end_rule *rules, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, rules[i].name))
			return &rules[i];
	return NULL;
}

static void take_attribute(struct end_making *m, const struct end_rule *rules, size_t rules_n,
                           const struct value_pair *pair)
{
	struct lists_end_plan *p = m->out;
	AUTO_BUF struct buf name = { 0 };
	const struct lists_attribute *a = NULL;
	struct span key = SPAN("");

	ARRAY_GROW(p->rows, p->n, p->room);
	m->row = &p->rows[p->n++];
	*m->row = (struct lists_end_row){ 0 };
	m->v = pair->value;
	m->rule = NULL;
	if (value_get_chars(pair->key, &key)) {
		a = lists_attribute_named(key);
		m->rule = end_rule_of(rules, rules_n, key);
		buf_add_printable(&name, key);
	} else {
		lists_plain_line(m->l->charset, pair->key, &name);
	}
	m->row->name = xstrdup(buf_text(&name));
	m->row->value = shown(m, a);
	if (!a || !m->rule)
		end_left(m, "is none of Mailman 2.1's own: a patch's, or a site's");
	/* who is a member is known, whatever else there is of the wrong type */
	else if (lists_attribute_fits(a, m->v) || a->marks & LISTS_PER_MEMBER)
		m->rule->take(m);
	else
		take_misfit(m, a);
	m->row = NULL;
}

void end_attributes(struct end_making *m, const struct end_rule *rules, size_t rules_n)
{
	struct value_pair *pairs;
	size_t n;

	pairs = lists_plain_pairs(m->l->config, &n);
	for (size_t i = 0; i < n; i++)
		take_attribute(m, rules, rules_n, &pairs[i]);
	free(pairs);
}

void end_begin(struct end_making *m)
{
	AUTO_BUF struct buf address = { 0 };

	*m->out = (struct lists_end_plan){ .members = m->l->members.n };
	lists_list_address(m->l, &address);
	for (size_t i = 0; i < address.n; i++)
		address.p[i] = ascii_lower(address.p[i]);
	m->out->name = xstrdup(m->l->name);
	m->out->address = xstrdup(buf_text(&address));
}

/* ── what waits ──────────────────────────────────────────────────────────────────────────────── */

void end_refuse_tokens(struct end_making *m, const char *manager)
{
	const char *address = m->out->address, *host = address + strcspn(address, "@");
	int n = (int)(host - address);
	AUTO_FREE char *why = xasprintf(
		"%s does not know it: who has it in a mail begins anew by a "
		"mail to %.*s-join%s or %.*s-leave%s",
		manager, n, address, host, n, address, host);

	for (size_t i = 0; i < m->l->pending_n; i++) {
		const struct lists_pending *p = &m->l->pending[i];

		AUTO_BUF struct buf who = { 0 };

		/* one of a held post goes with the post, which gets another there */
		if (p->op == 'H')
			continue;
		buf_addf(&who, "%s: ", lists_pending_name(p->op));
		lists_pending_about(m->l, p, &who);
		end_refuse(m, "token", buf_span(&who), why);
	}
}

void end_refuse_digest(struct end_making *m)
{
	if (m->l->digest.is_there && m->l->digest.size)
		end_refuse(m, "digest", span_of("digest.mbox"),
		           "the digest in progress: have 2.1 send it before the list moves");
}
