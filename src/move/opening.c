/* SPDX-License-Identifier: BSD-2-Clause */

/* opening -- the new host takes over in stages: SMTP, canaries, mailboxes. And the way back. */

#include "move/move.h"
#include "move/ports.h"

#include "base/clock.h"
#include "base/memory.h"
#include "fence/fence.h"
#include "imapd/imapd.h"
#include "move/logs.h"
#include "mta/mta.h"
#include "state/evidence.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define LOOK_EVERY_MS 200
#define LOG_LOOK_EVERY_MS 1000 /* a whole log is read each time */
#define DRAIN_MS 10000

/* ── SMTP ────────────────────────────────────────────────────────────────────────────────────── */

static bool listens(const struct host_listeners *l, unsigned port)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].port == port)
			return true;
	return false;
}

static int wait_for_listener(struct host *h, unsigned port, struct error *err)
{
	int64_t end = clock_monotonic_ms() + 20000;

	do {
		AUTO_LISTENERS struct host_listeners l = { 0 };

		if (host_listeners(h, &l, err) < 0)
			return -1;
		if (listens(&l, port))
			return 0;
		clock_sleep_ms(50);
	} while (clock_monotonic_ms() < end);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s: nothing listens on port %u after the start", host_name(h), port);
}

int step_open_smtp(struct move *m, struct error *err)
{
	int64_t opened, frozen;
	char length[24];

	/* from here on a message may be in the new side's hands: rollback has to bring it back */
	if (state_put(m->state, "new.was_open", "yes", err) < 0)
		return -1;
	/* a rollback before may have closed the MTA's listeners */
	if (mta_resume_accepting(m->new, err) < 0)
		return -1;
	/* the mailbox server first: the MTA delivers what was carried over at once */
	if (imapd_start(m->new, err) < 0 || mta_start(m->new, err) < 0 ||
	    wait_for_listener(m->new, 25, err) < 0 ||
	    fence_open(m->new, ports_smtp, ROWS(ports_smtp), err) < 0)
		return -1;
	/* a step that is done again after a crash must not make the window longer than it was */
	if (state_get_i64(m->state, "open.at_ms", 0, &opened, err) < 0 ||
	    state_get_i64(m->state, "freeze.began_ms", 0, &frozen, err) < 0)
		return -1;
	if (opened < frozen) {
		opened = clock_wall_ms();
		if (state_put_i64(m->state, "open.at_ms", opened, err) < 0)
			return -1;
	}
	move_say(m, "the new host takes mail; the window was %s",
	         text_duration(length, (double)(opened - frozen) / 1000));
	return 0;
}

