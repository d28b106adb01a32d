/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/passing.h"

#include "base/clock.h"
#include "base/memory.h"
#include "mta/mta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 100

void mta_passing_fini(struct mta_passing *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].address);
		free(p->rows[i].as);
	}
	free(p->rows);
	strings_fini(&p->domains);
	free(p->to);
	*p = (struct mta_passing){ 0 };
}

void mta_passing_add(struct mta_passing *p, const char *address, const char *as)
{
	ARRAY_GROW(p->rows, p->n, p->room);
	p->rows[p->n++] = (struct mta_passing_row){ xstrdup(address), as ? xstrdup(as) : NULL };
}

bool mta_passing_has(const struct mta_passing *p, const char *address)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->rows[i].address, address))
			return true;
	return false;
}

static int need(struct host *h, const struct mta_ops **out, struct error *err)
{
	if (mta_find(h, out, err) < 0)
		return -1;
	if (*out && (*out)->pass_on)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s: no mail transfer agent that can be told to pass mail on",
	                 host_name(h));
}

int mta_pass_on(struct host *h, const struct mta_passing *p, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->pass_on(h, p, err);
}

/* With or without what stands behind a delimiter: "talk-bounces+user=example.com@example.org". */
static bool is_of(const char *recipient, const char *address)
{
	const char *at = strrchr(address, '@'), *end = strrchr(recipient, '@');
	size_t n = at ? (size_t)(at - address) : 0;

	return at && end && !strncmp(recipient, address, n) &&
	       (recipient + n == end || recipient[n] == '+') && !strcmp(end, at);
}

static bool waits_for(const struct mta_queued *q, const struct mta_passing *p)
{
	if (strcmp(q->queue, "deferred") != 0 && strcmp(q->queue, "hold") != 0)
		for (size_t i = 0; i < q->recipients.n; i++)
			for (size_t k = 0; k < p->n; k++)
				if (is_of(q->recipients.rows[i], p->rows[k].address) ||
				    (p->rows[k].as && is_of(q->recipients.rows[i], p->rows[k].as)))
					return true;
	return false;
}

int mta_await_idle(struct host *h, const struct mta_passing *p, int64_t wait_ms, struct error *err)
{
	int64_t until = clock_monotonic_ms() + wait_ms;
	bool running;

	if (mta_is_running(h, &running, err) < 0)
		return -1;
	while (running) {
		AUTO_MTA_QUEUE struct mta_queue q = { 0 };
		bool waits = false;

		if (mta_queue(h, &q, err) < 0)
			return -1;
		for (size_t i = 0; i < q.n; i++)
			waits = waits || waits_for(&q.rows[i], p);
		if (!waits)
			return 0;
		if (clock_monotonic_ms() > until)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT,
			                 "%s: its MTA is still at mail for these lists",
			                 host_name(h));
		clock_sleep_ms(LOOK_MS);
	}
	return 0;
}
