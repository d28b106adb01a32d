/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/checks.h"

#include "base/clock.h"
#include "dns/dns.h"
#include "dns/lowered.h"
#include "dns/update.h"
#include "imapd/imapd.h"
#include "move/lists.h"
#include "move/ports.h"
#include "move/window.h"
#include "mta/mta.h"
#include "state/items.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_TRIES 3u
#define CLOCKS_APART_MS 5000
/* Some senders give up after 4 h: half of that is the longest window that is safe. */
#define PATIENCE_S (4 * 3600)

const char *check_answer_name(enum check_answer answer)
{
	static const char *const names[] = {
		[CHECK_YES] = "yes",
		[CHECK_NO] = "no",
		[CHECK_UNKNOWN] = "unknown",
		[CHECK_SKIPPED] = "skipped",
	};

	return names[answer];
}

static enum check_answer unknown(struct buf *seen, const struct error *err)
{
	buf_add_text(seen, err->text);
	return CHECK_UNKNOWN;
}

static enum check_answer fact_is_there(struct move *m, const char *fact, struct buf *seen)
{
	struct error err = { 0 };
	int64_t at;
	char when[32];

	if (state_get_i64(m->state, fact, 0, &at, &err) < 0)
		return unknown(seen, &err);
	buf_add_text(seen, at ? clock_text(when, at) : "never");
	return at ? CHECK_YES : CHECK_NO;
}

static enum check_answer surveyed(struct move *m, struct buf *seen)
{
	return fact_is_there(m, "survey.at_ms", seen);
}

static enum check_answer prepared(struct move *m, struct buf *seen)
{
	for (size_t i = 0; i < m->accounts.n; i++)
		if (!m->accounts.rows[i].prepared) {
			buf_addf(seen, "%s has no place on the new host",
			         m->accounts.rows[i].from.user);
			return CHECK_NO;
		}
	return fact_is_there(m, "prepare.at_ms", seen);
}

static enum check_answer seeded(struct move *m, struct buf *seen)
{
	return fact_is_there(m, "seed.at_ms", seen);
}

static enum check_answer room_on_new(struct move *m, struct buf *seen)
{
	AUTO_ITEMS struct items items = { 0 };
	struct host_space space;
	struct error err = { 0 };
	uint64_t want = 0;
	char a[16], b[16];
	int64_t done;

	if (items_load(m->state, "old", "mailbox", &items, &err) < 0 ||
	    state_get_i64(m->state, "seed.at_ms", 0, &done, &err) < 0 ||
	    host_space(m->new,
	               m->accounts.n
	                       ? m->accounts.rows[0].to.home ? m->accounts.rows[0].to.home : "/"
	                       : "/",
	               &space, &err) < 0)
		return unknown(seen, &err);
	for (size_t i = 0; i < items.n; i++)
		want += items.rows[i].size;
	/* what is seeded already needs no room again; a tenth for what comes until X */
	want = done ? want / 10 : want + want / 10;
	buf_addf(seen, "%s free, %s wanted", text_size(a, space.free_octets), text_size(b, want));
	return space.free_octets > want && space.free_inodes > 1000 ? CHECK_YES : CHECK_NO;
}

static enum check_answer new_queue_is_empty(struct move *m, struct buf *seen)
{
	struct error err = { 0 };
	struct mta_counts c;
	bool lists;

	if (mta_queue_length(m->new, &c, &err) < 0)
		return unknown(seen, &err);
	/* what is on hold does not move; an attempt that went back leaves its copies there */
	buf_addf(seen, "%llu waiting, %llu on hold",
	         (unsigned long long)(mta_counts_total(&c) - c.hold), (unsigned long long)c.hold);
	if (move_lists_any_open(m->state, &lists, &err) < 0)
		return unknown(seen, &err);
	if (lists)
		buf_add_text(seen, "; mailing lists live here already, and have mail of their own");
	return lists || mta_counts_total(&c) == c.hold ? CHECK_YES : CHECK_NO;
}

