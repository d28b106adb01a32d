/* SPDX-License-Identifier: BSD-2-Clause */

/* freeze -- the moment X: from the first refused connection to the proof that nothing comes in. */

#include "move/gate.h"
#include "move/lists.h"
#include "move/move.h"
#include "move/ports.h"

#include "base/clock.h"
#include "base/memory.h"
#include "fence/fence.h"
#include "imapd/imapd.h"
#include "lists/leaving.h"
#include "mta/mta.h"
#include "remote/daemon.h"
#include "state/evidence.h"
#include "state/journal.h"

#include <errno.h>
#include <string.h>

#define LOOK_EVERY_MS 100
#define JOBS_END_MS 30000
/* A job that submits mail shows itself within this; each look takes two samples this far apart. */
#define PROOF_SPAN_MS 1500

/* A gate that relays is refused until the switch, so that it says 451 at once (step_switch()). */
int move_shut_new(struct move *m, struct error *err)
{
	if (m->config->close != CONFIG_CLOSE_SPOOL)
		return fence_close(m->new, ports_mail, ROWS(ports_mail), err);
	return fence_hush(m->new, ports_smtp, ROWS(ports_smtp), err) < 0 ||
	                       fence_close(m->new, ports_submission, ROWS(ports_submission), err) <
	                               0
	               ? -1
	               : fence_close(m->new, ports_mailbox, ROWS(ports_mailbox), err);
}

#define RAN_MTA "new.ran.mta"
#define RAN_IMAPD "new.ran.imapd"

/* Of the beginning, also when the step is done again after it has stopped one of them. */
static int note_what_runs(struct move *m, struct error *err)
{
	AUTO_FREE char *noted = NULL;
	bool mta, imapd;

	if (state_get(m->state, RAN_MTA, &noted, err) < 0)
		return -1;
	if (noted && *noted)
		return 0;
	if (mta_is_running(m->new, &mta, err) < 0 || imapd_is_running(m->new, &imapd, err) < 0 ||
	    state_put(m->state, RAN_IMAPD, imapd ? "yes" : "no", err) < 0)
		return -1;
	return state_put(m->state, RAN_MTA, mta ? "yes" : "no", err);
}

int step_close_new(struct move *m, struct error *err)
{
	if (note_what_runs(m, err) < 0)
		return -1;
	if (move_shut_new(m, err) < 0)
		return err->sys_errno == ENOENT
		               ? error_hint(err,
		                            "the staged opening needs it: install nftables there")
		               : -1;
	/* the MTA first: a delivery under way needs the mailbox server to end it */
	if (mta_stop(m->new, err) < 0 || imapd_stop(m->new, err) < 0)
		return -1;
	/* from its next start people's mail is its own, too */
	return m->has_lists ? lists_leaving_end_home(m->new, m->state, err) : 0;
}

/* A sender that has the answer of the switch still must not be let in; what old passes on must. */
static int open_for_lists(struct move *m, struct error *err)
{
	enum journal_mark mark;

	if (journal_last(m->state, m->attempt, "switch", &mark, err) < 0)
		return -1;
	return mark == JOURNAL_NONE ? fence_remove(m->new, err)
	                            : move_lists_admit(m->old, m->new, err);
}

static int start_what_ran(struct move *m, struct error *err)
{
	const struct lists_leaving leaving = { .old = m->old, .new = m->new, .state = m->state };
	AUTO_FREE char *mta = NULL, *imapd = NULL;

	if (state_get(m->state, RAN_MTA, &mta, err) < 0 ||
	    state_get(m->state, RAN_IMAPD, &imapd, err) < 0)
		return -1;
	if (imapd && !strcmp(imapd, "yes") && imapd_start(m->new, err) < 0)
		return -1;
	if (!mta || strcmp(mta, "yes") != 0)
		return 0;
	if (lists_leaving_pass_home(&leaving, err) < 0)
		return -1;
	return mta_resume_accepting(m->new, err) < 0 || mta_start(m->new, err) < 0 ||
	                       open_for_lists(m, err) < 0
	               ? -1
	               : 0;
}

/* Else the new host stays as it was closed: nobody needs it, and nobody may come there. */
int undo_close_new(struct move *m, struct error *err)
{
	bool waves;

	if (move_lists_any_open(m->state, &waves, err) < 0 || (waves && start_what_ran(m, err) < 0))
		return -1;
	return state_put(m->state, RAN_MTA, "", err);
}

