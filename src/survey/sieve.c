/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"
#include "survey/beside.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

static int add_path(struct survey_site *s, const char *kind, const char *path,
                    enum item_class class, const char *reason, const char *user, struct error *err)
{
	struct host_entry entry;
	int found = survey_stat(s, path, &entry, err);

	if (found <= 0)
		return found;
	struct item *item = survey_add_file(s, kind, path, &entry, class, reason);
	survey_detail(item, json_pack("{s:s}", "user", user));
	return 0;
}

/* Scripts in a folder; compiled ones are made again. */
static int add_folder(struct survey_site *s, const char *folder, const char *user,
                      struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (host_list(s->h, folder, 3, &l, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		return 0;
	}
	for (size_t i = 0; i < l.n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, l.rows[i].path);

		if (S_ISREG(l.rows[i].mode) && span_ends(span_of(path), ".sieve") &&
		    add_path(s, "sieve", path, ITEM_MUST, "a Sieve script", user, err) < 0)
			return -1;
	}
	return 0;
}

static int add_user(struct survey_site *s, const struct mailbox_account *a, struct error *err)
{
	AUTO_FREE char *folder = NULL, *active = NULL;

	survey_sieve_paths(s, a, &folder, &active);
	if ((folder && add_folder(s, folder, a->user, err) < 0) ||
	    (active &&
	     add_path(s, "sieve", active, ITEM_MUST, "the active Sieve script", a->user, err) < 0))
		return -1;
	for (unsigned i = 0; i < survey_home_files_rows; i++) {
		const struct survey_home_file *f = &survey_home_files[i];
		AUTO_FREE char *path = xasprintf("%s/%s", a->home, f->name);

		if (add_path(s, "home file", path, f->class, f->reason, a->user, err) < 0)
			return -1;
	}
	return 0;
}

/* Scripts for everybody: files or folders. */
static int add_global(struct survey_site *s, struct error *err)
{
	static const char *const settings[] = { "sieve_before", "sieve_after", "sieve_default",
		                                "sieve_global", "sieve_global_dir" };

	for (size_t i = 0; i < s->imapd.settings_n; i++) {
		const char *name = s->imapd.settings[i].path, *path = s->imapd.settings[i].value;

		if (strncmp(name, "plugin/", 7) != 0)
			continue;
		for (size_t j = 0; j < ROWS(settings); j++) {
			/* sieve_before2 and so on */
			if (strncmp(name + 7, settings[j], strlen(settings[j])) != 0)
				continue;
			if (!strncmp(path, "file:", 5))
				path += 5;
			if (*path == '/' && (add_folder(s, path, "", err) < 0 ||
			                     (span_ends(span_of(path), ".sieve") &&
			                      add_path(s, "sieve", path, ITEM_MUST,
			                               "runs for every user", "", err) < 0)))
				return -1;
			break;
		}
	}
	return 0;
}

int survey_sieve(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < s->accounts.n; i++)
		if (add_user(s, &s->accounts.rows[i].mailbox, err) < 0)
			return -1;
	return add_global(s, err);
}
