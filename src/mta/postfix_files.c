/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "accounts/aliases.h"
#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 6

/* Which kind of file a parameter's "/path" is: by the end of its name, the first row that fits. */
static const struct {
	const char *ending;
	enum mta_file_kind kind;
	bool skip; /* places of the installation, and things that are no files to carry */
} endings[] = {
	{ "_directory", 0, true },
	{ "_directories", 0, true },
	{ "_path", 0, true },
	{ "_socket", 0, true },
	{ "_service", 0, true },
	{ "mail_spool_directory", 0, true },
	{ "maillog_file", 0, true },
	{ "maillog_file_prefixes", 0, true },
	{ "debugger_command", 0, true },
	{ "tls_random_source", 0, true },
	{ "random_exchange_name", 0, true },
	{ "session_cache_database", 0, true },
	{ "cert_file", MTA_FILE_CERTIFICATE, false },
	{ "CAfile", MTA_FILE_CERTIFICATE, false },
	{ "CApath", MTA_FILE_CERTIFICATE, false },
	{ "key_file", MTA_FILE_KEY, false },
	{ "chain_files", MTA_FILE_KEY, false },
	{ "mailbox_command", MTA_FILE_PROGRAM, false },
	{ "", MTA_FILE_OTHER, false },
};

/* Which kind of table a parameter names. */
static const struct {
	const char *ending;
	enum mta_file_kind kind;
	bool skip; /* made and filled by Postfix itself */
} tables[] = {
	{ "session_cache_database", 0, true },
	{ "address_verify_map", 0, true },
	{ "postscreen_cache_map", 0, true },
	{ "alias_maps", MTA_FILE_ALIASES, false },
	{ "alias_database", MTA_FILE_ALIASES, false },
	{ "sasl_password_maps", MTA_FILE_SASL, false },
	{ "", MTA_FILE_MAP, false },
};

static size_t row_of_ending(const char *name)
{
	size_t i = 0;

	while (!span_ends(span_of(name), endings[i].ending))
		i++;
	return i;
}

static size_t row_of_table(const char *name)
{
	size_t i = 0;

	/* virtual_alias_maps is a map like others, alias_maps is read by local(8) in its own form */
	while (!span_ends(span_of(name), tables[i].ending) ||
	       (tables[i].kind == MTA_FILE_ALIASES && strcmp(name, tables[i].ending) != 0))
		i++;
	return i;
}

static void look_at_list(struct mta_facts *f, const char *name, const char *source,
                         struct span value, int depth);

static bool is_wrapped(struct span type)
{
	return span_is(type, "unionmap") || span_is(type, "pipemap") || span_is(type, "randmap");
}

static void add_table(struct mta_facts *f, const char *name, const char *source, struct span type,
                      struct span path, struct span element, int depth)
{
	size_t row = row_of_table(name);
	AUTO_FREE char *path_text = span_dup(path), *type_text = span_dup(type);
	AUTO_FREE char *words = span_dup(element);

	if (tables[row].skip)
		return;
	if (is_wrapped(type)) {
		look_at_list(f, name, source, path, depth + 1);
		return;
	}
	if (*path_text == '/')
		postfix_add_file(f, &(struct postfix_file){ .kind = tables[row].kind,
		                                            .path = path_text,
		                                            .type = type_text,
		                                            .source = source,
		                                            .words = words });
}

static void add_path(struct mta_facts *f, const char *name, const char *source, struct span path)
{
	size_t row = row_of_ending(name);
	AUTO_FREE char *text = span_dup(path);

	if (endings[row].skip || !strcmp(text, "/") || !strcmp(text, "/dev/null"))
		return;
	postfix_add_file(f, &(struct postfix_file){
				    .kind = endings[row].kind, .path = text, .source = source });
}

/* Every element of a value: a table, a path, or a list in braces. */
static void look_at_list(struct mta_facts *f, const char *name, const char *source,
                         struct span value, int depth)
{
	struct span element, type, path;

	if (depth > DEPTH_MAX)
		return;
	if (value.n >= 2 && value.p[0] == '{' && value.p[value.n - 1] == '}')
		value = (struct span){ value.p + 1, value.n - 2 };
	while (postfix_list_next(&value, &element)) {
		if (element.n > 2 && element.p[0] == '{')
			look_at_list(f, name, source, element, depth + 1);
		else if (postfix_table_of(element, &type, &path))
			add_table(f, name, source, type, path, element, depth);
		else if (element.p[0] == '/')
			add_path(f, name, source, element);
	}
}

/* ── filters ─────────────────────────────────────────────────────────────────────────────────── */

static const char *const filters[] = { "content_filter", "smtpd_milters", "non_smtpd_milters",
	                               "smtpd_proxy_filter" };

