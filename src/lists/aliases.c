/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/aliases.h"

#include "base/memory.h"
#include "lists/local_part.h"
#include "lists/resolve.h"
#include "lists/settings.h"
#include "lists/standing.h"
#include "mta/mta.h"
#include "pickle/read.h"

#include <string.h>

#define CONFIG_MAX (256u << 20) /* octets of a list's config.pck */

const struct lists_address lists_addresses[LISTS_ADDRESSES] = {
	{ "", "post" },
	{ "-admin", "admin" },
	{ "-bounces", "bounces" },
	{ "-confirm", "confirm" },
	{ "-join", "join" },
	{ "-leave", "leave" },
	{ "-owner", "owner" },
	{ "-request", "request" },
	{ "-subscribe", "subscribe" },
	{ "-unsubscribe", "unsubscribe" },
};

static const char *const mta_names[] = {
	[LISTS_MTA_POSTFIX] = "postfix",
	[LISTS_MTA_EXIM] = "exim",
	[LISTS_MTA_SENDMAIL] = "sendmail",
	[LISTS_MTA_QMAIL] = "qmail",
};

bool lists_mta_named(const char *name, enum lists_mta *out)
{
	for (enum lists_mta i = LISTS_MTA_POSTFIX; i <= LISTS_MTA_QMAIL; i++)
		if (!strcmp(mta_names[i], name))
			return *out = i, true;
	return false;
}

const char *lists_mta_name(enum lists_mta mta)
{
	return mta_names[mta];
}

int lists_mta_of(struct host *h, const struct lists_installation *m, enum lists_mta *out,
                 struct error *err)
{
	static const struct {
		const char *path;
		enum lists_mta mta;
	} marks[] = {
		{ "/etc/postfix/main.cf", LISTS_MTA_POSTFIX },
		{ "/usr/local/etc/postfix/main.cf", LISTS_MTA_POSTFIX },
		{ "/etc/exim4", LISTS_MTA_EXIM },
		{ "/etc/exim", LISTS_MTA_EXIM },
		{ "/etc/exim.conf", LISTS_MTA_EXIM },
		{ "/usr/local/etc/exim", LISTS_MTA_EXIM },
		{ "/var/qmail/control", LISTS_MTA_QMAIL },
		{ "/etc/mail/sendmail.cf", LISTS_MTA_SENDMAIL },
	};
	const char *says = lists_setting_text(m->settings, "MTA");

	for (size_t i = 0; i < ROWS(marks); i++) {
		int found = lists_resolve(h, marks[i].path, NULL, NULL, err);

		if (found < 0)
			return -1;
		if (found)
			return *out = marks[i].mta, 0;
	}
	*out = says && !strcmp(says, "Postfix") ? LISTS_MTA_POSTFIX : LISTS_MTA_SENDMAIL;
	return 0;
}

/* ── the plan ────────────────────────────────────────────────────────────────────────────────── */

void lists_alias_plan_fini(struct lists_alias_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->lists[i].name);
		free(p->lists[i].domain);
		free(p->lists[i].local);
		free(p->lists[i].host);
	}
	free(p->lists);
	free(p->wrapper);
	free(p->loop);
	free(p->table);
	free(p->virtual_table);
	free(p->lists_dir);
	free(p->maildir);
	free(p->site_list);
	free(p->user);
	free(p->group);
	free(p->local_domain);
	strings_fini(&p->domains);
	strings_fini(&p->troubles);
	*p = (struct lists_alias_plan){ 0 };
}

/* host_name of a list: 1 it is known, 0 not, which `troubles` tells; -1. */
int lists_alias_domain(struct host *h, struct lists_alias_plan *p, const char *name, char **domain,
                       struct error *err)
{
	static const char *const files[] = { "config.pck", "config.pck.last" };
	static const struct read_limits usual = { 0 };
	struct error why = { 0 };