int step_freeze(struct move *m, struct error *err)
{
	int64_t began;

	/* the window is counted from the first time, also over a crash */
	if (state_get_i64(m->state, "freeze.began_ms", 0, &began, err) < 0)
		return -1;
	if (!began && state_put_i64(m->state, "freeze.began_ms", clock_wall_ms(), err) < 0)
		return -1;
	if (fence_close(m->old, ports_mail, ROWS(ports_mail), err) == 0)
		return 0;
	if (err->sys_errno != ENOENT)
		return -1;
	move_say(m, "no nft on the old host: its listeners are taken away without a grace");
	return mta_stop_accepting(m->old, err);
}

int undo_freeze(struct move *m, struct error *err)
{
	return fence_remove(m->old, err);
}

/* ── jobs that make or fetch mail ────────────────────────────────────────────────────────────── */

/* Services that make mail by themselves, by the name of their process. */
static const struct job {
	const char *process, *service;
} jobs[] = {
	{ "cron", "cron" },       { "crond", "crond" }, { "fetchmail", "fetchmail" },
	{ "getmail", "getmail" }, { "atd", "atd" },
};

static bool runs(const struct host_processes *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->rows[i].name, name))
			return true;
	return false;
}

static int job_control(struct move *m, const struct job *job, const char *verb, struct error *err)
{
	const char *const words[] = { job->service, verb, NULL };

	return host_do(m->old, "service", words, (struct span){ 0 }, NULL, err);
}

/* One that was told to stop may be busy with its end, and what it has begun has to end, too. */
static int wait_for_jobs(struct move *m, struct error *err)
{
	int64_t end = clock_monotonic_ms() + JOBS_END_MS;

	for (;;) {
		AUTO_PROCESSES struct host_processes now = { 0 };
		const char *left = NULL;

		if (host_processes(m->old, &now, err) < 0)
			return -1;
		for (size_t i = 0; i < ROWS(jobs); i++)
			if (runs(&now, jobs[i].process))
				left = jobs[i].process;
		if (!left)
			return 0;
		if (clock_monotonic_ms() >= end)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "%s still runs on the old host", left);
		clock_sleep_ms(LOOK_EVERY_MS);
	}
}

