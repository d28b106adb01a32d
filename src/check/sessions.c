/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/sessions.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MOST 120u

enum check_answer tally_sum(const struct tally *t)
{
	if (t->no)
		return CHECK_NO;
	if (t->unknown)
		return CHECK_UNKNOWN;
	return t->yes ? CHECK_YES : CHECK_SKIPPED;
}

void sessions_note(struct buf *seen, const char *format, ...)
{
	AUTO_FREE char *words = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		abort();
	va_end(args);
	buf_addf(seen, "%s%s", seen->n ? "; " : "", words);
}

void sessions_tell(const struct talk *t, const char *words, struct buf *seen)
{
	AUTO_BUF struct buf reply = { 0 };

	smtp_reply_show(&reply, &t->client.reply);
	sessions_note(seen, "%s: ", words);
	buf_add(seen, reply.p, reply.n < SHOWN_MOST ? reply.n : SHOWN_MOST);
}

enum check_answer sessions_nowhere(struct buf *seen)
{
	buf_add_text(seen, "where its mail service is, is not known");
	return CHECK_UNKNOWN;
}

bool sessions_open(const struct check_asking *a, const char *address, enum smtp_tls_want tls,
                   struct talk *t, struct tally *sum, struct buf *seen)
{
	struct error err = { 0 };
	int share = a->site->step_ms - a->site->step_ms / 8;
	size_t n = a->of < CHECK_WHOLE ? a->site->addresses[a->of].n : 1;

	share /= n ? (int)n : 1;
	if (talk_open(t, address, a->site->port, tls, a->site->ca_file, share, &err) == 0)
		return true;
	sessions_note(seen, "%s", err.text);
	/* before the opening the new server may as well be stopped */
	if (err.sys_errno == ECONNREFUSED && a->of == CHECK_NEW &&
	    a->site->window & (CHECK_PRE | CHECK_FROZEN))
		sum->silent++;
	else if (err.sys_errno == ECONNREFUSED)
		sum->no++;
	else
		sum->unknown++;
	return false;
}

enum check_answer sessions_each(const struct check_asking *a, enum smtp_tls_want tls,
                                session_fn *one, struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];
	struct tally sum = { 0 };

	if (!addresses->n)
		return sessions_nowhere(seen);
	for (size_t i = 0; i < addresses->n; i++) {
		AUTO_TALK struct talk t = { 0 };

		if (sessions_open(a, addresses->rows[i], tls, &t, &sum, seen))
			one(a, &t, addresses->rows[i], &sum, seen);
	}
	return tally_sum(&sum);
}

int sessions_begin(struct talk *t, const char *sender, struct tally *sum, struct buf *seen)
{
	struct error err = { 0 };

	if (talk_say(t, &err, "MAIL FROM:<%s>", sender ? sender : "") < 0) {
		sessions_note(seen, "%s", err.text);
		sum->unknown++;
		return -1;
	}
	if (smtp_reply_class(&t->client.reply) == 2)
		return 0;
	sessions_tell(t, "MAIL", seen);
	sum->unknown++;
	return -1;
}

unsigned sessions_rcpt(struct talk *t, const char *address, struct tally *sum, struct buf *seen)
{
	struct error err = { 0 };

	if (talk_say(t, &err, "RCPT TO:<%s>", address) < 0) {
		sessions_note(seen, "%s: %s", address, err.text);
		sum->unknown++;
		return 0;
	}
	return smtp_reply_class(&t->client.reply);
}