static void look_at_filters(struct mta_facts *f, const char *name, const char *source,
                            struct span value)
{
	struct span rest = value, element;
	bool policy = false;

	value = span_trim(value);
	for (size_t i = 0; i < ROWS(filters); i++)
		if (!strcmp(name, filters[i]) && value.n && f->filters.n < 1000)
			strings_addf(&f->filters, "%s %.*s", source, (int)value.n, value.p);
	while (postfix_list_next(&rest, &element)) {
		if (policy && f->filters.n < 1000)
			strings_addf(&f->filters, "%s check_policy_service %.*s", source,
			             (int)element.n, element.p);
		policy = span_is(element, "check_policy_service");
	}
}

/* ── where values come from ──────────────────────────────────────────────────────────────────── */

static void look_at_value(struct mta_facts *f, const char *name, const char *source,
                          struct span raw)
{
	AUTO_BUF struct buf value = { 0 };

	postfix_expand(f, raw, &value);
	look_at_filters(f, name, source, buf_span(&value));
	/* the first word is a program, the rest are its arguments */
	if (!strcmp(name, "mailbox_command")) {
		struct span program = alias_program(buf_span(&value));

		if (program.n)
			add_path(f, name, source, program);
		return;
	}
	look_at_list(f, name, source, buf_span(&value), 0);
}

/* "-o name=value" and "-o { name = value }" behind a service's program. */
static void look_at_service(struct mta_facts *f, const struct mta_service *service)
{
	AUTO_FREE char *source = NULL;
	struct span rest = span_of(service->command), element;
	bool option = false;

	source = xasprintf("master.cf: %s/%s", service->name, service->type);
	while (postfix_list_next(&rest, &element)) {
		ssize_t equals;

		if (option && element.n > 2 && element.p[0] == '{')
			element = span_trim((struct span){ element.p + 1, element.n - 2 });
		equals = span_find(element, '=');
		if (option && equals > 0) {
			AUTO_FREE char *name = span_dup(
				span_trim((struct span){ element.p, (size_t)equals }));
			/* commas inside a value end an element of the list: the whole word counts */
			struct span value = span_from(element, (size_t)equals + 1);

			while (rest.n && rest.p[0] == ',') {
				struct span more;

				if (!postfix_list_next(&rest, &more))
					break;
				value.n = (size_t)(more.p + more.n - value.p);
			}
			look_at_value(f, name, source, value);
		}
		option = span_is(element, "-o");
	}
}

void postfix_find_files(struct mta_facts *f)
{
	static const char *const defaults[] = { "alias_maps", "alias_database" };

	for (size_t i = 0; i < f->settings_n; i++) {
		const struct mta_setting *s = &f->settings[i];
		bool counts = s->given;

		for (size_t j = 0; j < ROWS(defaults); j++)
			counts = counts || !strcmp(s->name, defaults[j]);
		if (counts)
			look_at_value(f, s->name, s->name, span_of(s->value));
	}
	for (size_t i = 0; i < f->services_n; i++)
		look_at_service(f, &f->services[i]);
	postfix_add_file(f, &(struct postfix_file){ .kind = MTA_FILE_SETTINGS,
	                                            .path = "/etc/postfix/main.cf",
	                                            .source = "Postfix" });
	postfix_add_file(f, &(struct postfix_file){ .kind = MTA_FILE_SETTINGS,
	                                            .path = "/etc/postfix/master.cf",
	                                            .source = "Postfix" });
}

/* ── the log ─────────────────────────────────────────────────────────────────────────────────── */

int postfix_find_logs(struct host *h, struct mta_facts *f, struct error *err)
{
	static const char *const usual[] = { "/var/log/mail.log", "/var/log/maillog",
		                             "/var/log/mail", "/var/log/syslog",
		                             "/var/log/messages" };
	AUTO_FREE char *own = mta_setting_expanded(f, "maillog_file");
	AUTO_STRINGS struct strings candidates = { 0 };

	if (*own == '/')
		strings_add(&candidates, own);
	for (size_t i = 0; i < ROWS(usual) && *own != '/'; i++)
		strings_add(&candidates, usual[i]);
	for (size_t i = 0; i < candidates.n; i++) {
		AUTO_LISTING struct host_listing l = { 0 };
		AUTO_FREE char *rotated = xasprintf("%s.1", candidates.rows[i]);
		struct error why = { 0 };

		if (host_list(h, candidates.rows[i], 0, &l, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			continue;
		}
		if (!S_ISREG(l.rows[0].mode))
			continue;
		strings_add(&f->logs, candidates.rows[i]);
		if (host_has(h, rotated))
			strings_add(&f->logs, rotated);
		break;
	}
	return 0;
}
