/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "base/memory.h"
#include "mta/postfix_parameters.h"
#include "mta/postfix_settings.h"
#include "prepare/translate.h"

#include <string.h>

#define BATCH 10u /* settings in one call of postconf: values may be long */

static const struct mta_setting *find(const struct mta_facts *f, const char *name)
{
	for (size_t i = 0; i < f->settings_n; i++)
		if (!strcmp(f->settings[i].name, name))
			return &f->settings[i];
	return NULL;
}

/* Fit for an argument: one line, and not longer than the kernel takes. */
static bool value_is_good(const char *value)
{
	if (strlen(value) > 100000)
		return false;
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 && *value != '\t')
			return false;
	return true;
}

static bool name_is_good(const char *name)
{
	size_t n = strlen(name);

	return n && n < 200 && *name != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123"
	                    "456789_-") == n;
}

/* ── names that no row has ───────────────────────────────────────────────────────────────────── */

/* Is "$name" or "${name" in some value? Then it is a person's own word, and the value needs it. */
static bool is_referred_to(const struct mta_facts *f, const char *name)
{
	AUTO_FREE char *forms[] = { xasprintf("$%s", name), xasprintf("${%s", name),
		                    xasprintf("$(%s", name) };
	bool found = false;

	for (size_t i = 0; i < f->settings_n && !found; i++)
		for (size_t j = 0; j < ROWS(forms) && !found; j++)
			found = f->settings[i].given && strstr(f->settings[i].value, forms[j]);
	for (size_t i = 0; i < f->services_n && !found; i++)
		for (size_t j = 0; j < ROWS(forms) && !found; j++)
			found = strstr(f->services[i].command, forms[j]) != NULL;
	free(forms[1]);
	free(forms[2]);
	return found;
}

static bool is_restriction_class(const struct mta_facts *f, const char *name)
{
	AUTO_FREE char *classes = mta_setting_expanded(f, "smtpd_restriction_classes");
	struct span rest = span_of(classes), element;

	while (postfix_list_next(&rest, &element))
		if (span_is(element, name))
			return true;
	return false;
}

/* "dovecot_destination_recipient_limit": a parameter of a transport in master.cf. */
static bool is_of_transport(const struct mta_facts *f, const char *name)
{
	for (size_t i = 0; i < f->services_n; i++) {
		size_t n = strlen(f->services[i].name);

		if (!strncmp(name, f->services[i].name, n) && name[n] == '_')
			return true;
	}
	return false;
}

static enum postfix_how how_of(const char *name)
{
	const struct postfix_parameter *row = postfix_parameter(name);

	/* what has no row changes nothing that a row protects */
	return strcmp(row->name, "*") == 0 ? POSTFIX_COPY : row->how;
}

static bool is_unknown(const struct mta_facts *f, const char *name)
{
	return strcmp(postfix_parameter(name)->name, "*") == 0 && !is_referred_to(f, name) &&
	       !is_restriction_class(f, name) && !is_of_transport(f, name);
}

/* ── values ──────────────────────────────────────────────────────────────────────────────────── */

/* 3.6 as 3006, "2" as 2000: levels and versions in their order. */
static unsigned long level_of(const char *text)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10);

	return major * 1000 + (*end == '.' ? strtoul(end + 1, NULL, 10) : 0);
}

static char *translate_level(struct prepare *p, const char *value)
{
	const char *version = mta_setting(&p->to.mta, "mail_version");

	if (version && level_of(value) > level_of(version)) {
		prepare_leave(p,
		              "compatibility_level %s is more than Postfix %s knows: left as it is "
		              "on the new host",
		              value, version);
		return NULL;
	}
	return xstrdup(value);
}

static char *translate_interfaces(struct prepare *p, const char *value)
{
	struct span rest = span_of(value), element;
	bool special = true;

	while (postfix_list_next(&rest, &element))
		special = special &&
		          (span_is(element, "all") || span_is(element, "loopback-only") ||
		           span_is(element, "localhost") || span_is(element, "127.0.0.1") ||
		           span_is(element, "[::1]"));
	if (special)
		return xstrdup(value);
	prepare_leave(p, "inet_interfaces was %s on the old host; the new one listens on all",
	              value);
	return xstrdup("all");
}

/* "static:5000": the number on new. A table of numbers is for a person when some number changed. */
static char *translate_numbers(struct prepare *p, const char *name, const char *value)
{
	struct span text = span_of(value);
	uint64_t number;

	if (span_starts(text, "static:") && span_parse_u64(span_from(text, 7), &number))
		return xasprintf("static:%u",
		                 prepare_number(p, (uint32_t)number, strstr(name, "gid") != NULL));
	for (size_t i = 0; i < p->numbers_n; i++)
		if (p->numbers[i].from != p->numbers[i].to)
			prepare_leave(p, "%s is %s: numbers in it may have changed", name, value);
	return prepare_translate_tables(p, value);
}

