/* SPDX-License-Identifier: BSD-2-Clause */

/* turn_away -- the first step of a switch in two: the names lead to an address where nobody answers, so
 * that senders wait, until no cache can hold the old one any longer. Only then the old side is frozen. */

#include "move/move.h"

#include "base/clock.h"
#include "dns/apply.h"
#include "dns/lowered.h"
#include "move/knock.h"

#include <string.h>

#define LOOK_EVERY_MS 1000

static enum dns_by by_whom(const struct config *c)
{
	return c->switch_by == CONFIG_SWITCH_MANUAL ? DNS_BY_HAND : dns_by_default(c);
}

/* Whoever answers there is no closed door: mail would be taken, or refused for good. */
static int prove_closed(struct move *m, struct error *err)
{
	for (unsigned i = 0; i < m->config->dns.records_count; i++) {
		const char *closed = m->config->dns.records[i].closed_address;
		AUTO_BUF struct buf ignored = { 0 };
		enum knock met = closed ? knock_smtp(closed, &ignored) : KNOCK_SHUT;

		if (met != KNOCK_GREETED && met != KNOCK_ODD)
			continue;
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "somebody answers on port 25 of %s, which is to be a closed address",
		          closed);
		return error_hint(err, "name one where nothing listens, or end what does");
	}
	return 0;
}

/* ── the change ──────────────────────────────────────────────────────────────────────────────── */

/* The old answer is waited out with the senders before the door; a day of that is no switch. */
static int refuse_long_ttl(struct move *m, const struct dns_edits *edits, struct error *err)
{
	for (size_t i = 0; i < edits->n; i++) {
		const struct dns_set *before = &edits->rows[i].before;

		if (before->ttl <= m->config->window.budget)
			continue;
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "senders would wait for the old TTL of %s, %u s, longer than the budget "
		          "of %u s",
		          before->name, before->ttl, m->config->window.budget);
		return error_hint(err, "`mailhaul dns lower-ttl` first");
	}
	return 0;
}

/* Somebody has led the names away before, and nobody noted it: what is there now is the second half of
 * a change whose first is known. */
static int plan_made_before(struct move *m, struct dns_edits *edits, struct error *err)
{
	struct dns_lowered known;

	if (dns_away_look(m->config, m->state, &known, err) < 0)
		return -1;
	if (known.changes)
		return 0;
	return dns_edits_plan_closed(m->config, edits, err);
}

static void tell_person(struct move *m, const struct dns_edits *edits)
{
	for (size_t i = 0; i < edits->n; i++) {
		AUTO_BUF struct buf from = { 0 }, to = { 0 };
		const struct dns_edit *e = &edits->rows[i];

		for (size_t k = 0; k < e->before.data.n; k++)
			buf_addf(&from, "%s%s", k ? ", " : "", e->before.data.rows[k]);
		for (size_t k = 0; k < e->after.data.n; k++)
			buf_addf(&to, "%s%s", k ? ", " : "", e->after.data.rows[k]);
		move_say(m, "NOW CHANGE: %s from %s to %s, TTL %u", e->after.name, buf_text(&from),
		         buf_text(&to), e->after.ttl);
	}
}

static int begin(struct move *m, struct dns_edits *edits, enum dns_apply_end *end,
                 struct error *err)
{
	enum dns_by by = by_whom(m->config);
	bool found;

	*end = DNS_APPLY_DONE;
	if (dns_apply_resume(m->config, m->state, DNS_KIND_AWAY, by, &found, edits, end, err) < 0)
		return -1;
	if (found)
		return 0;
	if (dns_edits_plan(m->config, DNS_PART_AWAY, edits, err) < 0 ||
	    (!edits->n && plan_made_before(m, edits, err) < 0) ||
	    refuse_long_ttl(m, edits, err) < 0)
		return -1;
	if (!edits->n)
		return 0;
	return dns_apply(m->config, m->state, DNS_KIND_AWAY, edits, by, end, err);
}

static int too_late(struct error *err, const char *what, const char *where)
{
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "%s%s%s", what, *where ? ": " : "",
	          where);
	return error_hint(err, "look at the zone and at its servers, then give the same command "
	                       "again");
}

