/* SPDX-License-Identifier: BSD-2-Clause */

/* check_web -- wrappers, whoever starts them, and the way to public archives. */

#include "doctor/inside.h"

#include "base/memory.h"
#include "lists/layouts.h"
#include "lists/resolve.h"
#include "lists/settings.h"

#include <string.h>
#include <sys/stat.h>

#define WRAPPER_MAX (4u << 20)
#define SETTINGS_MAX (1u << 20)
#define SHOWN_MAX 20u

/* ── set-gid ─────────────────────────────────────────────────────────────────────────────────── */

static void judge_wrapper(struct doctor *d, const struct doctor_check *c, size_t host,
                          const char *path, const struct host_entry *e)
{
	const struct doctor_host *h = &d->hosts[host];
	const struct system_group *g = system_group_named(&h->users, h->m->group);
	struct doctor_finding *f;

	if (!S_ISREG(e->mode) || !(e->mode & 0010) || !g ||
	    ((e->mode & S_ISGID) && e->gid == g->gid))
		return;
	f = finding_add(d, c, path);
	f->on[host] = true;
	finding_see(f, "%s: mode %04o, group %u; it has to be set-gid to %s (%u)", h->name,
	            e->mode & 07777, e->gid, h->m->group, g->gid);
}

/* cgi-bin/ stands beside WRAPPER_DIR, below EXEC_PREFIX, and on Debian elsewhere. */
static int look_below(struct doctor *d, const struct doctor_check *c, size_t host, const char *dir,
                      const char *only, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_FREE char *end = NULL;
	struct error why = { 0 };
	int is = lists_resolve(d->hosts[host].h, dir, &end, NULL, err);

	if (is <= 0)
		return is;
	if (host_list(d->hosts[host].h, end, 1, &l, &why) < 0)
		return is_unreached(&why, err) ? -1 : 0;
	for (size_t i = 0; i < l.n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", end, l.rows[i].path);

		if (!only || !strcmp(l.rows[i].path, only))
			judge_wrapper(d, c, host, path, &l.rows[i]);
	}
	return 0;
}

