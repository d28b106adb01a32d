/* SPDX-License-Identifier: BSD-2-Clause */
#include "fence/fence.h"

#include <stdlib.h>

/* nft before 0.9 printed services by the names of /etc/services; those that a mail server has. */
static const struct {
	const char *name;
	uint16_t port;
} services[] = {
	{ "smtp", 25 },   { "pop3", 110 },  { "imap", 143 },        { "imap2", 143 },
	{ "urd", 465 },   { "smtps", 465 }, { "submissions", 465 }, { "ssmtp", 465 },
	{ "imaps", 993 }, { "pop3s", 995 }, { "submission", 587 },  { "sieve", 4190 },
};

static bool parse_port(struct span word, uint16_t *port)
{
	uint64_t number;

	if (span_parse_u64(word, &number) && number <= 65535) {
		*port = (uint16_t)number;
		return true;
	}
	for (size_t i = 0; i < ROWS(services); i++)
		if (span_is(word, services[i].name)) {
			*port = services[i].port;
			return true;
		}
	return false;
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static int parse_elements(struct span list, struct fence_state *out, struct error *err)
{
	struct span part;

	while (span_next_part(&list, ',', &part)) {
		uint16_t port;

		part = span_trim(part);
		if (!part.n)
			continue;
		if (!parse_port(part, &port))
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
			                 "nft lists %.*s, which is no port",
			                 (int)(part.n < 40 ? part.n : 40), part.p);
		if (out->n == ROWS(out->closed))
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
			                 "more than %zu ports in the set", ROWS(out->closed));
		out->closed[out->n++] = port;
	}
	qsort(out->closed, out->n, sizeof *out->closed, by_number);
	return 0;
}

/* The block of `head` in `text`, up to the line that closes it; false: there is none. */
static bool find_block(struct span text, const char *head, const char *tail, struct span *out,
                       struct error *err)
{
	ssize_t at = span_find_text(text, head), end;

	if (at < 0)
		return false;
	*out = span_from(text, (size_t)at);
	end = span_find_text(*out, tail);
	if (end >= 0)
		out->n = (size_t)end;
	else
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		          "nft's list of %s has no end", head);
	return true;
}

/* "tcp dport 25 tcp flags syn / syn,ack redirect to :2525" */
static void parse_divert(struct span ruleset, struct fence_state *out)
{
	static const char dport[] = "tcp dport ", to[] = "redirect to :";
	struct error ignored;
	struct span table, word;
	uint16_t from, target;
	ssize_t at;

	if (!find_block(ruleset, "table ip mailhaul {", "\n}", &table, &ignored))
		return;
	at = span_find_text(table, dport);
	if (at < 0)
		return;
	table = span_from(table, (size_t)at + sizeof dport - 1);
	if (!span_next_word(&table, &word) || !parse_port(word, &from))
		return;
	at = span_find_text(table, to);
	if (at < 0)
		return;
	table = span_from(table, (size_t)at + sizeof to - 1);
	if (!span_next_word(&table, &word) || !parse_port(word, &target))
		return;
	out->diverted = from;
	out->to = target;
}

int fence_parse(struct span ruleset, struct fence_state *out, struct error *err)
{
	struct fence_state s = { 0 };
	struct span table, set;
	ssize_t at;

	*err = (struct error){ 0 };
	parse_divert(ruleset, &s);
	if (!find_block(ruleset, "table inet mailhaul {", "\n}", &table, err)) {
		*out = s;
		return 0;
	}
	if (err->text[0])
		return -1;
	s.stands = span_find_text(table, "hook input") >= 0 &&
	           span_find_text(table, "@closed") >= 0 &&
	           span_find_text(table, "reject with tcp reset") >= 0;
	/* another set may stand beside it */
	if (!find_block(table, "set closed {", "\n\t}", &set, err))
		set = table;
	if (err->text[0])
		return -1;
	at = span_find_text(set, "elements = {");
	if (at >= 0) {
		struct span list = span_from(set, (size_t)at + sizeof "elements = {" - 1);
		ssize_t close = span_find(list, '}');

		if (close < 0)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
			                 "nft's list of closed ports has no end");
		list.n = (size_t)close;
		if (parse_elements(list, &s, err) < 0)
			return -1;
	}
	*out = s;
	return 0;
}
