/* SPDX-License-Identifier: BSD-2-Clause */

/* postfix_reception -- which recipients Postfix's smtpd takes (ADDRESS_CLASS_README), and XCLIENT. */

#include "mta/postfix.h"

#include "accounts/aliases.h"
#include "accounts/names.h"
#include "accounts/passwd.h"
#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <errno.h>
#include <string.h>

#define NO_LIMIT 0u

/* What a list of tables says of the addresses in it. */
struct known {
	struct strings names; /* keys: "user@domain", "user", "@domain" */
	bool all;             /* everybody is taken */
	bool part;            /* something of it can't be read from here */
};
#define AUTO_KNOWN __attribute__((cleanup(known_fini)))
static void known_fini(struct known *k)
{
	strings_fini(&k->names);
}

struct asking {
	struct host *h;
	struct mta_facts *f;
	const struct system_users *users;
};

/* A key that needs no quotes (RFC 5321 section 4.1.2, Dot-string), "@" and a domain apart. */
static bool is_plain(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i], before = i ? name.p[i - 1] : '.', after = '\0';

		if (i + 1 < name.n)
			after = name.p[i + 1];
		if (c == '.' && (before == '.' || after == '@' || after == '\0'))
			return false;
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr("!#$%&'*+-/=?^_`{|}~.@", c)))
			return false;
	}
	return name.n > 0 && name.n < 300;
}

static void add_name(struct known *k, struct span name)
{
	if (!is_plain(name))
		k->part = true;
	else if (k->names.n < POSTFIX_ROWS_MAX)
		strings_add_span(&k->names, name);
	else
		k->part = true;
}

/* ── tables ──────────────────────────────────────────────────────────────────────────────────── */

static int add_file(struct asking *a, struct known *k, struct span type, struct span path,
                    enum alias_form form, struct error *err)
{
	AUTO_FREE char *name = span_dup(path);
	AUTO_ALIAS_READER struct alias_reader r;
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	struct alias_row row;

	alias_reader_init(&r, form, (struct span){ 0 });
	if (postfix_read_table(a->h, type, name, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		/* Debian's default names an alias file also where none was ever made */
		k->part |= why.sys_errno != ENOENT || form != ALIAS_FORM_ALIASES;
		return 0;
	}
	alias_reader_init(&r, form, buf_span(&text));
	while (alias_next(&r, &row))
		add_name(k, row.name);
	return 0;
}

/* "inline:{ a=b, { c = d } }" */
static void add_inline(struct known *k, struct span text)
{
	struct span element;

	if (text.n >= 2 && text.p[0] == '{' && text.p[text.n - 1] == '}')
		text = (struct span){ text.p + 1, text.n - 2 };
	while (postfix_list_next(&text, &element)) {
		ssize_t equals;

		if (element.n >= 2 && element.p[0] == '{')
			element = (struct span){ element.p + 1, element.n - 2 };
		equals = span_find(element, '=');
		if (equals > 0)
			add_name(k, span_trim((struct span){ element.p, (size_t)equals }));
	}
}

static int add_table(struct asking *a, struct known *k, struct span element, enum alias_form form,
                     struct error *err)
{
	struct span type, name;

