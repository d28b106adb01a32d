/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"
#include "mta/postfix_parameters.h"
#include "mta/postfix_settings.h"

#include <jansson.h>
#include <string.h>

#define PACKAGES "/var/lib/dpkg/status"
#define PACKAGES_MAX (64u << 20)

/* Packages whose presence says something about where mail goes. To know one more, add a row. */
static const struct {
	const char *package, *does;
} packages[] = {
	{ "postfix", "MTA" },
	{ "dovecot-core", "mailbox server" },
	{ "dovecot-sieve", "Sieve" },
	{ "dovecot-managesieved", "Sieve by network" },
	{ "opendkim", "signs mail" },
	{ "opendmarc", "judges mail" },
	{ "rspamd", "filters mail" },
	{ "spamassassin", "filters mail" },
	{ "spamd", "filters mail" },
	{ "amavisd-new", "filters mail" },
	{ "clamav-daemon", "filters mail" },
	{ "clamav-milter", "filters mail" },
	{ "postgrey", "greylisting" },
	{ "postfix-policyd-spf-python", "judges senders" },
	{ "policyd-weight", "judges senders" },
	{ "mailman", "mailing lists (2.1)" },
	{ "mailman3", "mailing lists" },
	{ "sympa", "mailing lists" },
	{ "mlmmj", "mailing lists" },
	{ "procmail", "sorts mail" },
	{ "maildrop", "sorts mail" },
	{ "fetchmail", "fetches mail" },
	{ "getmail6", "fetches mail" },
	{ "roundcube-core", "web mail" },
	{ "squirrelmail", "web mail" },
	{ "postfixadmin", "users by web" },
	{ "exim4-daemon-light", "MTA" },
	{ "exim4-daemon-heavy", "MTA" },
	{ "sendmail-bin", "MTA" },
};

static struct span field_of(struct span paragraph, const char *name)
{
	struct span line;

	while (span_next_line(&paragraph, &line))
		if (span_starts(line, name))
			return span_trim(span_from(line, strlen(name)));
	return (struct span){ "", 0 };
}

static void add_software(struct survey_site *s, const char *name, const char *does,
                         struct span version)
{
	AUTO_BUF struct buf words = { 0 };

	buf_add_text(&words, name);
	if (version.n) {
		buf_add_char(&words, ' ');
		buf_add_printable(&words, version);
	}
	struct item *item = survey_add(s, "software", buf_text(&words), ITEM_STAYS, does);
	survey_detail(item,
	              json_pack("{s:s, s:s%}", "name", name, "version", version.p, version.n));
}

static void add_package(struct survey_site *s, struct span paragraph)
{
	struct span name = field_of(paragraph, "Package:");
	struct span status = field_of(paragraph, "Status:");

	if (!span_ends(status, " installed"))
		return;
	for (size_t i = 0; i < ROWS(packages); i++)
		if (span_is(name, packages[i].package))
			add_software(s, packages[i].package, packages[i].does,
			             field_of(paragraph, "Version:"));
}

/* Paragraphs are separated by empty lines (deb-control(5)). */
static void read_packages(struct survey_site *s, struct span text)
{
	while (text.n) {
		ssize_t end = span_find_text(text, "\n\n");
		struct span paragraph = { text.p, end < 0 ? text.n : (size_t)end };

		add_package(s, paragraph);
		text = span_from(text, end < 0 ? text.n : (size_t)end + 2);
	}
}

/* The system's own name for itself (os-release(5)); a live host says its kernel too. */
static int add_system(struct survey_site *s, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	struct span name;

	if (host_read(s->h, "/etc/os-release", 65536, &text, &why) < 0 &&
	    why.retry == ERROR_RETRY_REACH)
		return *err = why, -1;
	name = field_of(buf_span(&text), "PRETTY_NAME=");
	if (name.n >= 2 && name.p[0] == '"')
		name = (struct span){ name.p + 1, name.n - 2 };
	if (name.n)
		add_software(s, "system", "what the host runs on", name);
	if (host_reach(s->h) != HOST_FOLDER)
		add_software(s, "kernel", "what the host runs on", host_hello(s->h)->system);
	return 0;
}

