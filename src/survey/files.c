/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"

#include <jansson.h>
#include <string.h>

/* What a file of each kind is here. */
static const struct file_kind {
	enum mta_file_kind kind;
	const char *item;
	enum item_class class;
	const char *reason;
	bool key; /* listed under keys and certificates */
} file_kinds[] = {
	{ MTA_FILE_SETTINGS, "other file", ITEM_STAYS, "its settings are carried one by one",
	  false },
	{ MTA_FILE_MAP, "table", ITEM_MUST, "Postfix looks things up in it", false },
	{ MTA_FILE_ALIASES, "alias file", ITEM_MUST, "local aliases", false },
	{ MTA_FILE_INCLUDE, "list", ITEM_MUST, "addresses that an alias includes", false },
	{ MTA_FILE_PROGRAM, "program", ITEM_MUST, "mail is piped into it", false },
	{ MTA_FILE_DESTINATION, "destination", ITEM_SHOULD, "mail is appended to it", false },
	{ MTA_FILE_CERTIFICATE, "certificate", ITEM_MUST, "shown to clients and servers", true },
	{ MTA_FILE_KEY, "key", ITEM_MUST, "key of the certificate", true },
	{ MTA_FILE_DKIM_KEY, "dkim key", ITEM_MUST, "outgoing mail is signed with it", true },
	{ MTA_FILE_DKIM_SETTINGS, "dkim setting", ITEM_SHOULD, "how outgoing mail is signed",
	  true },
	{ MTA_FILE_SASL, "credentials", ITEM_MUST, "logs in to other servers with it", false },
	{ MTA_FILE_OTHER, "other file", ITEM_MUST, "a setting names it", false },
};

static const struct file_kind *kind_of(enum mta_file_kind kind)
{
	size_t i = 0;

	while (file_kinds[i].kind != kind)
		i++;
	return &file_kinds[i];
}

static int add_file(struct survey_site *s, const struct mta_file *f, const struct file_kind *kind,
                    struct error *err)
{
	AUTO_BUF struct buf words = { 0 };
	struct host_entry entry;
	struct item *item;
	int found = survey_stat(s, f->path, &entry, err);

	if (found < 0)
		return -1;
	if (!found) {
		AUTO_FREE char *look = xasprintf("%s is named by %s and is not there", f->path,
		                                 f->source);

		/* the default names an alias file that need not be */
		if (kind->kind != MTA_FILE_ALIASES)
			survey_look(s, look);
		return 0;
	}
	item = survey_add_file(s, kind->item, f->path, &entry, kind->class, kind->reason);
	buf_add_printable(&words, span_of(f->words));
	survey_detail(item, json_pack("{s:s*, s:s, s:s}", "type", f->type, "named_by", f->source,
	                              "words", buf_text(&words)));
	return 0;
}

static int add_files(struct survey_site *s, bool keys, struct error *err)
{
	for (size_t i = 0; i < s->mta.files_n; i++) {
		const struct file_kind *kind = kind_of(s->mta.files[i].kind);

		if (kind->key == keys && add_file(s, &s->mta.files[i], kind, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_among(const struct items *items, const char *name)
{
	for (size_t i = 0; i < items->n; i++)
		if (!strcmp(items->rows[i].name, name))
			return true;
	return false;
}

/* Files that Dovecot's settings name: databases of users, keys. */
static int add_imapd_files(struct survey_site *s, bool keys, struct error *err)
{
	for (size_t i = 0; i < s->imapd.files.n; i++) {
		const char *path = s->imapd.files.rows[i];
		bool database = false;
		struct host_entry entry;
		int found;

		for (size_t j = 0; j < s->imapd.databases_n; j++)
			database = database || (s->imapd.databases[j].file &&
			                        !strcmp(s->imapd.databases[j].file, path));
		if (database == keys || is_among(&s->items, path))
			continue;
		found = survey_stat(s, path, &entry, err);
		if (found < 0)
			return -1;
		if (found)
			survey_add_file(s, keys ? "key" : "table", path, &entry, ITEM_MUST,
			                keys ? "named by Dovecot's settings"
			                     : "Dovecot's users and their passwords");
	}
	return 0;
}

int survey_tables(struct survey_site *s, struct error *err)
{
	return add_files(s, false, err) < 0 ? -1 : add_imapd_files(s, false, err);
}

int survey_keys(struct survey_site *s, struct error *err)
{
	return add_files(s, true, err) < 0 ? -1 : add_imapd_files(s, true, err);
}