	if (!postfix_table_of(element, &type, &name)) {
		k->part = true;
		return 0;
	}
	if (span_is(type, "unix") && span_is(name, "passwd.byname")) {
		for (size_t i = 0; i < a->users->users_n; i++)
			add_name(k, span_of(a->users->users[i].name));
		return 0;
	}
	if (span_is(type, "static")) {
		k->all = true;
		return 0;
	}
	if (span_is(type, "inline")) {
		add_inline(k, name);
		return 0;
	}
	if (postfix_type_is_text(type) && name.n && name.p[0] == '/')
		return add_file(a, k, type, name, form, err);
	k->part = true; /* SQL, LDAP, regular expressions ... */
	return 0;
}

/* The tables that `parameter` names, in which those of $alias_maps have the form of aliases(5). */
static int ask_tables(struct asking *a, const char *parameter, struct known *out, struct error *err)
{
	AUTO_FREE char *value = mta_setting_expanded(a->f, parameter);
	AUTO_FREE char *aliases = mta_setting_expanded(a->f, "alias_maps");
	struct span rest = span_of(value), element;

	while (postfix_list_next(&rest, &element)) {
		AUTO_FREE char *word = span_dup(element);
		struct span of_aliases = span_of(aliases), other;
		enum alias_form form = ALIAS_FORM_TABLE;

		while (postfix_list_next(&of_aliases, &other))
			if (span_is(other, word))
				form = ALIAS_FORM_ALIASES;
		if (add_table(a, out, element, form, err) < 0)
			return -1;
	}
	return 0;
}

/* ── classes of domains ──────────────────────────────────────────────────────────────────────── */

/* Who is there in the domains of a class; without a value everybody is. */
static const struct {
	enum mta_domain_class class;
	const char *parameter; /* NULL: only who has a virtual alias */
} classes[] = {
	{ MTA_DOMAIN_LOCAL, "local_recipient_maps" },
	{ MTA_DOMAIN_VIRTUAL_ALIAS, NULL },
	{ MTA_DOMAIN_VIRTUAL_MAILBOX, "virtual_mailbox_maps" },
	{ MTA_DOMAIN_RELAY, "relay_recipient_maps" },
};

static void add_line(struct mta_reception *out, struct span local, const char *domain)
{
	buf_add_span(&out->recipients, local);
	buf_addf(&out->recipients, "@%s\n", domain);
	out->addresses++;
}

/* Keys of `k` that are in `domain`; a bare name is in each that is local. */
static void add_keys(struct mta_reception *out, const struct known *k, const char *domain,
                     bool is_local)
{
	for (size_t i = 0; i < k->names.n; i++) {
		struct span name = span_of(k->names.rows[i]);
		ssize_t at = -1;

		for (size_t c = name.n; c-- > 0 && at < 0;)
			if (name.p[c] == '@')
				at = (ssize_t)c;
		if (at < 0 && is_local)
			add_line(out, name, domain);
		else if (at >= 0 && span_is_nocase(span_from(name, (size_t)at + 1), domain))
			add_line(out, (struct span){ name.p, (size_t)at }, domain);
	}
}

static void add_domain(struct mta_reception *out, const char *domain, bool part)
{
	buf_addf(&out->recipients, "domain %s%s\n", domain, part ? " incomplete" : "");
	out->domains++;
	out->incomplete += part;
}

static int add_class(struct asking *a, size_t row, const struct known *everywhere,
                     struct mta_reception *out, struct error *err)
{
	AUTO_KNOWN struct known k = { 0 };
	AUTO_FREE char *value = NULL;
	bool is_local = classes[row].class == MTA_DOMAIN_LOCAL;