int step_stop_jobs(struct move *m, struct error *err)
{
	AUTO_PROCESSES struct host_processes before = { 0 };

	if (host_processes(m->old, &before, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(jobs); i++) {
		AUTO_FREE char *fact = xasprintf("stopped.%s", jobs[i].service);

		if (!runs(&before, jobs[i].process))
			continue;
		if (state_put(m->state, fact, "yes", err) < 0 ||
		    job_control(m, &jobs[i], "stop", err) < 0)
			return -1;
		move_say(m, "%s stopped on the old host", jobs[i].service);
	}
	return wait_for_jobs(m, err);
}

int undo_stop_jobs(struct move *m, struct error *err)
{
	for (size_t i = 0; i < ROWS(jobs); i++) {
		AUTO_FREE char *fact = xasprintf("stopped.%s", jobs[i].service);
		AUTO_FREE char *stopped = NULL;

		if (state_get(m->state, fact, &stopped, err) < 0)
			return -1;
		if (!stopped || strcmp(stopped, "yes") != 0)
			continue;
		if (job_control(m, &jobs[i], "start", err) < 0 ||
		    state_put(m->state, fact, "no", err) < 0)
			return -1;
	}
	return 0;
}

/* ── sessions and queue ──────────────────────────────────────────────────────────────────────── */

static int sessions_left(struct host *h, size_t *n, struct error *err)
{
	AUTO_SESSIONS struct fence_sessions sessions = { 0 };
	static const uint16_t doors[] = { 25, 465, 587 };

	if (fence_sessions(h, doors, ROWS(doors), &sessions, err) < 0)
		return -1;
	*n = sessions.outside;
	return 0;
}

/* Waits until no SMTP session from outside is left, at most `wait_ms`. */
static int wait_for_sessions(struct host *h, int64_t wait_ms, size_t *left, struct error *err)
{
	int64_t end = clock_monotonic_ms() + wait_ms;

	for (;;) {
		if (sessions_left(h, left, err) < 0)
			return -1;
		if (!*left || clock_monotonic_ms() >= end)
			return 0;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
}

int step_drain(struct move *m, struct error *err)
{
	size_t left = 0;

	if (wait_for_sessions(m->old, (int64_t)m->config->window.session_grace * 1000, &left, err) <
	    0)
		return -1;
	if (left)
		move_say(m, "%zu SMTP sessions are still open: they are cut between two messages",
		         left);
	if (mta_stop_accepting(m->old, err) < 0)
		return -1;
	/* a reload lets each daemon finish the command it is at */
	if (wait_for_sessions(m->old, 10000, &left, err) < 0)
		return -1;
	if (!left)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
	                 "%zu SMTP sessions from outside do not end on the old host", left);
}

int undo_drain(struct move *m, struct error *err)
{
	return mta_resume_accepting(m->old, err);
}

/* A delivery that is deferred again leaves `active` within moments; this long at rest is at rest. */
#define REST_MS 1000

int step_flush(struct move *m, struct error *err)
{
	int64_t end = clock_monotonic_ms() + (int64_t)m->config->window.flush_wait * 1000;
	int64_t busy = clock_monotonic_ms();
	struct mta_counts c;
	bool running;

	if (mta_is_running(m->old, &running, err) < 0)
		return -1;
	if (!running) /* stopped by the next step already, before a crash */
		return 0;
	if (mta_flush(m->old, err) < 0)
		return -1;
	do {
		clock_sleep_ms(LOOK_EVERY_MS);
		if (mta_queue_length(m->old, &c, err) < 0)
			return -1;
		if (c.incoming || c.active || c.maildrop)
			busy = clock_monotonic_ms();
	} while (clock_monotonic_ms() - busy < REST_MS && clock_monotonic_ms() < end);
	/* what was tried and deferred travels as a queue file */
	if (mta_counts_total(&c))
		move_say(m, "%llu messages stay in the old queue and will be carried over",
		         (unsigned long long)mta_counts_total(&c));
	return 0;
}

int step_stop_old(struct move *m, struct error *err)
{
	/* the MTA first: with the mailbox server gone it would defer a delivery to one member of an
	 * alias, and give the mail to all the others again at its next try */
	if (mta_stop(m->old, err) < 0)
		return -1;
	return imapd_stop(m->old, err);
}

int undo_stop_old(struct move *m, struct error *err)
{
	if (imapd_start(m->old, err) < 0)
		return -1;
	return mta_start(m->old, err);
}

/* ── the gate ────────────────────────────────────────────────────────────────────────────────── */

int step_gate(struct move *m, struct error *err)
{
	const char *text = m->config->close_text
	                           ? m->config->close_text
	                           : "this server is moving house, please try again soon";
	const char *name = m->config->dns.records_count ? m->config->dns.records[0].name : NULL;
	const char *const words[] = { "--listen", "0.0.0.0:25", "--listen",
		                      "[::]:25",  "--mode",     "defer",
		                      "--text",   text,         name ? "--name" : NULL,
		                      name,       NULL };

	if (host_place_program(m->old, "gate", NULL, err) < 0 ||
	    host_daemon_start(m->old, "gate", words, NULL, err) < 0)
		return -1;
	return fence_open(m->old, ports_smtp, ROWS(ports_smtp), err);
}

int undo_gate(struct move *m, struct error *err)
{
	if (fence_close(m->old, ports_smtp, ROWS(ports_smtp), err) < 0 && err->sys_errno != ENOENT)
		return -1;
	return host_daemon_stop(m->old, "gate", err);
}

/* ── the proof ───────────────────────────────────────────────────────────────────────────────── */

struct proof {
	struct buf reasons; /* why it does not hold; empty: it holds */
	struct mta_counts queue;
};

static bool is_mail_port(unsigned port)
{
	for (size_t i = 0; i < ROWS(ports_mail); i++)
		if (ports_mail[i] == port)
			return true;
	return false;
}

static void doubt(struct proof *p, const char *format, ...) PRINTF_LIKE(2, 3);
static void doubt(struct proof *p, const char *format, ...)
{
	AUTO_FREE char *words = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		abort();
	va_end(args);
	buf_addf(&p->reasons, "%s%s", p->reasons.n ? "; " : "", words);
}

static int look_at_listeners(struct move *m, struct proof *p, struct error *err)
{
	AUTO_LISTENERS struct host_listeners l = { 0 };
	AUTO_DAEMON struct host_daemon gate = { 0 };

	if (host_listeners(m->old, &l, err) < 0)
		return -1;
	if (m->config->close == CONFIG_CLOSE_DEFER &&
	    host_daemon_look(m->old, "gate", &gate, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const struct host_listener *row = &l.rows[i];

		if (!is_mail_port(row->port) || (row->pid && row->pid == gate.pid))
			continue;
		doubt(p, "%s (pid %lu) listens on %s port %u", row->program[0] ? row->program : "?",
		      row->pid, row->address, row->port);
	}
	return 0;
}

static int look_at_daemons(struct move *m, struct proof *p, struct error *err)
{
	bool mta = false, mailboxes = false;

	if (mta_is_running(m->old, &mta, err) < 0 || imapd_is_running(m->old, &mailboxes, err) < 0)
		return -1;
	AUTO_FREE char *runners = NULL;
	if (move_lists_running(m, &runners, err) < 0)
		return -1;
	if (mta)
		doubt(p, "the MTA runs");
	if (runners)
		doubt(p, "Mailman runs: %s", runners);
	if (mailboxes)
		doubt(p, "the mailbox server runs");
	return 0;
}

/* Who could have submitted: programs that are at it right now. */
static int name_submitters(struct move *m, struct proof *p, struct error *err)
{
	static const char *const programs[] = { "sendmail", "postdrop", "mail", "mailx" };
	AUTO_PROCESSES struct host_processes all = { 0 };

	if (host_processes(m->old, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		for (size_t k = 0; k < ROWS(programs); k++)
			if (!strcmp(all.rows[i].name, programs[k]))
				doubt(p, "process %lu (uid %lu, started by %lu): %s",
				      all.rows[i].pid, all.rows[i].uid, all.rows[i].parent,
				      all.rows[i].command);
	}
	return 0;
}

static int name_queued(struct move *m, struct proof *p, struct error *err)
{
	AUTO_MTA_QUEUE struct mta_queue q = { 0 };
	char when[32];

	if (mta_queue(m->old, &q, err) < 0)
		return -1;
	for (size_t i = 0; i < q.n; i++)
		if (!strcmp(q.rows[i].queue, "maildrop"))
			doubt(p, "mail %s was submitted on the old host at %s", q.rows[i].id,
			      clock_text(when, q.rows[i].arrived_ms));
	return 0;
}

/* Two looks at the queue, some time apart: anything that comes shows itself as a difference. */
static int look_at_queue(struct move *m, struct proof *p, struct error *err)
{
	struct mta_counts first;

	if (mta_queue_length(m->old, &first, err) < 0)
		return -1;
	clock_sleep_ms(PROOF_SPAN_MS);
	if (mta_queue_length(m->old, &p->queue, err) < 0)
		return -1;
	if (p->queue.maildrop)
		doubt(p, "%llu mails lie in the drop folder: something submits mail",
		      (unsigned long long)p->queue.maildrop);
	if (p->queue.incoming > first.incoming || p->queue.active > first.active ||
	    p->queue.deferred > first.deferred)
		doubt(p, "the queue grows");
	if (!p->queue.maildrop)
		return 0;
	return name_submitters(m, p, err) < 0 ? -1 : name_queued(m, p, err);
}

/* One that has ended since it was put there (killed, or out of memory) is put there again. */
static int look_after_gate(struct move *m, struct error *err)
{
	struct gate_now now;

	if (!config_gate_takes(m->config))
		return 0;
	if (gate_look(m, &now, err) < 0)
		return -1;
	if (now.runs)
		return 0;
	move_say(m, "the gate has ended: it is started again");
	return gate_start(m, err);
}

int step_prove(struct move *m, struct error *err)
{
	struct proof p = { 0 };
	AUTO_BUF struct buf words = { 0 };
	int64_t x;

	if (look_after_gate(m, err) < 0)
		return -1;
	if (look_at_listeners(m, &p, err) < 0 || look_at_daemons(m, &p, err) < 0 ||
	    look_at_queue(m, &p, err) < 0) {
		buf_fini(&p.reasons);
		return -1;
	}
	words = p.reasons;
	if (words.n) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "the old side is not frozen: %s", buf_text(&words));
		return error_hint(err,
		                  "stop it there for good, then give `mailhaul cutover` again");
	}
	if (state_get_i64(m->state, "freeze.x_ms", 0, &x, err) < 0)
		return -1;
	if (state_put_i64(m->state, "freeze.x_ms", clock_wall_ms(), err) < 0)
		return -1;
	return evidence_put(m->state, "freeze",
	                    "no listener on a mail port, no daemon, no mail submitted", NULL, err);
}
