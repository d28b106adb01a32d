/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "base/clock.h"
#include "base/memory.h"
#include "state/mailing_lists.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

void prepare_fini(struct prepare *p)
{
	survey_site_fini(&p->from);
	survey_site_fini(&p->to);
	account_pairs_fini(&p->accounts);
	free(p->numbers);
	strings_fini(&p->made_users);
	strings_fini(&p->made_groups);
	strings_fini(&p->touched);
	strings_fini(&p->strangers);
	strings_fini(&p->old_addresses);
	strings_fini(&p->changes);
	strings_fini(&p->same);
	strings_fini(&p->failed);
	strings_fini(&p->left);
	strings_fini(&p->table_types);
	p->numbers = NULL;
	p->numbers_n = p->numbers_room = 0;
}

static void add_words(struct strings *list, const char *format, va_list ap)
{
	AUTO_BUF struct buf shown = { 0 };
	AUTO_FREE char *words = NULL;

	if (vasprintf(&words, format, ap) < 0)
		abort();
	/* names from the old host stand in it */
	buf_add_printable(&shown, span_of(words));
	if (!strings_has(list, buf_text(&shown)))
		strings_add(list, buf_text(&shown));
}

void prepare_changed(struct prepare *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_words(&p->changes, format, ap);
	va_end(ap);
}

void prepare_same(struct prepare *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_words(&p->same, format, ap);
	va_end(ap);
}

void prepare_failed(struct prepare *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_words(&p->failed, format, ap);
	va_end(ap);
}

void prepare_leave(struct prepare *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_words(&p->left, format, ap);
	va_end(ap);
}

/* A new side that serves, or is about to, is never changed under its users. */
static int check_phase(struct prepare *p, struct error *err)
{
	static const char *const busy[] = { "under way", "finished", "going back" };
	AUTO_FREE char *phase = NULL;

	if (state_get(p->state, "cutover.phase", &phase, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(busy); i++) {
		if (!phase || strcmp(phase, busy[i]) != 0)
			continue;
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "the cut-over is %s: prepare would stop the new side", phase);
		return error_hint(err, "`mailhaul status` says where the move stands");
	}
	return 0;
}

static int split_fact(struct state *s, const char *fact, struct strings *out, struct error *err)
{
	AUTO_FREE char *text = NULL;
	struct span rest, word;

	if (state_get(s, fact, &text, err) < 0)
		return -1;
	rest = span_of(text ? text : "");
	while (span_next_word(&rest, &word))
		strings_add_span(out, word);
	return 0;
}

static void look_for_newcomers(struct prepare *p)
{
	for (size_t i = 0; i < p->from.accounts.n; i++) {
		const char *user = p->from.accounts.rows[i].mailbox.user;
		bool known = false;

		for (size_t j = 0; j < p->accounts.n; j++)
			known = known || !strcmp(p->accounts.rows[j].from.user, user);
		if (!known)
			prepare_leave(p,
			              "%s has come since the survey: run `mailhaul survey` again",
			              user);
	}
}

static void add_address(struct prepare *p, const char *text)
{
	AUTO_FREE char *address = text ? xstrndup(text, strcspn(text, "/")) : NULL;

	if (address && *address && strncmp(address, "127.", 4) != 0 &&
	    strcmp(address, "::1") != 0 && !strings_has(&p->old_addresses, address))
		strings_add(&p->old_addresses, address);
}

/* The old machine's own addresses: of its interfaces, and those that the
 * configuration says move. */
static int find_addresses(struct prepare *p, struct error *err)
{
	const struct config *c = p->config;
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	json_t *interfaces, *interface, *info;
	size_t i, j;

	for (unsigned n = 0; n < c->address.addresses_count; n++)
		add_address(p, c->address.addresses[n]);
	for (unsigned n = 0; n < c->dns.records_count; n++)
		add_address(p, c->dns.records[n].old_address);
	add_address(p, c->address.old_keeps);
	if (host_reach(p->old_host) == HOST_FOLDER)
		return 0;
	if (host_do(p->old_host, "ip-addresses", NULL, SPAN(""), &text, &why) < 0)
		return why.retry == ERROR_RETRY_REACH ? (*err = why, -1) : 0;
	interfaces = json_loadb(text.p, text.n, 0, NULL);
	json_array_foreach (interfaces, i, interface)
		json_array_foreach (json_object_get(interface, "addr_info"), j, info)
			add_address(p, json_string_value(json_object_get(info, "local")));
	json_decref(interfaces);
	return 0;
}

