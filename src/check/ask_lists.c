/* SPDX-License-Identifier: BSD-2-Clause */

/* ask_lists -- the addresses by which mail gets to a list, and whether a command is answered. */

#include "check/letter.h"
#include "check/listed.h"
#include "check/sessions.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/aliases.h"
#include "move/logs.h"

#include <string.h>
#include <strings.h>

#define LISTS_MOST 40u
#define COMMANDS_MOST 3u
#define LOOK_EVERY_MS 200
/* Where bounces of Mailman's own mails go (lists/aliases.h). */
#define LOOP "mailman-loop"

/* ── taken ───────────────────────────────────────────────────────────────────────────────────── */

struct envelope {
	struct talk *t;
	struct tally *sum;
	struct buf *seen;
	unsigned taken, asked;
};

/* False: the session is over. */
static bool ask_one(struct envelope *e, const char *address)
{
	unsigned class = sessions_rcpt(e->t, address, e->sum, e->seen);

	e->asked++;
	e->taken += class == 2;
	e->sum->no += class == 5;
	e->sum->unknown += class == 4;
	if (class && class != 2 && e->seen->n < 1500)
		sessions_tell(e->t, address, e->seen);
	return class != 0;
}

static bool ask_list(struct envelope *e, const struct listed *l)
{
	struct error err = { 0 };

	for (size_t i = 0; i < LISTS_ADDRESSES; i++) {
		AUTO_FREE char *address = xasprintf("%s%s@%s", l->local, lists_addresses[i].suffix,
		                                    l->domain);

		if (!ask_one(e, address))
			return false;
	}
	/* a server takes only so many recipients of one message */
	if (talk_say(e->t, &err, "RSET") == 0 && sessions_begin(e->t, NULL, e->sum, e->seen) == 0)
		return true;
	return false;
}

static void ask_address(const struct check_asking *a, const struct listed_all *lists,
                        const char *address, struct tally *sum, struct buf *seen)
{
	AUTO_STRINGS struct strings domains = { 0 };
	AUTO_TALK struct talk t = { 0 };
	struct envelope e = { &t, sum, seen, 0, 0 };
	size_t n = lists->n < LISTS_MOST ? lists->n : LISTS_MOST;
	bool good;

	if (!sessions_open(a, address, SMTP_TLS_NEVER, &t, sum, seen))
		return;
	good = sessions_begin(&t, NULL, sum, seen) == 0;
	for (size_t i = 0; good && i < n; i++) {
		/* evenly over all of them */
		const struct listed *l = &lists->rows[i * lists->n / n];

		if (!*l->domain)
			continue;
		if (!strings_has(&domains, l->domain))
			strings_add(&domains, l->domain);
		good = ask_list(&e, l);
	}
	/* a Mailman 3 has no need of it */
	for (size_t i = 0; good && !lists->of_3 && i < domains.n; i++) {
		AUTO_FREE char *loop = xasprintf(LOOP "@%s", domains.rows[i]);

		good = ask_one(&e, loop);
	}
	sum->yes += e.taken > 0;
	sessions_note(seen, "%s: %u of %u taken, of %zu lists", address, e.taken, e.asked, n);
}

enum check_answer check_lists_taken(const struct check_asking *a, struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];
	const struct listed_all *lists = NULL;
	struct tally sum = { 0 };
	struct error err = { 0 };
	int found = listed_addresses(a, &lists, seen, &err);

	if (found <= 0)
		return found ? check_not_told(seen, &err) : CHECK_SKIPPED;
	if (!addresses->n)
		return sessions_nowhere(seen);
	for (size_t i = 0; i < addresses->n; i++)
		ask_address(a, lists, addresses->rows[i], &sum, seen);
	return tally_sum(&sum);
}

/* ── answered ────────────────────────────────────────────────────────────────────────────────── */

/* Mails of the list, which come from LIST-bounces or the like, that were delivered to `to`. */
static size_t answers_of(const struct logs *logs, const struct listed *l, const char *to)
{
	size_t n = strlen(l->local), count = 0;

	for (size_t i = 0; i < logs->n; i++) {
		const struct log_message *m = &logs->rows[i];

		if (strncasecmp(m->from, l->local, n) != 0 || m->from[n] != '-')
			continue;
		for (size_t k = 0; k < m->deliveries_n; k++)
			count += m->deliveries[k].status == MTA_STATUS_SENT &&
			         (!strcasecmp(m->deliveries[k].to, to) ||
			          !strcasecmp(m->deliveries[k].orig_to, to));
	}
	return count;
}