int survey_software(struct survey_site *s, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (s->mta_kind && *s->mta.version)
		add_software(s, s->mta_kind->summary, "MTA, as it says itself",
		             span_of(s->mta.version));
	if (s->has_imapd && *s->imapd.version)
		add_software(s, "Dovecot", "mailbox server, as it says itself",
		             span_of(s->imapd.version));
	if (add_system(s, err) < 0)
		return -1;
	if (host_read(s->h, PACKAGES, PACKAGES_MAX, &text, &why) == 0)
		read_packages(s, buf_span(&text));
	else if (why.retry == ERROR_RETRY_REACH)
		return *err = why, -1;
	return 0;
}

/* ── settings ────────────────────────────────────────────────────────────────────────────────── */

/* A value that may hold a password is not written down. */
static const char *shown(const char *name, const char *value)
{
	if (!strncmp(value, "# hidden", 8))
		return "(hidden)";
	if (strstr(name, "password") || strstr(name, "secret") || strstr(name, "_pw"))
		return *value == '/' || strstr(value, ":/") ? value : "(hidden)";
	return value;
}

static enum item_class class_of(enum postfix_how how)
{
	switch (how) {
	case POSTFIX_COPY:
	case POSTFIX_TRANSLATE:
		return ITEM_MUST;
	case POSTFIX_NEVER:
		return ITEM_STAYS;
	case POSTFIX_PERSON:
		return ITEM_LOOK;
	}
	return ITEM_LOOK;
}

static void add_setting(struct survey_site *s, const char *program, const char *name,
                        const char *value, enum item_class class, const char *reason,
                        const char *source)
{
	AUTO_FREE char *path = xasprintf("%s/%s", program, name);
	AUTO_BUF struct buf text = { 0 };
	struct item *item = survey_add(s, "setting", path, class, reason);

	buf_add_printable(&text, span_of(shown(name, value)));
	item_set(&item->source, source);
	item->size = strlen(value);
	survey_detail(item, json_pack("{s:s}", "value", buf_text(&text)));
}

int survey_settings(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < s->mta.settings_n; i++) {
		const struct mta_setting *setting = &s->mta.settings[i];
		const struct postfix_parameter *row = postfix_parameter(setting->name);

		if (setting->given)
			add_setting(s, "postfix", setting->name, setting->value, class_of(row->how),
			            row->why, "/etc/postfix/main.cf");
	}
	for (size_t i = 0; i < s->imapd.settings_n; i++) {
		const struct imapd_setting *setting = &s->imapd.settings[i];
		AUTO_FREE char *name = setting->block
		                               ? xasprintf("%s#%u", setting->path, setting->block)
		                               : xstrdup(setting->path);

		add_setting(s, "dovecot", name, setting->value, ITEM_MUST,
		            "differs from the program's default", "/etc/dovecot/dovecot.conf");
	}
	return 0;
}

/* ── services ────────────────────────────────────────────────────────────────────────────────── */

int survey_services(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < s->mta.services_n; i++) {
		const struct mta_service *v = &s->mta.services[i];
		AUTO_FREE char *name = xasprintf("%s/%s", v->name, v->type);
		bool inet = !strcmp(v->type, "inet");
		struct item *item;

		/* Postfix's own inner services are the same everywhere */
		if (!inet && !strstr(v->command, "pipe") && !strstr(v->command, "spawn") &&
		    !strstr(v->command, " -o "))
			continue;
		item = survey_add(s, "service", name, v->disabled ? ITEM_STAYS : ITEM_MUST,
		                  v->disabled ? "switched off by master_service_disable"
		                  : inet      ? "clients connect to it"
		                              : "differs from the packaged one");
		item_set(&item->source, "/etc/postfix/master.cf");
		survey_detail(item, json_pack("{s:s, s:i, s:b, s:b}", "command", v->command, "port",
		                              (int)v->port, "chroot", v->chroot, "disabled",
		                              v->disabled));
	}
	return 0;
}
