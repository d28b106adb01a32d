/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ask_wait -- how long a first mail has to wait, and what happens to many at once.
 *
 * For the first nobody's mail is sent: the envelope is opened and dropped. For many that will not do:
 * Postfix counts what came in and never got through its queue (in_flow_delay), and lets each further mail
 * wait, everybody's.
 */

#include "check/letter.h"
#include "check/sessions.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

#define PAUSE_MS 1000
#define PAUSE_MOST_MS 30000
#define LINES 40u
/* A list's mails come over several, too. */
#define MAILS_A_SESSION 40u

/* Somebody whose mail is taken: of those who are there, or who gets test mail. */
static const char *somebody(const struct check_asking *a)
{
	return a->site->recipients.n ? a->site->recipients.rows[0]
	                             : a->site->config->check.recipient;
}

/* ── greylisting ─────────────────────────────────────────────────────────────────────────────── */

struct wait {
	int64_t first_ms; /* since 1970 UTC: when it was told to wait for the first time; 0: never */
	int64_t end_ms;   /* monotonic; then it is enough for today */
	bool over;
};

static double waited_s(const struct wait *w)
{
	return w->first_ms ? (double)(clock_wall_ms() - w->first_ms) / 1000 : 0;
}

static void let_in(const struct check_asking *a, const struct talk *t, const struct wait *w,
                   const char *address, bool now, struct tally *sum, struct buf *seen)
{
	double waited = waited_s(w);
	char words[24];

	if (!w->first_ms && t->link.from_itself) {
		sessions_note(seen,
		              "%s: at once; asked from the host itself, which says nothing of "
		              "others",
		              address);
		sum->silent++;
	} else if (!w->first_ms) {
		sessions_note(seen, "%s: at once", address);
		sum->yes++;
	} else {
		sessions_note(seen, "%s: let in %s%s after it was first told to wait", address,
		              now ? "" : "at the latest ", text_duration(words, waited));
		/* an earlier run does not tell when it would have been */
		sum->no += now && waited > a->site->config->check.greylist;
		sum->yes += !now || waited <= a->site->config->check.greylist;
	}
}

static void told_to_wait(const struct check_asking *a, const struct talk *t, struct wait *w,
                         const char *address, struct tally *sum, struct buf *seen)
{
	char words[24];

	if (!w->first_ms)
		w->first_ms = clock_wall_ms();
	w->over = waited_s(w) > a->site->config->check.greylist;
	if (!w->over && clock_monotonic_ms() < w->end_ms)
		return;
	sessions_tell(t, address, seen);
	buf_addf(seen, "; " CHECK_TOLD_TO_WAIT " %s now", text_duration(words, waited_s(w)));
	if (w->over) {
		sum->no++;
	} else {
		buf_add_text(seen, ": ask again later");
		sum->unknown++;
	}
	w->over = true;
}

/* One try. */
static void knock(const struct check_asking *a, const char *address, struct wait *w, bool again,
                  struct tally *sum, struct buf *seen)
{
	AUTO_TALK struct talk t = { 0 };
	unsigned class;
	bool known = w->first_ms != 0;

	w->over = true;
	if (!sessions_open(a, address, SMTP_TLS_NEVER, &t, sum, seen) ||
	    sessions_begin(&t, letter_sender(a), sum, seen) < 0)
		return;
	class = sessions_rcpt(&t, somebody(a), sum, seen);
	if (class == 2) {
		let_in(a, &t, w, address, again || !known, sum, seen);
	} else if (class == 4) {
		told_to_wait(a, &t, w, address, sum, seen);
	} else if (class) {
		sessions_tell(&t, address, seen);
		/* who is let wait and then sent away is shut out for ever */
		sum->no += known;
		sum->unknown += !known;
	}
}

enum check_answer check_greylist(const struct check_asking *a, struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];
	struct tally sum = { 0 };
	int share;

	if (!addresses->n)
		return sessions_nowhere(seen);
	if (!somebody(a)) {
		buf_add_text(seen, "no address is known: survey");
		return CHECK_UNKNOWN;
	}
	share = (a->site->step_ms - a->site->step_ms / 4) / (int)addresses->n;
	for (size_t i = 0; i < addresses->n; i++) {
		struct wait w = { .first_ms = a->site->waits_since_ms[a->of],
			          .end_ms = clock_monotonic_ms() + share - PAUSE_MS };
		int64_t pause = PAUSE_MS, left;

		for (bool again = false; !w.over; again = true) {
			knock(a, addresses->rows[i], &w, again, &sum, seen);
			if (w.over)
				break;
			left = w.end_ms - clock_monotonic_ms();
			if (left > 0)
				clock_sleep_ms(pause < left ? pause : left);
			pause = pause < PAUSE_MOST_MS ? pause * 2 : pause;
		}
	}
	return tally_sum(&sum);
}