DOCTOR_CHECK(check_setgid)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct lists_paths *paths = &d->hosts[i].m->paths;
		AUTO_FREE char *cgi = lists_paths_join(paths, LISTS_EXEC_PREFIX, "cgi-bin");

		if ((paths->value[LISTS_WRAPPER_DIR] &&
		     look_below(d, c, i, paths->value[LISTS_WRAPPER_DIR], "mailman", err) < 0) ||
		    (cgi && look_below(d, c, i, cgi, NULL, err) < 0) ||
		    look_below(d, c, i, "/usr/lib/cgi-bin/mailman", NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* ── who starts them ─────────────────────────────────────────────────────────────────────────── */

static const char *const logs[] = { "/var/log/mail.log", "/var/log/maillog", "/var/log/messages",
	                            "/var/log/syslog" };

/* What the wrapper says when it sends somebody away: configure's common.c. */
static bool is_mismatch(struct span line)
{
	return span_find_text(line, "Group mismatch error") >= 0;
}

static int look_for_mismatch(struct doctor *d, const struct doctor_check *c, size_t host,
                             const char *log, struct error *err)
{
	AUTO_BUF struct buf last = { 0 };
	struct doctor_finding *f;
	size_t n;

	if (log_search(d, host, log, is_mismatch, &last, &n, err) < 0)
		return -1;
	if (!n)
		return 0;
	f = finding_add(d, c, log);
	f->on[host] = true;
	finding_see(f, "%s: %zu times in the end of %s, the last: %s", d->hosts[host].name, n, log,
	            buf_text(&last));
	return 0;
}

/* Where web servers are told their group, and the word in front of it. */
static const struct {
	const char *file, *word;
} web_settings[] = {
	{ "/etc/apache2/envvars", "export APACHE_RUN_GROUP=" },
	{ "/etc/httpd/conf/httpd.conf", "Group " },
	{ "/usr/local/etc/apache24/httpd.conf", "Group " },
	{ "/usr/local/apache/conf/httpd.conf", "Group " },
};

/* 1 with *group, which the caller owns; 0 there is no web server that is known; -1. */
static int read_web_group(struct host *h, char **group, struct error *err)
{
	for (size_t i = 0; i < ROWS(web_settings); i++) {
		AUTO_BUF struct buf text = { 0 };
		struct span rest, line;
		struct error why = { 0 };

		if (host_read(h, web_settings[i].file, SETTINGS_MAX, &text, &why) < 0) {
			if (is_unreached(&why, err))
				return -1;
			continue;
		}
		rest = buf_span(&text);
		while (span_next_line(&rest, &line))
			if (span_starts(span_trim(line), web_settings[i].word)) {
				line = span_from(span_trim(line), strlen(web_settings[i].word));
				*group = span_dup(span_trim(line));
				return 1;
			}
	}
	return 0;
}

static bool holds_word(struct span program, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 1; i + n < program.n; i++)
		if (program.p[i] == word[0] && !program.p[i - 1] &&
		    !memcmp(program.p + i, word, n + 1))
			return true;
	return false;
}

/* Groups for which wrappers are known to be built, NULL-terminated. */
static const char *const web_groups[] = { "www-data", "apache", "www",      "httpd", "nobody",
	                                  "nogroup",  "daemon", "www-user", "nginx", NULL };
static const char *const mail_groups[] = { "mail",     "postfix", "mailman", "list",
	                                   "nobody",   "nogroup", "daemon",  "mailnull",
	                                   "_smtpd",   "courier", "exim",    "Debian-exim",
	                                   "sendmail", NULL };

/* The group that a wrapper was built for stands in it as a word. NULL: the caller's does, or none that
 * is known. */
static const char *other_group(struct span program, const char *const *groups, const char *caller)
{
	if (holds_word(program, caller))
		return NULL;
	for (; *groups; groups++)
		if (holds_word(program, *groups))
			return *groups;
	return NULL;
}

static int look_at_caller(struct doctor *d, const struct doctor_check *c, size_t host,
                          const char *path, const char *const *groups, const char *caller,
                          const char *who, struct error *err)
{
	AUTO_BUF struct buf program = { 0 };
	struct doctor_finding *f;
	struct error why = { 0 };
	const char *built;

	if (host_read(d->hosts[host].h, path, WRAPPER_MAX, &program, &why) < 0)
		return is_unreached(&why, err) ? -1 : 0;
	built = other_group(buf_span(&program), groups, caller);
	if (!built)
		return 0;
	f = finding_add(d, c, path);
	f->on[host] = true;
	finding_see(f, "%s: the wrapper was built for group %s, and %s as group %s",
	            d->hosts[host].name, built, who, caller);
	return 0;
}

static int look_at_web_server(struct doctor *d, const struct doctor_check *c, size_t host,
                              struct error *err)
{
	const struct doctor_host *h = &d->hosts[host];
	AUTO_FREE char *path = lists_paths_join(&h->m->paths, LISTS_EXEC_PREFIX, "cgi-bin/admindb");
	AUTO_FREE char *caller = NULL;
	int is = path ? read_web_group(h->h, &caller, err) : 0;

	return is <= 0 ? is
	               : look_at_caller(d, c, host, path, web_groups, caller, "the web server runs",
	                                err);
}

/* local(8) runs what an alias names as the owner of its table; of root's, as nobody. */
static const struct system_group *group_of_postfix(const struct doctor_host *h, uint32_t owner)
{
	const struct system_user *user = owner ? system_user_numbered(&h->users, owner)
	                                       : system_user_named(&h->users, "nobody");

	return user ? system_group_numbered(&h->users, user->gid) : NULL;
}

static int look_at_mta(struct doctor *d, const struct doctor_check *c, size_t host,
                       struct error *err)
{
	static const enum lists_path places[] = { LISTS_DATA_DIR, LISTS_CONFIG_DIR };
	const struct doctor_host *h = &d->hosts[host];
	AUTO_FREE char *wrapper = lists_paths_join(&h->m->paths, LISTS_WRAPPER_DIR, "mailman");
	const char *mta = lists_setting_text(h->m->settings, "MTA");

	if (!wrapper || !mta || strcmp(mta, "Postfix") != 0)
		return 0;
	for (size_t i = 0; i < ROWS(places); i++) {
		AUTO_FREE char *table = lists_paths_join(&h->m->paths, places[i], "aliases.db");
		const struct system_group *g;
		struct host_entry entry;
		int is = table ? lists_resolve(h->h, table, NULL, &entry, err) : 0;

		if (is < 0)
			return -1;
		g = is ? group_of_postfix(h, entry.uid) : NULL;
		if (g)
			return look_at_caller(d, c, host, wrapper, mail_groups, g->name,
			                      "Postfix runs it, by the owner of aliases.db,", err);
	}
	return 0;
}

DOCTOR_CHECK(check_callers)
{
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; k < ROWS(logs); k++)
			if (look_for_mismatch(d, c, i, logs[k], err) < 0)
				return -1;
		/* Debian's accept every group below 100 */
		if (strcmp(d->hosts[i].m->layout->name, "debian") != 0 &&
		    (look_at_web_server(d, c, i, err) < 0 || look_at_mta(d, c, i, err) < 0))
			return -1;
	}
	return 0;
}

