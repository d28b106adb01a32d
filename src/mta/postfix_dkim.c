/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define SETTINGS "/etc/opendkim.conf"

/* Settings of opendkim.conf(5) that name files. */
static const struct {
	const char *name;
	enum mta_file_kind kind;
	bool is_key_table; /* its lines name keys */
} settings[] = {
	{ "KeyFile", MTA_FILE_DKIM_KEY, false },
	{ "KeyTable", MTA_FILE_DKIM_SETTINGS, true },
	{ "SigningTable", MTA_FILE_DKIM_SETTINGS, false },
	{ "InternalHosts", MTA_FILE_DKIM_SETTINGS, false },
	{ "ExternalIgnoreList", MTA_FILE_DKIM_SETTINGS, false },
	{ "PeerList", MTA_FILE_DKIM_SETTINGS, false },
	{ "Include", MTA_FILE_DKIM_SETTINGS, false },
};

/* Folders where signers keep keys, whoever names them. */
static const char *const folders[] = { "/etc/dkimkeys", "/etc/opendkim", "/var/lib/rspamd/dkim",
	                               "/etc/mail/dkim-keys", "/var/lib/dkim" };

static void add(struct mta_facts *f, enum mta_file_kind kind, struct span path, const char *source)
{
	AUTO_FREE char *text = span_dup(path);

	if (*text != '/')
		return;
	/* the folder's listing comes last: what is a setting stays one */
	for (size_t i = 0; i < f->files_n; i++)
		if (!strcmp(f->files[i].path, text))
			return;
	postfix_add_file(f, &(struct postfix_file){ .kind = kind, .path = text, .source = source });
}

/* "refile:/path", "file:/path", "csl:a,b": the path, or nothing. */
static struct span path_of(struct span value)
{
	ssize_t colon = span_find(value, ':');

	if (value.n && value.p[0] == '/')
		return value;
	if (colon > 0 && (size_t)colon + 1 < value.n && value.p[colon + 1] == '/')
		return span_from(value, (size_t)colon + 1);
	return (struct span){ "", 0 };
}

/* "name domain:selector:/path" */
static void read_key_table(struct host *h, struct mta_facts *f, struct span path)
{
	AUTO_FREE char *name = span_dup(path);
	AUTO_BUF struct buf text = { 0 };
	struct error ignored;
	struct span rest, line, word, part;

	if (host_read(h, name, POSTFIX_FILE_MAX, &text, &ignored) < 0)
		return;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line)) {
		if (!line.n || line.p[0] == '#' || !span_next_word(&line, &word) ||
		    !span_next_word(&line, &word))
			continue;
		for (int i = 0; i < 3 && span_next_part(&word, ':', &part); i++)
			if (i == 2)
				add(f, MTA_FILE_DKIM_KEY, part, name);
	}
}

static void read_settings(struct host *h, struct mta_facts *f, struct span text)
{
	struct span line, name, value;

	while (span_next_line(&text, &line)) {
		if (!line.n || line.p[0] == '#' || !span_next_word(&line, &name) ||
		    !span_next_word(&line, &value))
			continue;
		for (size_t i = 0; i < ROWS(settings); i++) {
			struct span path = path_of(value);

			if (!span_is_nocase(name, settings[i].name) || !path.n)
				continue;
			add(f, settings[i].kind, path, SETTINGS);
			if (settings[i].is_key_table)
				read_key_table(h, f, path);
		}
	}
}

static int list_folder(struct host *h, struct mta_facts *f, const char *folder, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(h, folder, 3, &l, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		return 0;
	}
	for (size_t i = 0; i < l.n && i < 10000; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, l.rows[i].path);
		struct span s = span_of(path);

		if (!S_ISREG(l.rows[i].mode))
			continue;
		add(f,
		    span_ends(s, ".private") || span_ends(s, ".key") || span_ends(s, ".pem")
		            ? MTA_FILE_DKIM_KEY
		            : MTA_FILE_DKIM_SETTINGS,
		    s, folder);
	}
	return 0;
}

int postfix_find_dkim(struct host *h, struct mta_facts *f, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (host_read(h, SETTINGS, POSTFIX_FILE_MAX, &text, &why) == 0) {
		add(f, MTA_FILE_DKIM_SETTINGS, SPAN(SETTINGS), "OpenDKIM");
		read_settings(h, f, buf_span(&text));
	} else if (why.retry == ERROR_RETRY_REACH) {
		*err = why;
		return -1;
	}
	for (size_t i = 0; i < ROWS(folders); i++)
		if (list_folder(h, f, folders[i], err) < 0)
			return -1;
	return 0;
}