/* "help", as people send it: in the subject, with nothing below. */
static bool send_help(const struct check_asking *a, const struct listed *l, struct tally *sum,
                      struct buf *seen)
{
	AUTO_FREE char *to = xasprintf("%s-request@%s", l->local, l->domain);
	AUTO_BUF struct buf letter = { 0 };
	AUTO_TALK struct talk t = { 0 };
	struct error err = { 0 };
	unsigned class;

	if (!sessions_open(a, a->site->addresses[a->of].rows[0], SMTP_TLS_NEVER, &t, sum, seen) ||
	    sessions_begin(&t, letter_sender(a), sum, seen) < 0)
		return false;
	class = sessions_rcpt(&t, to, sum, seen);
	letter_begin(&letter, letter_sender(a), to, "help");
	if (class == 2 && talk_send(&t, buf_span(&letter), &err) < 0) {
		sessions_note(seen, "%s: %s", to, err.text);
		sum->unknown++;
		return false;
	}
	if (smtp_reply_class(&t.client.reply) == 2)
		return true;
	sessions_tell(&t, to, seen);
	sum->no += smtp_reply_class(&t.client.reply) == 5;
	sum->unknown += smtp_reply_class(&t.client.reply) == 4;
	return false;
}

/* Waits for more answers than there were; false: there is none in this time. */
static bool wait_for(const struct check_asking *a, const struct listed *l, size_t before,
                     int64_t end_ms, struct error *err)
{
	do {
		AUTO_LOGS struct logs logs = { 0 };

		if (logs_read(a->host, &logs, err) < 0)
			return false;
		if (answers_of(&logs, l, letter_sender(a)) > before)
			return true;
		clock_sleep_ms(LOOK_EVERY_MS);
	} while (clock_monotonic_ms() < end_ms);
	return false;
}

static void command_of(const struct check_asking *a, const struct listed *l, int64_t end_ms,
                       struct tally *sum, struct buf *seen)
{
	AUTO_LOGS struct logs before = { 0 };
	struct error err = { 0 };

	if (logs_read(a->host, &before, &err) < 0) {
		sum->unknown++;
		return sessions_note(seen, "%s", err.text);
	}
	if (!send_help(a, l, sum, seen))
		return;
	if (wait_for(a, l, answers_of(&before, l, letter_sender(a)), end_ms, &err)) {
		sum->yes++;
		return sessions_note(seen, "%s: answered", l->name);
	}
	sessions_note(seen, "%s: %s", l->name,
	              *err.text ? err.text : "no answer to \"help\" was delivered in this time");
	sum->unknown++;
}

enum check_answer check_lists_commands(const struct check_asking *a, struct buf *seen)
{
	const struct listed_all *lists = NULL;
	int64_t now = clock_monotonic_ms();
	struct tally sum = { 0 };
	struct error err = { 0 };
	int found;
	size_t n;

	if (!a->site->may_send) {
		buf_add_text(seen, "asked only with --send: it sends mail");
		return CHECK_SKIPPED;
	}
	/* what lies in its queues before the opening is worked on beside what comes from old */
	if (a->of == CHECK_NEW && a->site->window & (CHECK_PRE | CHECK_FROZEN)) {
		buf_add_text(seen, "its lists are not open yet");
		return CHECK_SKIPPED;
	}
	if (!*letter_sender(a)) {
		buf_add_text(seen, "nobody is named who may write: check.sender in move.yaml");
		return CHECK_SKIPPED;
	}
	found = listed_addresses(a, &lists, seen, &err);
	if (found <= 0)
		return found ? check_not_told(seen, &err) : CHECK_SKIPPED;
	if (!a->site->addresses[a->of].n)
		return sessions_nowhere(seen);
	n = lists->n < COMMANDS_MOST ? lists->n : COMMANDS_MOST;
	for (size_t i = 0; i < n; i++) {
		const struct listed *l = &lists->rows[i * lists->n / n];

		if (*l->domain)
			command_of(a, l,
			           now + (int64_t)(i + 1) * (a->site->step_ms * 3 / 4) / (int64_t)n,
			           &sum, seen);
	}
	return tally_sum(&sum);
}