static int change(struct move *m, int64_t limit_ms, struct error *err)
{
	AUTO_EDITS struct dns_edits edits = { 0 };
	enum dns_apply_end end;
	bool found;

	if (begin(m, &edits, &end, err) < 0)
		return -1;
	if (end == DNS_APPLY_WAITS && by_whom(m->config) == DNS_BY_HAND)
		tell_person(m, &edits);
	while (end == DNS_APPLY_WAITS) {
		AUTO_EDITS struct dns_edits same = { 0 };

		if (clock_monotonic_ms() >= limit_ms)
			return too_late(err, "the names were not led to their closed address", "");
		clock_sleep_ms(LOOK_EVERY_MS);
		if (dns_apply_resume(m->config, m->state, DNS_KIND_AWAY, by_whom(m->config), &found,
		                     &same, &end, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < edits.n; i++)
		move_say(m, "%s leads to %s now, where nobody answers", edits.rows[i].after.name,
		         edits.rows[i].after.data.n ? edits.rows[i].after.data.rows[0] : "nothing");
	return 0;
}

/* ── the wait ────────────────────────────────────────────────────────────────────────────────── */

static int await_everywhere(struct move *m, int64_t limit_ms, struct dns_lowered *away,
                            struct error *err)
{
	char told[sizeof away->where] = "";

	for (;;) {
		if (dns_away_look(m->config, m->state, away, err) < 0)
			return -1;
		if (away->everywhere)
			return 0;
		if (strcmp(told, away->where) != 0)
			move_say(m, "not everywhere yet: %s", away->where);
		memcpy(told, away->where, sizeof told);
		if (clock_monotonic_ms() >= limit_ms)
			return too_late(err, "not every name server leads to the closed address",
			                away->where);
		clock_sleep_ms(LOOK_EVERY_MS);
	}
}

/* Counted by the clock that nobody sets. */
static void await_old_ttl(struct move *m, const struct dns_lowered *away)
{
	int64_t longest = (int64_t)away->old_ttl * 1000, left = away->until_ms - clock_wall_ms();
	int64_t until;
	char when[32], length[24];

	left = left > longest ? longest : left;
	if (left <= 0)
		return;
	until = clock_monotonic_ms() + left;
	move_say(
		m,
		"a cache may hold the old answer until %.19sZ, %s more; the old server serves till "
		"then",
		clock_text(when, away->until_ms), text_duration(length, (double)left / 1000));
	while (clock_monotonic_ms() < until)
		clock_sleep_ms(LOOK_EVERY_MS / 10);
}

int step_turn_away(struct move *m, struct error *err)
{
	int64_t limit_ms = clock_monotonic_ms() + (int64_t)m->config->window.budget * 1000;
	struct dns_lowered away;

	if (prove_closed(m, err) < 0 || change(m, limit_ms, err) < 0 ||
	    await_everywhere(m, limit_ms, &away, err) < 0)
		return -1;
	await_old_ttl(m, &away);
	/* after the switch caches hold the closed address, and no longer what was before it */
	return move_keep_old_ttl(m, err);
}

int undo_turn_away(struct move *m, struct error *err)
{
	int64_t limit_ms = clock_monotonic_ms() + (int64_t)m->config->window.budget * 1000;
	AUTO_EDITS struct dns_edits edits = { 0 };
	enum dns_apply_end end = DNS_APPLY_WAITS;
	bool told = by_whom(m->config) != DNS_BY_HAND;
	int64_t id;

	if (dns_undo_find(m->state, DNS_KIND_AWAY, &id, &edits, err) < 0)
		return -1;
	while (id && end == DNS_APPLY_WAITS) {
		if (dns_undo(m->config, m->state, id, &edits, by_whom(m->config), &end, err) < 0)
			return -1;
		if (end == DNS_APPLY_DONE)
			break;
		if (!told)
			tell_person(m, &edits);
		told = true;
		if (clock_monotonic_ms() >= limit_ms)
			return too_late(err, "the names do not lead to the old host yet", "");
		clock_sleep_ms(LOOK_EVERY_MS);
	}
	return 0;
}
