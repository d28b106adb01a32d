/* SPDX-License-Identifier: BSD-2-Clause */

/* transfer -- what goes over while the window is open: the last delta, the queue; and the proofs. */

#include "move/move.h"

#include "base/clock.h"
#include "base/memory.h"
#include "copy/copy.h"
#include "copy/verify.h"
#include "dns/dns.h"
#include "move/checks.h"
#include "move/ledger.h"
#include "move/lists.h"
#include "mta/mta.h"
#include "state/evidence.h"
#include "state/messages.h"

#include <string.h>

#define DELTA_PASSES_MAX 5
#define DIFFERENCES_TOLD 20

/* ── before ──────────────────────────────────────────────────────────────────────────────────── */

/* How long a resolver may go on giving the old answer: asked while it still is the answer. */
int move_keep_old_ttl(struct move *m, struct error *err)
{
	__attribute__((cleanup(dns_servers_fini))) struct dns_servers resolvers = { 0 };
	const struct config *c = m->config;
	uint32_t longest = 0;

	if (dns_resolvers(&resolvers, (const char *const *)c->resolvers, c->resolvers_count, err) <
	    0)
		return -1;
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		bool six = strchr(c->dns.records[i].old_address, ':') != NULL;
		uint32_t ttl = 0;

		if (dns_longest_ttl(&resolvers, c->dns.records[i].name, six ? DNS_AAAA : DNS_A,
		                    &ttl, err) < 0)
			return -1;
		longest = ttl > longest ? ttl : longest;
	}
	return state_put_i64(m->state, "dns.old_ttl", longest, err);
}

int step_preconditions(struct move *m, struct error *err)
{
	AUTO_BUF struct buf bad = { 0 };

	for (unsigned i = 0; i < move_checks_rows; i++) {
		const struct check_row *row = &move_checks[i];
		AUTO_BUF struct buf seen = { 0 };
		enum check_answer answer = row->ask(m, &seen);

		if (answer == CHECK_YES || answer == CHECK_SKIPPED)
			continue;
		move_say(m, "%s: %s (%s)", row->question, check_answer_name(answer),
		         buf_text(&seen));
		if (row->weight == CHECK_MUST)
			buf_addf(&bad, "%s%s: %s", bad.n ? "; " : "", row->id, buf_text(&seen));
	}
	if (!bad.n)
		return m->config->switch_by == CONFIG_SWITCH_ADDRESS ? 0
		                                                     : move_keep_old_ttl(m, err);
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "not ready: %s", buf_text(&bad));
	return error_hint(err, "`mailhaul check` says what to do about each");
}

/* ── mailboxes ───────────────────────────────────────────────────────────────────────────────── */

/* One pass over all accounts; what could not be brought stands in the sum's `skipped`. */
static int pass(struct move *m, struct copy_result *sum, struct error *err)
{
	AUTO_FREE struct copy_account *accounts = xcalloc(m->accounts.n + 1, sizeof *accounts);
	const struct copy_options options = { 0 };

	for (size_t i = 0; i < m->accounts.n; i++) {
		const struct account_pair *pair = &m->accounts.rows[i];

		accounts[i] = (struct copy_account){ &pair->from, &pair->to, &pair->beside };
	}
	return copy_accounts(m->old, m->new, accounts, m->accounts.n, m->state, &options, sum, err);
}

int step_delta(struct move *m, struct error *err)
{
	for (int i = 0; i < DELTA_PASSES_MAX; i++) {
		AUTO_COPY_RESULT struct copy_result sum = { 0 };

		if (pass(m, &sum, err) < 0)
			return -1;
		if (sum.skipped.n)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "%zu things could not be copied, the first: %s",
			                 sum.skipped.n, sum.skipped.rows[0]);
		move_say(m,
		         "pass %d: %llu copied, %llu renamed, %llu removed, %llu unchanged, %llu "
		         "folders, %llu files beside",
		         i + 1, (unsigned long long)sum.copied, (unsigned long long)sum.renamed,
		         (unsigned long long)sum.removed, (unsigned long long)sum.unchanged,
		         (unsigned long long)(sum.folders_made + sum.folders_removed),
		         (unsigned long long)sum.files);
		if (!copy_result_changed(&sum))
			return messages_freeze(m->state, clock_wall_ms(), err);
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "the old mailboxes still change after %d passes: they are not frozen",
	                 DELTA_PASSES_MAX);
}

static int new_was_open(struct move *m, bool *open, struct error *err)
{
	AUTO_FREE char *fact = NULL;

	if (state_get(m->state, "new.was_open", &fact, err) < 0)
		return -1;
	*open = fact && !strcmp(fact, "yes");
	return 0;
}

int undo_delta(struct move *m, struct error *err)
{
	uint64_t brought_n = 0;
	bool open;

	if (new_was_open(m, &open, err) < 0)
		return -1;
	for (size_t i = 0; open && i < m->accounts.n; i++) {
		const struct account_pair *pair = &m->accounts.rows[i];
		struct copy_account account = { &pair->to, &pair->from, NULL };
		AUTO_COPY_RESULT struct copy_result one = { 0 };
		AUTO_STRINGS struct strings brought = { 0 };

		if (copy_bring_back(m->new, m->old, &account, m->state, &brought, &one, err) < 0)
			return error_context(err, "bring back the mail of %s", pair->from.user);
		if (one.skipped.n)
			return error_set(
				err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
				"%zu messages of %s could not be brought back, the first: %s",
				one.skipped.n, pair->from.user, one.skipped.rows[0]);
		brought_n += brought.n;
	}
	if (brought_n) {
		AUTO_FREE char *words = xasprintf("%llu messages that the new side had taken were "
		                                  "brought back to the old mailboxes",
		                                  (unsigned long long)brought_n);

		move_say(m, "%s", words);
		if (evidence_put(m->state, "rollback", words, NULL, err) < 0)
			return -1;
	}
	if (state_put(m->state, "new.was_open", "no", err) < 0)
		return -1;
	return messages_thaw(m->state, err);
}

