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

int fence_parse(struct span ruleset, struct fence_state *out, struct error *err)
{
	struct fence_state s = { 0 };
	ssize_t at = span_find_text(ruleset, "table inet mailhaul {"), end;
	struct span table;

	if (at < 0) {
		*out = s;
		return 0;
	}
	table = span_from(ruleset, (size_t)at);
	end = span_find_text(table, "\n}");
	if (end < 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "nft's list of table mailhaul has no end");
	table.n = (size_t)end;
	s.stands = span_find_text(table, "hook input") >= 0 &&
	           span_find_text(table, "@closed") >= 0 &&
	           span_find_text(table, "reject with tcp reset") >= 0;
	at = span_find_text(table, "elements = {");
	if (at >= 0) {
		struct span list = span_from(table, (size_t)at + sizeof "elements = {" - 1);
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
