/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (1u << 20)

/* Files and folders of cron(8), and whose they are. */
static const struct {
	const char *path;
	bool users; /* one file a user, by a person; else by packages and the administrator */
} places[] = {
	{ "/etc/crontab", false },      { "/etc/anacrontab", false },
	{ "/etc/cron.d", false },       { "/etc/cron.hourly", false },
	{ "/etc/cron.daily", false },   { "/etc/cron.weekly", false },
	{ "/etc/cron.monthly", false }, { "/var/spool/cron/crontabs", true },
	{ "/var/spool/cron", true },
};

/* A word in a job that says it has to do with mail. */
static const char *const words[] = { "sendmail",    "postfix",  "dovecot",  "doveadm",
	                             "fetchmail",   "getmail",  "mailx",    "imapsync",
	                             "offlineimap", "procmail", "swaks",    "mutt",
	                             "mailman",     "formail",  "msmtp",    "maildir",
	                             "/var/mail",   "mbsync",   "exim",     "spamassassin",
	                             "sa-learn",    "rspam",    "opendkim", "postsuper",
	                             "postqueue",   "| mail",   "|mail",    "/mail " };

/* The first of the words in lines that are no comments; NULL when there is none. */
static const char *mail_word(struct span text)
{
	struct span line;

	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		for (size_t i = 0; i < ROWS(words); i++)
			if (span_find_text(line, words[i]) >= 0)
				return words[i];
	}
	return NULL;
}

static bool has_jobs(struct span text)
{
	struct span line;

	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (line.n && line.p[0] != '#')
			return true;
	}
	return false;
}

static int add_file(struct survey_site *s, const char *path, const struct host_entry *entry,
                    bool users, struct error *err)
{
	AUTO_FREE char *reason = NULL;
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	const char *word;
	struct item *item;

	if (host_read(s->h, path, FILE_MAX, &text, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		survey_look(s, why.text);
		return 0;
	}
	if (!has_jobs(buf_span(&text)))
		return 0;
	word = mail_word(buf_span(&text));
	reason = word ? xasprintf(
				"names \"%s\": may send or fetch mail, and has to be quiet in the "
				"cut-over",
				word)
	              : xstrdup(users ? "a user's jobs"
	                              : "comes with a package, or is the machine's "
	                                "own");
	item = survey_add_file(s, "cron", path, entry,
	                       word    ? ITEM_SHOULD
	                       : users ? ITEM_MAY
	                               : ITEM_STAYS,
	                       reason);
	survey_detail(item, json_pack("{s:b, s:b}", "mail", word != NULL, "user", users));
	return 0;
}

int survey_cron(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < ROWS(places); i++) {
		AUTO_LISTING struct host_listing l = { 0 };
		struct error why = { 0 };

		if (host_list(s->h, places[i].path, 1, &l, &why) < 0) {
			if (why.retry == ERROR_RETRY_REACH)
				return *err = why, -1;
			continue;
		}
		for (size_t j = 0; j < l.n; j++) {
			const struct host_entry *e = &l.rows[j];
			AUTO_FREE char *path = *e->path
			                               ? xasprintf("%s/%s", places[i].path, e->path)
			                               : xstrdup(places[i].path);

			/* run-parts(8) and cron(8) pass over names with a dot in front */
			if (S_ISREG(e->mode) && *e->path != '.' &&
			    add_file(s, path, e, places[i].users, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* ── fetchers ────────────────────────────────────────────────────────────────────────────────── */

static const char *const fetcher_files[] = { "/etc/fetchmailrc", "/etc/getmailrc",
	                                     "/etc/getmail/getmailrc", "/etc/mpop.conf" };
static const char *const fetcher_programs[] = { "fetchmail", "getmail", "getmails", "offlineimap",
	                                        "mbsync",    "mpop",    "imapsync" };

static int add_running(struct survey_site *s, struct error *err)
{
	AUTO_PROCESSES struct host_processes all = { 0 };
	struct error why = { 0 };

	if (host_reach(s->h) == HOST_FOLDER)
		return 0;
	if (host_processes(s->h, &all, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		survey_look(s, why.text);
		return 0;
	}
	for (size_t i = 0; i < all.n; i++)
		for (size_t j = 0; j < ROWS(fetcher_programs); j++) {
			AUTO_BUF struct buf name = { 0 };

			if (strcmp(all.rows[i].name, fetcher_programs[j]) != 0)
				continue;
			buf_addf(&name, "%s, pid %lu", fetcher_programs[j], all.rows[i].pid);
			survey_add(
				s, "fetcher", buf_text(&name), ITEM_SHOULD,
				"runs now, and brings mail in by itself: stop it in the cut-over");
		}
	return 0;
}

int survey_fetchers(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < ROWS(fetcher_files); i++) {
		struct host_entry entry;
		int found = survey_stat(s, fetcher_files[i], &entry, err);

		if (found < 0)
			return -1;
		if (found)
			survey_add_file(s, "fetcher", fetcher_files[i], &entry, ITEM_SHOULD,
			                "fetches mail from elsewhere; holds passwords");
	}
	return add_running(s, err);
}