/* ── public archives ─────────────────────────────────────────────────────────────────────────── */

static bool is_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

/* NULL: it is right. */
static const char *judge_link(const struct host_entry *e, const char *end, const char *private)
{
	if (S_ISDIR(e->mode))
		return "is a directory, and no link: what it shows stays as it was when it was "
		       "copied, "
		       "and the list can't be made private";
	if (!S_ISLNK(e->mode))
		return NULL;
	if (!end)
		return "leads nowhere on this host";
	return private && !is_inside(end, private) ? "leads out of the private archives" : NULL;
}

static int look_at_links(struct doctor *d, const struct doctor_check *c, size_t host,
                         struct doctor_finding **f, struct error *err)
{
	struct doctor_host *h = &d->hosts[host];
	const char *dir = h->places[LISTS_PUBLIC_ARCHIVE_FILE_DIR].end;
	const char *private = h->places[LISTS_PRIVATE_ARCHIVE_FILE_DIR].end;
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };
	size_t n = 0;

	if (!dir)
		return 0;
	if (host_list(h->h, dir, 1, &l, &why) < 0)
		return is_unreached(&why, err) ? -1 : 0;
	for (size_t i = 0; i < l.n; i++) {
		const struct host_entry *e = &l.rows[i];
		AUTO_FREE char *path = xasprintf("%s/%s", dir, e->path), *end = NULL;
		const char *wrong;

		if (!*e->path)
			continue;
		if (S_ISLNK(e->mode) &&
		    lists_resolve_near(h->h, &h->known, path, &end, NULL, err) < 0)
			return -1;
		wrong = judge_link(e, end, private);
		if (!wrong || n++ >= SHOWN_MAX)
			continue;
		if (!*f)
			*f = finding_add(d, c, dir);
		(*f)->on[host] = true;
		finding_see(*f, "%s: %s%s%s %s", h->name, e->path, e->target ? " -> " : "",
		            e->target ? e->target : "", wrong);
	}
	if (n > SHOWN_MAX)
		finding_see(*f, "%s: and %zu more", h->name, n - SHOWN_MAX);
	return 0;
}

DOCTOR_CHECK(check_links)
{
	struct doctor_finding *f = NULL;

	for (size_t i = 0; i < d->n; i++)
		if (look_at_links(d, c, i, &f, err) < 0)
			return -1;
	return 0;
}
