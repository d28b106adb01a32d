/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/sending.h"

static int collect(struct sending *s, unsigned leave, struct error *err)
{
	int result = 0;

	while (s->ahead > leave) {
		struct error later = { 0 };

		s->ahead--;
		/* all of them, and the first reason: the others only repeat it */
		if (host_collect(s->h, NULL, NULL, NULL, result < 0 ? &later : err) < 0) {
			result = -1;
			leave = 0;
		}
	}
	return result;
}

int sending_give_up(struct sending *s)
{
	struct error ignored = { 0 };

	s->failed = true;
	buf_reset(&s->body);
	(void)!collect(s, 0, &ignored);
	return -1;
}

static int flush(struct sending *s, struct error *err)
{
	if (!s->body.n)
		return 0;
	if (s->ahead == s->most && collect(s, s->most / 2, err) < 0)
		return sending_give_up(s);
	s->dirty = true;
	if (host_send(s->h, s->kind, buf_span(&s->body), err) < 0)
		return sending_give_up(s);
	s->ahead++;
	buf_reset(&s->body);
	return 0;
}

int sending_check(const struct sending *s, struct error *err)
{
	if (!s->failed)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
	                 "host %s: storing failed before", host_name(s->h));
}

int sending_added(struct sending *s, struct error *err)
{
	return s->body.n >= SENDING_FILL ? flush(s, err) : 0;
}

int sending_settle(struct sending *s, struct error *err)
{
	if (sending_check(s, err) < 0 || flush(s, err) < 0)
		return -1;
	return collect(s, 0, err) < 0 ? sending_give_up(s) : 0;
}

void sending_end(struct sending *s, struct span spoil, enum wire_kind commit)
{
	struct error ignored = { 0 };

	buf_fini(&s->body);
	if (!s->dirty)
		return;
	(void)!collect(s, 0, &ignored);
	(void)!host_call(s->h, s->kind, spoil, NULL, NULL, NULL, &ignored);
	(void)!host_call(s->h, commit, SPAN(""), NULL, NULL, NULL, &ignored);
}