	if (classes[row].parameter) {
		value = mta_setting_expanded(a->f, classes[row].parameter);
		k.all = !*value;
		if (ask_tables(a, classes[row].parameter, &k, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < a->f->domains_n; i++) {
		const struct mta_domain *d = &a->f->domains[i];

		/* "user@[192.0.2.1]" is nobody's domain */
		if (d->class != classes[row].class || d->name[0] == '[')
			continue;
		if (k.all) {
			buf_addf(&out->recipients, "@%s\n", d->name);
			out->domains++;
			continue;
		}
		add_domain(out, d->name, k.part || everywhere->part);
		add_keys(out, &k, d->name, is_local);
		add_keys(out, everywhere, d->name, is_local);
	}
	return 0;
}

/* ── lists of domains that can't be read from here ───────────────────────────────────────────── */

static void find_unlisted(const struct mta_facts *f, struct strings *out)
{
	static const char *const lists[] = { "mydestination", "virtual_alias_domains",
		                             "virtual_mailbox_domains", "relay_domains" };

	for (size_t i = 0; i < ROWS(lists); i++) {
		AUTO_FREE char *value = mta_setting_expanded(f, lists[i]);
		struct span rest = span_of(value), element, type, name;

		while (postfix_list_next(&rest, &element)) {
			if (element.p[0] == '/' || !postfix_table_of(element, &type, &name) ||
			    span_is(type, "inline") || postfix_type_is_text(type))
				continue;
			strings_addf(out, "%s = %.*s", lists[i], (int)element.n, element.p);
		}
	}
}

/* ── the rest ────────────────────────────────────────────────────────────────────────────────── */

static void find_tls(const struct mta_facts *f, struct mta_reception *out)
{
	AUTO_FREE char *certificate = mta_setting_expanded(f, "smtpd_tls_cert_file");
	AUTO_FREE char *key = mta_setting_expanded(f, "smtpd_tls_key_file");
	AUTO_FREE char *chain = mta_setting_expanded(f, "smtpd_tls_chain_files");
	AUTO_FREE char *level = mta_setting_expanded(f, "smtpd_tls_security_level");
	AUTO_FREE char *use = mta_setting_expanded(f, "smtpd_use_tls");
	struct span rest = span_of(chain), first;

	if ((!*level || !strcmp(level, "none")) && strcmp(use, "yes") != 0)
		return;
	/* the chain's files hold key and certificates (3.4 and later), and come before the others */
	if (postfix_list_next(&rest, &first)) {
		out->certificate = span_dup(first);
		return;
	}
	if (*certificate != '/')
		return;
	out->certificate = TAKE(certificate);
	if (*key == '/' && strcmp(key, out->certificate) != 0)
		out->key = TAKE(key);
}

static void find_size(const struct mta_facts *f, struct mta_reception *out)
{
	AUTO_FREE char *limit = mta_setting_expanded(f, "message_size_limit");

	if (!text_parse_u64(limit, &out->size_max))
		out->size_max = NO_LIMIT;
}

/* Addresses that are rewritten, or lead elsewhere, before anybody asks whether they are there. */
static int ask_everywhere(struct asking *a, struct known *out, struct error *err)
{
	static const char *const parameters[] = { "virtual_alias_maps", "canonical_maps",
		                                  "recipient_canonical_maps", "relocated_maps" };

	for (size_t i = 0; i < ROWS(parameters); i++)
		if (ask_tables(a, parameters[i], out, err) < 0)
			return -1;
	return 0;
}

static const char *find_wish(struct span list)
{
	static const char *const restrictions[] = {
		"reject_unknown_client_hostname", "reject_unknown_reverse_client_hostname",
		"reject_unknown_client", /* the first one's name before 2.3 */
	};
	bool only_warns = false;
	struct span element;

	while (postfix_list_next(&list, &element)) {
		for (size_t i = 0; i < ROWS(restrictions) && !only_warns; i++)
			if (span_is(element, restrictions[i]))
				return restrictions[i];
		only_warns = span_is(element, "warn_if_reject");
	}
	return NULL;
}

/* In whatever setting: all stages of a session have restrictions, and so have classes of one's own. */
static void find_wish_for_names(const struct mta_facts *f, struct mta_reception *out)
{
	for (size_t i = 0; i < f->settings_n && !out->wants_names; i++)
		if (f->settings[i].given) {
			AUTO_FREE char *value = mta_setting_expanded(f, f->settings[i].name);

			out->wants_names = find_wish(span_of(value));
		}
}

static bool is_listed(const struct mta_facts *f, const char *domain)
{
	for (size_t i = 0; i < f->domains_n; i++)
		if (span_is_nocase(span_of(domain), f->domains[i].name))
			return true;
	return false;
}

int postfix_reception(struct host *h, const struct strings *more, struct mta_reception *out,
                      struct error *err)
{
	AUTO_SYSTEM_USERS struct system_users users = { 0 };
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_KNOWN struct known everywhere = { 0 };
	AUTO_FREE char *delimiter = NULL;
	struct asking a = { h, &f, &users };

	if (postfix_settings(h, &f, err) < 0 || postfix_find_domains(h, &f, err) < 0 ||
	    system_users_read(h, false, &users, err) < 0 ||
	    ask_everywhere(&a, &everywhere, err) < 0 || postfix_find_relays(h, &f, out, err) < 0)
		return -1;
	buf_add_text(&out->recipients, "# who Postfix takes mail for\n");
	delimiter = mta_setting_expanded(&f, "recipient_delimiter");
	if (*delimiter && strlen(delimiter) < 16)
		buf_addf(&out->recipients, "delimiter %s\n", delimiter);
	for (size_t i = 0; i < ROWS(classes); i++)
		if (add_class(&a, i, &everywhere, out, err) < 0)
			return -1;
	for (size_t i = 0; more && i < more->n; i++)
		if (account_domain_good(more->rows[i]) && !is_listed(&f, more->rows[i]))
			add_domain(out, more->rows[i], true);
	find_unlisted(&f, &out->unlisted);
	out->name = mta_setting_expanded(&f, "myhostname");
	find_wish_for_names(&f, out);
	find_tls(&f, out);
	find_size(&f, out);
	return 0;
}

/* ── XCLIENT ─────────────────────────────────────────────────────────────────────────────────── */

#define XCLIENT_HOSTS "smtpd_authorized_xclient_hosts"

static bool list_has(struct span list, const char *word)
{
	struct span element;

	while (postfix_list_next(&list, &element))
		if (span_is(element, word))
			return true;
	return false;
}

/* As the setting wants it: an IPv6 address in brackets. */
static char *as_pattern(const char *address)
{
	return strchr(address, ':') ? xasprintf("[%s]", address) : xstrdup(address);
}

static void without(struct span list, const struct strings *addresses, struct buf *out)
{
	struct span element;

	while (postfix_list_next(&list, &element)) {
		bool goes = false;

		for (size_t i = 0; i < addresses->n; i++) {
			AUTO_FREE char *pattern = as_pattern(addresses->rows[i]);

			goes |= span_is(element, pattern);
		}
		if (goes)
			continue;
		buf_add_text(out, out->n ? ", " : "");
		buf_add_span(out, element);
	}
}

int postfix_find_untrusted(struct host *h, const struct strings *addresses, struct strings *out,
                           struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	const char *now;

	if (postfix_settings(h, &f, err) < 0)
		return -1;
	now = mta_setting(&f, XCLIENT_HOSTS);
	for (size_t i = 0; i < addresses->n; i++) {
		AUTO_FREE char *pattern = as_pattern(addresses->rows[i]);

		if (!now || !list_has(span_of(now), pattern))
			strings_add(out, addresses->rows[i]);
	}
	return 0;
}

int postfix_trust(struct host *h, const struct strings *addresses, bool believe, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_BUF struct buf list = { 0 };
	const char *now;
	bool running;

	if (postfix_settings(h, &f, err) < 0)
		return -1;
	now = mta_setting(&f, XCLIENT_HOSTS);
	now = now ? now : "";
	if (believe)
		buf_add_text(&list, now);
	else
		without(span_of(now), addresses, &list);
	for (size_t i = 0; believe && i < addresses->n; i++) {
		AUTO_FREE char *pattern = as_pattern(addresses->rows[i]);

		if (!list_has(buf_span(&list), pattern))
			buf_addf(&list, "%s%s", list.n ? ", " : "", pattern);
	}
	if (!strcmp(buf_text(&list), now))
		return 0;

	AUTO_FREE char *setting = xasprintf("%s=%s", XCLIENT_HOSTS, buf_text(&list));
	const char *const words[] = { setting, NULL };
	if (host_do(h, "postfix-edit", words, SPAN(""), NULL, err) < 0 ||
	    postfix_is_running(h, &running, err) < 0)
		return -1;
	return running ? host_do(h, "postfix-reload", NULL, SPAN(""), NULL, err) : 0;
}