/* The new side is frozen in the order that the old one was: nothing is cut in the middle. */
int undo_open_smtp(struct move *m, struct error *err)
{
	int64_t end = clock_monotonic_ms() + DRAIN_MS;
	AUTO_SESSIONS struct fence_sessions sessions = { 0 };
	struct mta_counts c;
	bool running;

	if (move_shut_new(m, err) < 0 || mta_is_running(m->new, &running, err) < 0)
		return -1;
	while (running && clock_monotonic_ms() < end) {
		if (fence_sessions(m->new, ports_smtp, ROWS(ports_smtp), &sessions, err) < 0)
			return -1;
		if (!sessions.outside)
			break;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
	/* what is still open is cut between two messages, as on the old side */
	if (running && (mta_stop_accepting(m->new, err) < 0 || mta_flush(m->new, err) < 0))
		return -1;
	for (end = clock_monotonic_ms() + DRAIN_MS; running && clock_monotonic_ms() < end;) {
		if (mta_queue_length(m->new, &c, err) < 0)
			return -1;
		if (!c.incoming && !c.active && !c.maildrop)
			break;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
	return mta_stop(m->new, err) < 0 ? -1 : imapd_stop(m->new, err);
}

/* ── canaries ────────────────────────────────────────────────────────────────────────────────── */

/* A token that nobody guesses and that no earlier run used. */
static void make_token(char out[33])
{
	unsigned char octets[16];
	AUTO_BUF struct buf hex = { 0 };

	if (getrandom(octets, sizeof octets, 0) != sizeof octets)
		abort();
	buf_add_hex(&hex, octets, sizeof octets);
	snprintf(out, 33, "%s", buf_text(&hex));
}

struct canary {
	const char *outside; /* borrowed */
	char token[33];
	int64_t sent_ms;
	bool out, in;
};

static int send_canary(struct move *m, const struct canary *canary, struct error *err)
{
	const char *mailbox = m->config->canary.mailbox;
	AUTO_FREE char *message = xasprintf("From: <%s>\n"
	                                    "To: <%s>\n"
	                                    "Subject: canary %s\n"
	                                    "Message-ID: <%s.canary@mailhaul.invalid>\n"
	                                    "\n"
	                                    "A mail server is moving house. This message tries the "
	                                    "way out; your answer tries the way in.\n",
	                                    mailbox, canary->outside, canary->token, canary->token);
	const char *const words[] = { "-f", mailbox, "--", canary->outside, NULL };

	return host_do(m->new, "sendmail", words, span_of(message), NULL, err);
}

/* The log says when the canary left, and when something came for the mailbox that answers it. */
static int look_for_canaries(struct move *m, struct canary *canaries, unsigned n, struct error *err)
{
	AUTO_LOGS struct logs logs = { 0 };

	if (logs_read(m->new, &logs, err) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (!canaries[i].out)
			canaries[i].out = logs_has_sent(&logs, canaries[i].token,
			                                canaries[i].outside);
		if (!canaries[i].in)
			canaries[i].in = logs_has_answer(&logs, canaries[i].outside,
			                                 m->config->canary.mailbox,
			                                 canaries[i].sent_ms);
	}
	return 0;
}

int step_canary(struct move *m, struct error *err)
{
	unsigned n = m->config->canary.outside_count, done;
	AUTO_FREE struct canary *canaries = xcalloc(n, sizeof *canaries);
	int64_t end = clock_monotonic_ms() + (int64_t)m->config->canary.wait * 1000;
	AUTO_BUF struct buf missing = { 0 };

	for (unsigned i = 0; i < n; i++) {
		canaries[i].outside = m->config->canary.outside[i];
		canaries[i].sent_ms = clock_wall_ms();
		make_token(canaries[i].token);
		if (send_canary(m, &canaries[i], err) < 0)
			return -1;
	}
	do {
		clock_sleep_ms(LOG_LOOK_EVERY_MS);
		if (look_for_canaries(m, canaries, n, err) < 0)
			return -1;
		done = 0;
		for (unsigned i = 0; i < n; i++)
			done += canaries[i].out && canaries[i].in;
	} while (done < n && clock_monotonic_ms() < end);
	for (unsigned i = 0; i < n; i++) {
		if (!canaries[i].out)
			buf_addf(&missing, "%sto %s did not leave", missing.n ? "; " : "",
			         canaries[i].outside);
		else if (!canaries[i].in)
			buf_addf(&missing, "%sthe answer of %s did not come", missing.n ? "; " : "",
			         canaries[i].outside);
	}
	if (missing.n) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "canary: %s",
		          buf_text(&missing));
		return error_hint(
			err, "look at the new host's mail log; then the same command again, or "
			     "`mailhaul rollback`");
	}
	move_say(m, "mail went out to, and came in from, %u outside mailboxes", n);
	return evidence_put(m->state, "canary", "every canary left and was answered", NULL, err);
}

/* ── mailboxes ───────────────────────────────────────────────────────────────────────────────── */

int step_open_mailboxes(struct move *m, struct error *err)
{
	return fence_remove(m->new, err);
}

int undo_open_mailboxes(struct move *m, struct error *err)
{
	if (fence_close(m->new, ports_mailbox, ROWS(ports_mailbox), err) < 0)
		return -1;
	return fence_close(m->new, ports_submission, ROWS(ports_submission), err);
}