int prepare_begin(struct prepare *p, struct error *err)
{
	if (check_phase(p, err) < 0 || survey_accounts(p->state, &p->accounts, err) < 0 ||
	    split_fact(p->state, "prepare.users", &p->made_users, err) < 0 ||
	    split_fact(p->state, "prepare.groups", &p->made_groups, err) < 0 ||
	    survey_site_read(&p->from, p->old_host, "old", true, err) < 0 ||
	    survey_site_read(&p->to, p->new_host, "new", true, err) < 0 ||
	    find_addresses(p, err) < 0)
		return -1;
	for (size_t i = 0; i < p->from.for_person.n; i++)
		prepare_leave(p, "%s", p->from.for_person.rows[i]);
	look_for_newcomers(p);
	return 0;
}

int prepare_run(struct prepare *p, const struct prepare_action *action, struct error *err)
{
	strings_fini(&p->changes);
	strings_fini(&p->same);
	if (action->run(p, err) < 0)
		return error_context(err, "prepare: %s", action->name);
	return 0;
}

int prepare_finish(struct prepare *p, struct error *err)
{
	if (p->dry_run)
		return 0;
	return state_put_i64(p->state, "prepare.at_ms", clock_wall_ms(), err);
}

/* ── stop ────────────────────────────────────────────────────────────────────────────────────── */

/* Opened by themselves, `mailhaul lists open`. */
static int find_open_lists(struct prepare *p, bool *any, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	*any = false;
	if (mailing_lists_load(p->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		*any = *any || known.rows[i].phase == MAILING_LIST_OPENED;
	return 0;
}

int prepare_stop(struct prepare *p, struct error *err)
{
	bool mta = false, imapd = false, lists;

	if (find_open_lists(p, &lists, err) < 0)
		return -1;

	if ((p->to.mta_kind && mta_is_running(p->new_host, &mta, err) < 0) ||
	    (p->to.has_imapd && imapd_is_running(p->new_host, &imapd, err) < 0))
		return -1;
	if (!imapd)
		prepare_same(p, "Dovecot does not run");
	if (!mta)
		prepare_same(p, "Postfix does not run");
	/* first who holds Dovecot's sockets open: its auth process outlives it as
   * long as an smtpd is connected */
	if (mta && lists) {
		prepare_same(p, "Postfix runs: mailing lists live here already");
	} else if (mta) {
		prepare_changed(p, "Postfix is stopped until the cut-over opens it");
		if (!p->dry_run && mta_stop(p->new_host, err) < 0)
			return -1;
	}
	if (imapd) {
		prepare_changed(p, "Dovecot is stopped until the cut-over opens it");
		if (!p->dry_run && imapd_stop(p->new_host, err) < 0)
			return -1;
	}
	return 0;
}

/* ── programs ────────────────────────────────────────────────────────────────────────────────── */

/* What speaks each of Dovecot's protocols, and the Debian package that has it. */
static const struct {
	const char *protocol, *program, *package;
} protocols[] = {
	{ "imap", "/usr/lib/dovecot/imap", "dovecot-imapd" },
	{ "pop3", "/usr/lib/dovecot/pop3", "dovecot-pop3d" },
	{ "lmtp", "/usr/lib/dovecot/lmtp", "dovecot-lmtpd" },
	{ "sieve", "/usr/lib/dovecot/managesieve", "dovecot-managesieved" },
	{ "submission", "/usr/lib/dovecot/submission", "dovecot-submissiond" },
};

static int missing(struct error *err, const char *what, const char *package)
{
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "the old host uses %s, and the new one has it not", what);
	return error_hint(err, "install %s on the new host, then run prepare again", package);
}

static int look_for_protocols(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < ROWS(protocols); i++) {
		if (!strings_has(&p->from.imapd.protocols, protocols[i].protocol))
			continue;
		/* where the new host keeps its programs otherwise, this can't tell */
		if (host_has(p->new_host, "/usr/lib/dovecot") &&
		    !host_has(p->new_host, protocols[i].program))
			return missing(err, protocols[i].protocol, protocols[i].package);
	}
	if (strings_has(&p->from.imapd.plugins, "sieve") &&
	    host_has(p->new_host, "/usr/lib/dovecot/modules") &&
	    !host_has(p->new_host, "/usr/lib/dovecot/modules/lib90_sieve_plugin.so"))
		return missing(err, "Sieve", "dovecot-sieve");
	return 0;
}

int prepare_look_for_programs(struct prepare *p, struct error *err)
{
	if (p->from.mta_kind && !p->to.mta_kind)
		return missing(err, p->from.mta_kind->summary, p->from.mta_kind->name);
	if (p->from.has_imapd && !p->to.has_imapd)
		return missing(err, "Dovecot", "dovecot-core");
	for (size_t i = 0; i < p->from.mta.filters.n; i++)
		prepare_leave(p, "%s: has to run on the new host too before it opens",
		              p->from.mta.filters.rows[i]);
	return p->from.has_imapd ? look_for_protocols(p, err) : 0;
}
