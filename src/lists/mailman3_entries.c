/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_entries -- attributes that are lists of addresses and patterns. */

#include "lists/mailman3_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/plain.h"

#include <ctype.h>
#include <string.h>

void mailman3_take_nonmembers(struct end_making *m)
{
	mailman3_set(m, m->rule->to, end_entries(m, "nonmember"));
}

void mailman3_take_bans(struct end_making *m)
{
	json_object_set_new(m->out->work, "bans", end_entries(m, "ban"));
	end_carried(m, m->rule->to);
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
void mailman3_take_aliases(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 };
	json_t *all = json_array();
	struct span rest, line;

	end_decode(m, m->v, &text);
	for (rest = buf_span(&text); span_next_line(&rest, &line);) {
		AUTO_BUF struct buf made = { 0 };

		line = span_trim(line);
		if (!line.n)
			continue;
		if (has_upper_escape(line)) {
			end_refuse(m, "alias", line,
			           "Mailman 3 writes it in lower case, which changes it");
			continue;
		}
		if (*line.p != '^')
			buf_add_char(&made, '^');
		for (size_t i = 0; i < line.n; i++)
			buf_add_char(&made, ascii_lower(line.p[i]));
		json_array_append_new(all, end_json(buf_span(&made)));
	}
	if (json_array_size(all))
		end_tell(m, "each line is a pattern, as 2.1 takes it");
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

static void take_rule(struct end_making *m, struct span line, int64_t action)
{
	json_t *all = json_object_get(m->out->work, "header_matches");
	AUTO_BUF struct buf pattern = { 0 }, name = { 0 };
	const char *chain = chain_of(action);
	struct span header;

	if (!chain) {
		end_refuse(m, "header rule", line, "its action has no counterpart there");
		return;
	}
	if (!split_rule(line, &header, &pattern)) {
		end_refuse(m, "header rule", line,
		           "looks at no one header by name, as Mailman 3 does");
		return;
	}
	for (size_t i = 0; i < header.n; i++)
		buf_add_char(&name, ascii_lower(header.p[i]));
	json_array_append_new(all,
	                      json_pack("{s:o, s:o, s:s}", "header", end_json(buf_span(&name)),
	                                "pattern", end_json(buf_span(&pattern)), "action", chain));
}

void mailman3_take_header_rules(struct end_making *m)
{
	end_header_rules(m, take_rule);
	end_carried(m, m->rule->to);
}

/* ── answers that were sent ──────────────────────────────────────────────────────────────────── */

/* {address: time}: who has had an answer, and shall have no other for a while. */
void mailman3_take_responses(struct end_making *m)
{
	json_t *all = json_object_get(m->out->work, "responses");
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(m->v, &pairs);

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf address = { 0 };
		double until = 0;

		(void)value_get_number(pairs[i].value, &until);
		if (end_address(m, "answer", pairs[i].key, &address))
			json_array_append_new(all, json_pack("{s:o, s:s, s:f}", "address",
			                                     end_json(buf_span(&address)), "kind",
			                                     m->rule->to, "until", until));
	}
	end_carried(m, "answers that were sent");
}