	for (size_t i = 0; i < ROWS(files); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s/%s", p->lists_dir, name, files[i]);
		AUTO_VALUE_FILE struct value_file f = { 0 };
		AUTO_BUF struct buf octets = { 0 };
		struct span chars;

		why = (struct error){ 0 };
		if (host_read(h, path, CONFIG_MAX, &octets, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			continue;
		}
		if (value_file_read(&f, &octets, &usual, &why) < 0)
			continue;
		if (f.n && value_get_chars(value_dict_find(f.rows[0], SPAN("host_name")), &chars))
			return *domain = span_dup(chars), 1;
	}
	strings_addf(&p->troubles, "list %s: its domain is not known%s%s", name,
	             *why.text ? ": " : "", why.text);
	return 0;
}

static int add_list(struct host *h, struct lists_alias_plan *p, const char *name, struct error *err)
{
	AUTO_FREE char *domain = NULL;
	/* the site list has addresses of its own in each domain */
	bool is_site_list = strcmp(name, p->site_list) == 0;
	struct lists_alias_list *l;
	struct span local;

	/* without an underscore it can't have its domain in its name, which need not be read then */
	if (!is_site_list && (p->domains.n || strchr(name, '_')) &&
	    lists_alias_domain(h, p, name, &domain, err) < 0)
		return -1;
	ARRAY_GROW(p->lists, p->n, p->room);
	l = &p->lists[p->n++];
	*l = (struct lists_alias_list){ .name = xstrdup(name) };
	if (!domain)
		return 0;
	local = lists_local_part(span_of(name), span_of(domain));
	if (local.n < strlen(name)) {
		l->local = span_dup(local);
		l->host = xstrdup(domain);
		p->hosted++;
	}
	if (strings_has(&p->domains, domain))
		l->domain = TAKE(domain);
	return 0;
}

static int need(const char *path, const char *name, struct error *err)
{
	if (path)
		return 0;
	error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0, "%s is not known", name);
	return error_hint(err, "its settings say it in a way that is not understood");
}

static int take_settings(struct lists_alias_plan *p, const struct lists_installation *m,
                         struct error *err)
{
	const char *site_list = lists_setting_text(m->settings, "MAILMAN_SITE_LIST");
	const char *local = lists_setting_text(m->settings, "VIRTUAL_MAILMAN_LOCAL_DOMAIN");
	/* Red Hat's builds keep both tables with the settings */
	enum lists_path tables = m->paths.value[LISTS_CONFIG_DIR] ? LISTS_CONFIG_DIR
	                                                          : LISTS_DATA_DIR;

	if (need(m->paths.value[LISTS_WRAPPER_DIR], "WRAPPER_DIR", err) < 0 ||
	    need(m->paths.value[LISTS_DATA_DIR], "DATA_DIR", err) < 0 ||
	    need(m->paths.value[LISTS_LIST_DATA_DIR], "LIST_DATA_DIR", err) < 0)
		return -1;
	p->wrapper = lists_paths_join(&m->paths, LISTS_WRAPPER_DIR, "mailman");
	p->loop = lists_paths_join(&m->paths, LISTS_DATA_DIR, "owner-bounces.mbox");
	p->table = lists_paths_join(&m->paths, tables, "aliases");
	p->virtual_table = lists_paths_join(&m->paths, tables, "virtual-mailman");
	p->lists_dir = xstrdup(m->paths.value[LISTS_LIST_DATA_DIR]);
	p->site_list = xstrdup(site_list ? site_list : "mailman");
	p->user = xstrdup(m->user);
	p->group = xstrdup(m->group);
	p->local_domain = local ? xstrdup(local) : NULL;
	if (lists_setting_is_true(m->settings, "USE_MAILDIR", false) &&
	    m->paths.value[LISTS_MAILDIR_DIR])
		p->maildir = lists_paths_join(&m->paths, LISTS_MAILDIR_DIR, "");
	lists_setting_texts(m->settings, "POSTFIX_STYLE_VIRTUAL_DOMAINS", &p->domains);
	if (lists_setting_is_unknown(m->settings, "POSTFIX_STYLE_VIRTUAL_DOMAINS"))
		strings_add(&p->troubles, "POSTFIX_STYLE_VIRTUAL_DOMAINS is not known");
	return 0;
}

/* "talk-owner": a list, and the owners of another. One of them gets no mail. */
static void tell_names(struct lists_alias_plan *p)
{
	AUTO_STRINGS struct strings names = { 0 };

	for (size_t i = 0; i < p->n; i++)
		strings_add(&names, p->lists[i].name);
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 1; j < LISTS_ADDRESSES; j++) {
			struct span name = span_of(p->lists[i].name);
			AUTO_FREE char *base = NULL;

			if (!span_ends(name, lists_addresses[j].suffix))
				continue;
			name.n -= strlen(lists_addresses[j].suffix);
			base = span_dup(name);
			if (strings_has(&names, base))
				strings_addf(&p->troubles,
				             "list %s has the name of an address of list %s",
				             p->lists[i].name, base);
		}
}

int lists_alias_plan_read(struct host *h, const struct lists_installation *m,
                          struct lists_alias_plan *out, struct error *err)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan p = { 0 };
	AUTO_STRINGS struct strings names = { 0 };

	if (take_settings(&p, m, err) < 0 || lists_standing_names(h, &m->paths, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (add_list(h, &p, names.rows[i], err) < 0)
			return -1;
	tell_names(&p);
	*out = p;
	p = (struct lists_alias_plan){ 0 };
	return 0;
}