/* ── many at once ────────────────────────────────────────────────────────────────────────────── */

/* Sends up to `most` letters in one session. Reply class of what was not taken; 2: all were; 0: the
 * session broke, which is told. */
static unsigned pour(const struct check_asking *a, struct talk *t, unsigned most, unsigned *taken,
                     struct buf *seen)
{
	const char *to = a->site->config->check.recipient;
	struct tally ignored = { 0 };
	struct error err = { 0 };

	for (*taken = 0; *taken < most; (*taken)++) {
		AUTO_BUF struct buf letter = { 0 };
		unsigned class;

		letter_begin(&letter, letter_sender(a), to, "mailhaul: many at once");
		for (unsigned i = 0; i < LINES; i++)
			buf_add_text(&letter, "One of many, as a list would send them.\r\n");
		if (talk_say(t, &err, "MAIL FROM:<%s>", letter_sender(a)) < 0)
			return sessions_note(seen, "%s", err.text), 0;
		class = smtp_reply_class(&t->client.reply);
		if (class == 2)
			class = sessions_rcpt(t, to, &ignored, seen);
		if (class != 2)
			return class;
		if (talk_send(t, buf_span(&letter), &err) < 0)
			return sessions_note(seen, "%s", err.text), 0;
		if (smtp_reply_class(&t->client.reply) != 2)
			return smtp_reply_class(&t->client.reply);
	}
	return 2;
}

enum poured { POURED_ALL, POURED_STOPPED, POURED_BROKEN };

/* Up to `most` mails at one address, session by session; *taken went. */
static enum poured pour_all(const struct check_asking *a, const char *address, unsigned most,
                            unsigned *taken, bool *from_itself, struct buf *seen)
{
	struct tally ignored = { 0 };

	for (*taken = 0; *taken < most;) {
		AUTO_TALK struct talk t = { 0 };
		unsigned left = most - *taken, some = 0, class;

		/* who shuts the door behind some has stopped them */
		if (!sessions_open(a, address, SMTP_TLS_NEVER, &t, &ignored, seen))
			return *taken && !ignored.unknown ? POURED_STOPPED : POURED_BROKEN;
		*from_itself = t.link.from_itself;
		class = pour(a, &t, left < MAILS_A_SESSION ? left : MAILS_A_SESSION, &some, seen);
		*taken += some;
		if (class && class != 2)
			sessions_tell(&t, address, seen);
		if (class != 2)
			return class ? POURED_STOPPED : POURED_BROKEN;
	}
	return POURED_ALL;
}

/* What comes of `most` mails, at the first address: it is one guard behind all. */
static enum check_answer many(const struct check_asking *a, unsigned most, bool shall_pass,
                              struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];
	bool from_itself = false;
	unsigned taken = 0;
	enum poured end;

	if (!letter_may_go(a, seen))
		return CHECK_SKIPPED;
	if (!addresses->n)
		return sessions_nowhere(seen);
	end = pour_all(a, addresses->rows[0], most, &taken, &from_itself, seen);
	sessions_note(seen, "%s: %u of %u mails in a row were taken", addresses->rows[0], taken,
	              most);
	if (end == POURED_BROKEN || (!taken && end == POURED_STOPPED))
		return CHECK_UNKNOWN;
	if (end == POURED_ALL && !shall_pass && from_itself) {
		buf_add_text(seen, "; asked from the host itself, which it may trust");
		return CHECK_SKIPPED;
	}
	return (end == POURED_ALL) == shall_pass ? CHECK_YES : CHECK_NO;
}

enum check_answer check_burst(const struct check_asking *a, struct buf *seen)
{
	return many(a, a->site->config->check.burst, true, seen);
}

enum check_answer check_flood(const struct check_asking *a, struct buf *seen)
{
	return many(a, a->site->config->check.flood, false, seen);
}