static enum check_answer new_is_silent(struct move *m, struct buf *seen)
{
	struct error err = { 0 };
	bool mta, mailboxes;

	if (mta_is_running(m->new, &mta, &err) < 0 ||
	    imapd_is_running(m->new, &mailboxes, &err) < 0)
		return unknown(seen, &err);
	buf_addf(seen, "MTA %s, mailbox server %s", mta ? "runs" : "stopped",
	         mailboxes ? "runs" : "stopped");
	return mta || mailboxes ? CHECK_NO : CHECK_YES;
}

/* How far a host's clock is ahead of ours, and by how much that may be wrong: the answer was made at some
 * time between question and answer. What was asked on a busy machine may tell nothing; the quickest of
 * some tries does. */
static int clock_ahead(struct host *h, int64_t *ahead_ms, int64_t *unsure_ms, struct error *err)
{
	*unsure_ms = INT64_MAX;
	for (unsigned i = 0; i < CLOCK_TRIES; i++) {
		AUTO_BUF struct buf said = { 0 };
		int64_t before = clock_wall_ms(), after;
		struct span rest, seconds;
		uint64_t at_s;

		if (host_do(h, "clock", NULL, SPAN(""), &said, err) < 0)
			return -1;
		after = clock_wall_ms();
		rest = buf_span(&said);
		if (!span_next_part(&rest, '.', &seconds) || !span_parse_u64(seconds, &at_s))
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
			                 "its clock can't be read");
		if (after - before >= *unsure_ms)
			continue;
		*unsure_ms = after - before;
		*ahead_ms = (int64_t)at_s * 1000 - before;
	}
	/* of the part behind the dot nothing was read */
	*unsure_ms += 1000;
	return 0;
}

static enum check_answer clocks_agree(struct move *m, struct buf *seen)
{
	int64_t old, new, old_unsure, new_unsure, apart, unsure;
	struct error err = { 0 };

	if (host_reach(m->old) == HOST_FOLDER || host_reach(m->new) == HOST_FOLDER)
		return CHECK_SKIPPED;
	if (clock_ahead(m->old, &old, &old_unsure, &err) < 0 ||
	    clock_ahead(m->new, &new, &new_unsure, &err) < 0)
		return unknown(seen, &err);
	apart = llabs(old - new);
	unsure = old_unsure + new_unsure;
	buf_addf(seen, "%.1f s apart, give or take %.1f s", (double)apart / 1000,
	         (double)unsure / 1000);
	if (apart - unsure > CLOCKS_APART_MS)
		return CHECK_NO;
	return apart <= CLOCKS_APART_MS ? CHECK_YES : CHECK_UNKNOWN;
}

static enum check_answer window_is_short(struct move *m, struct buf *seen)
{
	struct error err = { 0 };
	char length[24];
	struct window w;

	if (window_predict(m->config, m->state, &w, &err) < 0)
		return unknown(seen, &err);
	buf_addf(seen, "%s predicted, budget %u s",
	         text_duration(length, (double)w.total_ms / 1000), m->config->window.budget);
	return w.total_ms <= (int64_t)m->config->window.budget * 1000 ? CHECK_YES : CHECK_NO;
}

static enum check_answer budget_is_safe(struct move *m, struct buf *seen)
{
	buf_addf(seen, "%u s; half of the shortest patience known is %u s",
	         m->config->window.budget, PATIENCE_S / 2);
	return m->config->window.budget <= PATIENCE_S / 2 ? CHECK_YES : CHECK_NO;
}

static enum check_answer names_lead_to_old(struct move *m, struct buf *seen)
{
	__attribute__((cleanup(dns_servers_fini))) struct dns_servers resolvers = { 0 };
	const struct config_dns *dns = &m->config->dns;
	struct error err = { 0 };
	bool good = true;