/* ── the queue ───────────────────────────────────────────────────────────────────────────────── */

int step_queue(struct move *m, struct error *err)
{
	uint64_t carried = 0;

	if (mta_carry_queue(m->old, m->new, m->state, &carried, err) < 0)
		return -1;
	if (carried)
		move_say(m, "%llu messages carried over from the old queue",
		         (unsigned long long)carried);
	/* the originals must never run again: nobody deletes them, nobody sends them */
	return host_reach(m->old) == HOST_FOLDER ? 0 : mta_hold_all(m->old, m->state, err);
}

/* The new side has delivered of the copies what it could: the originals are dead, and what the new
 * queue holds by now goes back under new names. */
static int bring_queue_back(struct move *m, struct error *err)
{
	uint64_t carried = 0;

	if (mta_set_aside(m->old, m->state, "old", "new", NULL, err) < 0 ||
	    mta_carry_queue(m->new, m->old, m->state, &carried, err) < 0)
		return -1;
	if (carried)
		move_say(m, "%llu messages carried back to the old queue",
		         (unsigned long long)carried);
	return mta_set_aside(m->new, m->state, "new", "old", NULL, err);
}

int undo_queue(struct move *m, struct error *err)
{
	bool open;

	if (new_was_open(m, &open, err) < 0)
		return -1;
	if (host_reach(m->old) != HOST_FOLDER && mta_release_held(m->old, m->state, err) < 0)
		return -1;
	/* a queue that never ran is a copy, and the originals live on */
	return open && host_reach(m->old) != HOST_FOLDER
	               ? bring_queue_back(m, err)
	               : mta_set_aside(m->new, m->state, "old", "new", NULL, err);
}

/* ── verify ──────────────────────────────────────────────────────────────────────────────────── */

int step_verify(struct move *m, struct error *err)
{
	AUTO_VERIFY_RESULT struct verify_result sum = { 0 };
	const struct verify_options options = { 0 };
	int64_t began = clock_monotonic_ms();
	char octets[16];

	for (size_t i = 0; i < m->accounts.n; i++) {
		const struct account_pair *pair = &m->accounts.rows[i];
		struct copy_account account = { &pair->from, &pair->to, &pair->beside };

		if (verify_account(m->old, m->new, &account, m->state, &options, &sum, err) < 0)
			return error_context(err, "%s", pair->from.user);
	}
	for (size_t i = 0; i < sum.differences.n && i < DIFFERENCES_TOLD; i++)
		move_say(m, "%s", sum.differences.rows[i]);
	if (sum.differences.n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "%zu differences between old and new, the first: %s",
		                 sum.differences.n, sum.differences.rows[0]);
	move_say(m, "%llu messages (%s) compared, no difference", (unsigned long long)sum.messages,
	         text_size(octets, sum.octets));

	AUTO_FREE char *words = xasprintf("%llu messages compared one by one, no difference",
	                                  (unsigned long long)sum.messages);
	if (evidence_put(m->state, "verify", words, NULL, err) < 0 ||
	    (m->has_lists && move_lists_verify(m, err) < 0))
		return -1;
	return state_put_i64(m->state, "verify.last_ms", clock_monotonic_ms() - began, err);
}

/* ── the ledger's sum ────────────────────────────────────────────────────────────────────────── */

int step_account(struct move *m, struct error *err)
{
	AUTO_LEDGER struct ledger l = { 0 };
	AUTO_FREE char *json = NULL, *words = NULL;
	struct span rest, line;
	char unnamed[64] = "";

	if (ledger_close(m, &l, err) < 0)
		return -1;
	if (l.unnamed)
		snprintf(unnamed, sizeof unnamed, ", %llu without a name",
		         (unsigned long long)l.unnamed);
	words = xasprintf(
		"accepted %llu by the old side and %llu by the new; copies: %llu in mailboxes, "
		"%llu passed on, %llu to programs, %llu in the queue, %llu bounced, %llu "
		"unaccounted%s",
		(unsigned long long)l.accepted_old, (unsigned long long)l.accepted_new,
		(unsigned long long)l.in_mailbox, (unsigned long long)l.passed_on,
		(unsigned long long)l.to_program, (unsigned long long)l.in_queue,
		(unsigned long long)l.bounced, (unsigned long long)l.unaccounted, unnamed);
	move_say(m, "%s", words);
	if (l.gate_taken)
		move_say(m,
		         "the gate took %llu messages: %llu given out, %llu refused and held, "
		         "%llu waiting",
		         (unsigned long long)l.gate_taken, (unsigned long long)l.gate_given,
		         (unsigned long long)l.gate_held, (unsigned long long)l.gate_waiting);
	rest = buf_span(&l.names);
	for (int i = 0; i < DIFFERENCES_TOLD && span_next_line(&rest, &line); i++)
		move_say(m, "%.*s", (int)line.n, line.p);
	json = ledger_json(&l);
	return evidence_put(m->state, "account", words, json, err);
}
