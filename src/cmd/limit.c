/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/limit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "remote/host.h"

#include <stdio.h>
#include <string.h>

#define FACT "old.resting"

bool limit_parse_rate(const char *text, uint64_t *rate)
{
	static const struct {
		char letter;
		uint64_t times;
	} units[] = { { 'k', 1000 }, { 'M', 1000000 }, { 'G', 1000000000 } };
	struct span digits = span_of(text);
	uint64_t times = 1, n;

	for (size_t i = 0; i < ROWS(units); i++)
		if (digits.n && digits.p[digits.n - 1] == units[i].letter)
			times = units[i].times;
	if (times > 1)
		digits.n--;
	if (!span_parse_u64(digits, &n) || n > UINT32_MAX || n * times < CONFIG_RATE_LEAST)
		return false;
	*rate = n * times;
	return true;
}

static void keep(struct old_limit *l, const char *words)
{
	struct error ignored;

	/* only `status` reads it: a move does not stop because it could not be kept */
	if (!l->run->dry_run)
		(void)!state_put(l->run->state, FACT, words, &ignored);
}

static void resting(void *context, const char *why)
{
	struct old_limit *l = context;
	char when[32];

	if (l->resting == (why != NULL))
		return;
	l->resting = why != NULL;
	if (!why) {
		keep(l, "");
		if (!l->run->quiet && !l->run->json)
			fputs("copying goes on\n", stderr);
		return;
	}

	AUTO_FREE char *words = xasprintf("rests since %s: the old host's %s",
	                                  clock_text(when, clock_wall_ms()), why);
	keep(l, words);
	if (!l->run->quiet && !l->run->json)
		fprintf(stderr, "copying %s\n", words);
}

int limit_begin(struct old_limit *l, struct error *err)
{
	const struct config_limit *given = &l->run->config->limit;
	const struct host_limit limit = {
		.octets_per_s = l->rate ? l->rate : given->rate,
		.load = given->load * 100,
		.io_pressure = given->io_pressure * 100,
		.resting = resting,
		.context = l,
	};
	AUTO_FREE char *before = NULL;

	/* what a killed process left */
	if (state_get(l->run->state, FACT, &before, err) < 0)
		return -1;
	if (before && *before)
		keep(l, "");
	return host_set_limit(l->run->old_host, &limit, err);
}

void limit_end(struct old_limit *l)
{
	struct error ignored;

	if (l->resting)
		keep(l, "");
	(void)!host_set_limit(l->run->old_host, NULL, &ignored);
}

int limit_resting(struct state *state, char **out, struct error *err)
{
	if (state_get(state, FACT, out, err) < 0)
		return -1;
	if (*out && !**out) {
		free(*out);
		*out = NULL;
	}
	return 0;
}