	if (!dns->records_count || m->config->switch_by == CONFIG_SWITCH_ADDRESS)
		return CHECK_SKIPPED;
	if (dns_resolvers(&resolvers, (const char *const *)m->config->resolvers,
	                  m->config->resolvers_count, &err) < 0)
		return unknown(seen, &err);
	for (unsigned i = 0; i < dns->records_count; i++) {
		AUTO_ZONE struct dns_zone zone = { 0 };

		if (dns_find_zone(&resolvers, dns->records[i].name, &zone, &err) < 0)
			return unknown(seen, &err);
		for (size_t k = 0; k < zone.servers.n; k++) {
			AUTO_ADDRESSES struct dns_addresses a = { 0 };
			const char *closed = dns->records[i].closed_address;
			/* its first step may have been made ahead */
			bool has = dns_find_addresses(&zone.servers.rows[k], dns->records[i].name,
			                              false, &a, &err) == 0 &&
			           (strings_has(&a.rows, dns->records[i].old_address) ||
			            (closed && strings_has(&a.rows, closed)));

			good &= has;
			if (!has)
				buf_addf(seen, "%s%s does not give %s for %s", seen->n ? "; " : "",
				         zone.servers.rows[k].address, dns->records[i].old_address,
				         dns->records[i].name);
		}
	}
	if (good)
		buf_addf(seen, "%u names, on all their servers", dns->records_count);
	return good ? CHECK_YES : CHECK_NO;
}

static enum check_answer key_is_readable(struct move *m, struct buf *seen)
{
	AUTO_KEY struct dns_key key = { 0 };
	struct error err = { 0 };

	if (m->config->switch_by != CONFIG_SWITCH_DNS || m->config->dns.command_count ||
	    !m->config->dns.key_file)
		return CHECK_SKIPPED;
	if (dns_key_load(m->config->dns.key_file, &key, &err) < 0) {
		buf_add_text(seen, err.text);
		return CHECK_NO;
	}
	buf_addf(seen, "%s, %s", key.name, key.algorithm);
	return CHECK_YES;
}

static enum check_answer old_ttl_ran_out(struct move *m, struct buf *seen)
{
	AUTO_FREE char *waived = NULL;
	struct dns_lowered l;
	struct error err = { 0 };
	char when[32];

	if (dns_lowered_look(m->config, m->state, &l, &err) < 0 ||
	    dns_waived(m->state, &l, &waived, &err) < 0)
		return unknown(seen, &err);
	if (!l.changes)
		return CHECK_SKIPPED;
	if (!l.everywhere)
		buf_add_text(seen, l.where);
	else
		buf_addf(seen, "the old TTL of %u s runs out everywhere at %.19sZ", l.old_ttl,
		         clock_text(when, l.until_ms));
	if (l.everywhere && clock_wall_ms() >= l.until_ms)
		return CHECK_YES;
	if (waived)
		buf_addf(seen, "; not waited for: %s", waived);
	return waived ? CHECK_YES : CHECK_NO;
}

static enum check_answer listeners_have_owners(struct move *m, struct buf *seen)
{
	AUTO_LISTENERS struct host_listeners l = { 0 };
	struct error err = { 0 };
	bool good = true;

	if (host_reach(m->old) == HOST_FOLDER)
		return CHECK_SKIPPED;
	if (host_listeners(m->old, &l, &err) < 0)
		return unknown(seen, &err);
	for (size_t i = 0; i < l.n; i++) {
		bool mail_port = false, stale = span_ends(span_of(l.rows[i].program), " (deleted)");

		for (size_t k = 0; k < ROWS(ports_mail); k++)
			mail_port |= ports_mail[k] == l.rows[i].port;
		if (!mail_port)
			continue;
		good &= l.rows[i].pid && !stale;
		buf_addf(seen, "%s%s:%u %s", seen->n ? ", " : "", l.rows[i].address, l.rows[i].port,
		         l.rows[i].pid ? l.rows[i].program : "nobody known");
	}
	return good ? CHECK_YES : CHECK_NO;
}

