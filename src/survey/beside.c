/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/beside.h"

#include "base/memory.h"
#include "imapd/mail_location.h"

#include <errno.h>
#include <string.h>

const struct survey_home_file survey_home_files[] = {
	{ ".forward", ITEM_MUST, true, "where this user's mail goes (local(8))" },
	{ ".procmailrc", ITEM_SHOULD, false, "sorts this user's mail (procmail)" },
	{ ".mailfilter", ITEM_SHOULD, false, "sorts this user's mail (maildrop)" },
	{ ".vacation.msg", ITEM_SHOULD, false, "answers this user's mail (vacation)" },
	{ ".vacation.db", ITEM_MAY, false, "whom vacation has answered already" },
	{ ".fetchmailrc", ITEM_SHOULD, false, "fetches mail from elsewhere" },
	{ ".spamassassin", ITEM_SHOULD, false, "what this user's filter has learned" },
};
const unsigned survey_home_files_rows = ROWS(survey_home_files);

static char *expand(struct span text, const struct mailbox_account *a)
{
	struct mail_user user = { a->user, a->home, a->uid, a->gid };
	AUTO_BUF struct buf out = { 0 };

	if (!text.n || mail_location_expand(text, &user, &out) < 0)
		return NULL;
	while (out.n > 1 && out.p[out.n - 1] == '/')
		out.p[--out.n] = 0;
	return buf_take(&out);
}

/* "file:~/sieve;active=~/.dovecot.sieve", or the old way: the active script, with sieve_dir. */
void survey_sieve_paths(const struct survey_site *s, const struct mailbox_account *a, char **folder,
                        char **active)
{
	const char *setting = imapd_setting(&s->imapd, "plugin/sieve");
	const char *dir = imapd_setting(&s->imapd, "plugin/sieve_dir");
	struct span rest = span_of(setting ? setting : "file:~/sieve;active=~/.dovecot.sieve"),
		    part;

	*folder = *active = NULL;
	if (!strings_has(&s->imapd.plugins, "sieve"))
		return;
	if (!span_starts(rest, "file:")) {
		*active = expand(rest, a);
		*folder = expand(span_of(dir ? dir : "~/sieve"), a);
		return;
	}
	rest = span_from(rest, strlen("file:"));
	(void)span_next_part(&rest, ';', &part);
	*folder = expand(part, a);
	while (span_next_part(&rest, ';', &part))
		if (span_starts(part, "active="))
			*active = expand(span_from(part, strlen("active=")), a);
	if (!*active)
		*active = expand(SPAN("~/.dovecot.sieve"), a);
}

/* Adds the path when it lies in the home. */
static void add_path(struct survey_site *s, const struct mailbox_account *a, const char *path,
                     struct strings *out)
{
	size_t n = strlen(a->home);

	if (!path)
		return;
	if (!strncmp(path, a->home, n) && path[n] == '/' && path[n + 1] &&
	    !strstr(path + n, "/../") && !strstr(path + n, "/./")) {
		if (!strings_has(out, path + n + 1))
			strings_add(out, path + n + 1);
		return;
	}
	AUTO_FREE char *words = xasprintf("%s: %s lies outside the home, and is not carried",
	                                  a->user, path);
	survey_look(s, words);
}

static bool is_among(const struct host_listing *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->rows[i].path, name))
			return true;
	return false;
}

int survey_find_beside(struct survey_site *s, const struct mailbox_account *a, struct strings *out,
                       struct error *err)
{
	AUTO_FREE char *folder = NULL, *active = NULL;
	AUTO_LISTING struct host_listing home = { 0 };
	struct error why = { 0 };

	survey_sieve_paths(s, a, &folder, &active);
	add_path(s, a, folder, out);
	add_path(s, a, active, out);
	if (host_list(s->h, a->home, 1, &home, &why) < 0 && why.retry == ERROR_RETRY_REACH) {
		*err = why;
		return -1;
	}
	for (unsigned i = 0; i < survey_home_files_rows; i++) {
		const struct survey_home_file *f = &survey_home_files[i];

		if ((f->always || is_among(&home, f->name)) && !strings_has(out, f->name))
			strings_add(out, f->name);
	}
	/* .forward+extension (local(8)) */
	for (size_t i = 0; i < home.n && out->n < 1000; i++)
		if (span_starts(span_of(home.rows[i].path), ".forward+"))
			strings_add(out, home.rows[i].path);
	strings_sort(out);
	return 0;
}