/* The value on new, owned by the caller; NULL: left alone. */
static char *value_for(struct prepare *p, const char *name, const char *value)
{
	enum postfix_how how = how_of(name);

	if (how == POSTFIX_NEVER)
		return NULL;
	if (how == POSTFIX_PERSON) {
		prepare_leave(p, "parameter %s = %s: %s", name, value,
		              postfix_parameter(name)->why);
		return NULL;
	}
	if (is_unknown(&p->from.mta, name))
		prepare_leave(p, "parameter %s = %s: not known here, carried as it is", name,
		              value);
	if (!strcmp(name, "compatibility_level"))
		return translate_level(p, value);
	if (!strcmp(name, "mynetworks") || span_ends(span_of(name), "_authorized_xclient_hosts") ||
	    span_ends(span_of(name), "_authorized_xforward_hosts"))
		return prepare_translate_networks(p, name, value);
	if (!strcmp(name, "inet_interfaces"))
		return translate_interfaces(p, value);
	if (!strcmp(name, "virtual_uid_maps") || !strcmp(name, "virtual_gid_maps"))
		return translate_numbers(p, name, value);
	return prepare_translate_tables(p, value);
}

static void add_setting(struct prepare *p, struct strings *out, const char *name, const char *value)
{
	const struct mta_setting *now = find(&p->to.mta, name);
	AUTO_FREE char *made = NULL;

	if (!name_is_good(name) || !value_is_good(value)) {
		prepare_failed(p, "parameter %s: its name or value can't be given to postconf",
		               name);
		return;
	}
	made = value_for(p, name, value);
	if (!made)
		return;
	/* given, not just the same: a default may follow from the new machine's own name */
	if (now && now->given && !strcmp(now->value, made)) {
		prepare_same(p, "%s", name);
		return;
	}
	prepare_changed(p, "%s = %s", name, made);
	strings_addf(out, "%s=%s", name, made);
}

/* Given on new by its package, and not on old: the value in force on old counts, or mail would go
 * other ways. TLS that the new package switches on stays on. */
static bool follows_old(const char *name)
{
	enum postfix_how how = postfix_parameter(name)->how;

	return (how == POSTFIX_COPY || how == POSTFIX_TRANSLATE) &&
	       strncmp(name, "smtpd_tls_", 10) != 0 && strncmp(name, "smtp_tls_", 9) != 0 &&
	       strncmp(name, "tls_", 4) != 0;
}

static void find_settings(struct prepare *p, struct strings *out)
{
	const struct mta_facts *old = &p->from.mta, *new = &p->to.mta;
	const struct mta_setting *name = find(old, "myhostname");

	for (size_t i = 0; i < old->settings_n; i++)
		if (old->settings[i].given)
			add_setting(p, out, old->settings[i].name, old->settings[i].value);
	/* the names are the old server's, also where the old machine's own name made them */
	if (name && !name->given)
		add_setting(p, out, name->name, name->value);
	for (size_t i = 0; i < new->settings_n; i++) {
		const struct mta_setting *there = find(old, new->settings[i].name);

		if (!new->settings[i].given || (there && there->given) ||
		    !strcmp(new->settings[i].name, "myhostname") ||
		    !follows_old(new->settings[i].name))
			continue;
		if (there)
			add_setting(p, out, there->name, there->value);
		else if (!strcmp(new->settings[i].name, "compatibility_level"))
			add_setting(p, out, "compatibility_level", "0"); /* older than 3.0 */
	}
}

static int set_batch(struct prepare *p, const struct strings *settings, size_t from, size_t n,
                     struct error *err)
{
	const char *arguments[BATCH + 1];

	for (size_t i = 0; i < n; i++)
		arguments[i] = settings->rows[from + i];
	arguments[n] = NULL;
	return host_do(p->new_host, "postfix-edit", arguments, SPAN(""), NULL, err);
}

int prepare_mta_settings(struct prepare *p, struct error *err)
{
	AUTO_STRINGS struct strings settings = { 0 };

	if (!p->from.mta_kind)
		return 0;
	find_settings(p, &settings);
	if (!settings.n || p->dry_run)
		return 0;
	if (prepare_keep_before(p, "/etc/postfix/main.cf", err) < 0)
		return -1;
	for (size_t at = 0; at < settings.n; at += BATCH) {
		size_t n = settings.n - at < BATCH ? settings.n - at : BATCH;

		if (set_batch(p, &settings, at, n, err) < 0)
			return -1;
	}
	return 0;
}