/* Without a log there are no canaries and no ledger. */
static enum check_answer log_is_readable(struct host *h, struct buf *seen)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	struct error err = { 0 };

	if (mta_facts(h, &facts, &err) < 0)
		return unknown(seen, &err);
	buf_add_text(seen, facts.logs.n ? facts.logs.rows[0] : "no file");
	return facts.logs.n ? CHECK_YES : CHECK_NO;
}

static enum check_answer old_log(struct move *m, struct buf *seen)
{
	return log_is_readable(m->old, seen);
}

static enum check_answer new_log(struct move *m, struct buf *seen)
{
	return log_is_readable(m->new, seen);
}

/* How a host's MTA takes mail, where a gate is to stand in for one. False: *answer is all there is. */
static bool ask_reception(struct move *m, struct host *h, struct mta_reception *r,
                          enum check_answer *answer, struct buf *seen)
{
	struct error err = { 0 };

	*answer = CHECK_SKIPPED;
	if (!config_gate_takes(m->config))
		return false;
	if (mta_reception(h, NULL, r, &err) == 0)
		return true;
	*answer = unknown(seen, &err);
	return false;
}

static enum check_answer gate_knows(struct move *m, struct buf *seen)
{
	AUTO_RECEPTION struct mta_reception r = { 0 };
	enum check_answer answer;

	if (!ask_reception(m, m->old, &r, &answer, seen))
		return answer;
	buf_addf(seen, "%zu addresses of %zu domains", r.addresses, r.domains);
	if (r.incomplete)
		buf_addf(seen, ", of %zu domains not all: unknown ones there are told to wait",
		         r.incomplete);
	for (size_t i = 0; i < r.unlisted.n; i++)
		buf_addf(seen, "; %s can't be read", r.unlisted.rows[i]);
	return r.unlisted.n && !m->config->domains_count ? CHECK_NO : CHECK_YES;
}

static enum check_answer nobody_relays(struct move *m, struct buf *seen)
{
	AUTO_RECEPTION struct mta_reception r = { 0 };
	enum check_answer answer;

	if (!ask_reception(m, m->old, &r, &answer, seen))
		return answer;
	buf_add_text(seen, *r.relays_for ? r.relays_for : "only the host itself");
	return *r.relays_for ? CHECK_NO : CHECK_YES;
}

/* The gate asks no DNS, and can't tell the name of a client that it speaks for. */
static enum check_answer new_wants_no_names(struct move *m, struct buf *seen)
{
	AUTO_RECEPTION struct mta_reception r = { 0 };
	enum check_answer answer;

	if (!ask_reception(m, m->new, &r, &answer, seen))
		return answer;
	buf_add_text(seen, r.wants_names ? r.wants_names : "it refuses nobody for that");
	return r.wants_names ? CHECK_NO : CHECK_YES;
}

/* To add a check, add a row and its function. */
const struct check_row move_checks[] = {
	{ "state.surveyed", "state", "Have both sites been surveyed?", "mailhaul survey",
	  CHECK_MUST, surveyed, false, false },
	{ "state.prepared", "state", "Does every mailbox have its place on the new host?",
	  "mailhaul prepare", CHECK_MUST, prepared, false, false },
	{ "state.seeded", "state", "Have the mailboxes been copied once?", "mailhaul seed",
	  CHECK_MUST, seeded, false, false },
	{ "disk.new", "disk", "Is there room on the new host?", "make room, or a bigger disk",
	  CHECK_MUST, room_on_new, false, true },
	{ "new.silent", "new", "Are the new host's mail services stopped?",
	  "nothing: the cut-over stops them itself", CHECK_SHOULD, new_is_silent, false, true },
	{ "new.queue", "new", "Is the new host's queue empty?",
	  "look at it with postqueue -p; let it empty, or put it on hold", CHECK_MUST,
	  new_queue_is_empty, false, true },
	{ "time.clocks", "time", "Do the two clocks agree?", "run an NTP client on both",
	  CHECK_SHOULD, clocks_agree, true, true },
	{ "window.predicted", "window", "Is the predicted window within the budget?",
	  "seed again until the delta is small, or raise window.budget", CHECK_MUST,
	  window_is_short, false, false },
	{ "window.budget", "window", "Is the budget under half of the shortest sender's patience?",
	  "lower window.budget", CHECK_SHOULD, budget_is_safe, false, false },
	{ "dns.old", "dns", "Do the names that move lead to the old host, on all their servers?",
	  "mend dns.records in move.yaml, or the zone", CHECK_MUST, names_lead_to_old, false,
	  false },
	{ "dns.old-ttl", "dns", "Have the old TTLs run out everywhere, where they were lowered?",
	  "wait until the hour that is named; or `mailhaul dns go-early REASON`", CHECK_MUST,
	  old_ttl_ran_out, false, false },
	{ "dns.key", "dns", "Can the TSIG key be read?", "mend dns.key_file", CHECK_MUST,
	  key_is_readable, false, false },
	{ "listeners.old", "listeners", "Does every mail port of the old host have a known owner?",
	  "find the process (a removed MTA may still run) and stop it", CHECK_SHOULD,
	  listeners_have_owners, true, false },
	{ "gate.recipients", "gate",
	  "Does the gate know which domains the old server takes mail for?",
	  "name them all in move.yaml, domains; or close: defer", CHECK_MUST, gate_knows, true,
	  false },
	{ "gate.relays", "gate", "Does nobody send to elsewhere through the old server's port 25?",
	  "such hosts are told to wait (450) until the opening, and then the new server judges "
	  "them "
	  "by its own mynetworks; those that are named, or in a table by SQL or LDAP, are refused "
	  "(554): "
	  "have them send by 587, or close: defer",
	  CHECK_SHOULD, nobody_relays, true, false },
	{ "gate.names", "gate",
	  "Does the new MTA take clients whose name in the DNS it is not told?",
	  "take that restriction out until `mailhaul gate --end`: the gate speaks for clients "
	  "whose "
	  "names it does not ask for; or close: defer",
	  CHECK_MUST, new_wants_no_names, false, true },
	{ "lists.new", "lists", "Has the new host a Mailman for the old one's lists?",
	  "install it there, a 2.1 none older than the old host's, and `mailhaul prepare`; or say "
	  "in move.yaml that they stay: "
	  "lists: {to: none}",
	  CHECK_MUST, check_lists_there, true, true },
	{ "lists.seeded", "lists", "Has every mailing list been copied once?", "mailhaul seed",
	  CHECK_MUST, check_lists_seeded, false, false },
	{ "lists.archives", "lists", "Is each message of the archives that move accounted for?",
	  "mailhaul seed, which names what is missing, and why", CHECK_MUST, check_lists_archives,
	  false, false },
	{ "lists.addresses", "lists", "Does the new MTA know every address of the lists?",
	  "`mailhaul lists aliases --new` prints what it has to be told, with --check what is "
	  "wrong",
	  CHECK_MUST, check_lists_addresses, true, true },
	{ "lists.queues", "lists", "Can all that lies in Mailman's queues be brought?",
	  "rename it to TIME+HASH.pck, or take it away", CHECK_MUST, check_lists_queues, true,
	  true },
	{ "lists.jobs", "lists", "Do Mailman's jobs rest on the new host until the opening?",
	  "stop cron there, or take Mailman's table out: it sends digests and reminders of the "
	  "lists "
	  "that it finds",
	  CHECK_SHOULD, check_lists_jobs, false, true },
	{ "logs.old", "logs", "Does the old MTA write its log into a file?",
	  "nothing to do for a host that is a disk; else set maillog_file in main.cf", CHECK_SHOULD,
	  old_log, true, false },
	{ "logs.new", "logs", "Does the new MTA write its log into a file?",
	  "install a syslog daemon, or set maillog_file in main.cf (postlogd(8))", CHECK_MUST,
	  new_log, false, true },
};
const unsigned move_checks_rows = ROWS(move_checks);
