/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/rename.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/carry_inside.h"
#include "lists/carry_names.h"
#include "lists/local_part.h"
#include "lists/rename_run.h"
#include "pickle/read.h"
#include "state/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FACT "lists.rename "
#define CONFIG_MAX (256u << 20)

void lists_rename_result_fini(struct lists_rename_result *r)
{
	strings_fini(&r->diff);
	strings_fini(&r->moves);
	strings_fini(&r->failed);
	strings_fini(&r->notes);
	*r = (struct lists_rename_result){ 0 };
}

const char *rename_root(const struct rename_run *r, enum lists_path which)
{
	return r->o->site->paths.value[which];
}

bool rename_has_new_name(const struct rename_run *r)
{
	return strcmp(r->words.list, r->words.list_to) != 0;
}

bool rename_is_host_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p == '/' || (unsigned char)*p <= ' ')
			return false;
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int refuse(struct error *err, const char *format, const char *what)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0, format, what);
}

/* ── what is there ───────────────────────────────────────────────────────────────────────────── */

/* Mailman would write over what we write, or have a list in memory that is no more. */
static int check_stopped(const struct rename_run *r, struct error *err)
{
	AUTO_FREE char *own = xasprintf("%s.lock", r->words.list);
	int64_t now = (int64_t)host_hello(r->o->host)->now_ms * 1000000;
	const char *dir = rename_root(r, LISTS_LOCK_DIR);
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error ignored = { 0 };

	if (!dir || host_list(r->o->host, dir, 1, &listing, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < listing.n; i++) {
		const struct host_entry *e = &listing.rows[i];

		if (!S_ISREG(e->mode) || e->mtime_ns < now ||
		    (strcmp(e->path, "master-qrunner") != 0 && strcmp(e->path, own) != 0))
			continue;
		refuse(err, "Mailman is at work: its lock %s is held", e->path);
		return error_hint(err, "stop its runners and the web server; remove a lock only if "
		                       "no process holds it");
	}
	return 0;
}

static bool has_list(const struct rename_run *r, const char *name)
{
	static const char *const configs[] = { "config.pck", "config.pck.last" };

	for (size_t at = 0; at < ROWS(configs); at++) {
		AUTO_FREE char *path = xasprintf("%s/%s", name, configs[at]);

		for (size_t i = 0; i < r->lists.n; i++)
			if (!strcmp(r->lists.rows[i].path, path))
				return true;
	}
	return false;
}

/* What a rename that was begun has written down: the old hosts, which its last steps can't find in the
 * configuration any more. Empty: none was begun, or it was ended. */
static int read_begun(struct rename_run *r, struct error *err)
{
	AUTO_FREE char *fact = xasprintf(FACT "%s", r->words.list), *text = NULL;
	AUTO_FREE char *wanted = xasprintf("%s\n%s\n%s\n", r->words.list_to,
	                                   r->o->mail_host ? r->o->mail_host : "",
	                                   r->o->web_host ? r->o->web_host : "");
	struct span rest, mail, web;

	if (state_get(r->o->state, fact, &text, err) < 0)
		return -1;
	rest = span_of(text ? text : "");
	if (!span_starts(rest, wanted))
		return 0;
	rest = span_from(rest, strlen(wanted));
	r->begun = span_next_line(&rest, &mail) && span_next_line(&rest, &web);
	if (r->begun) {
		r->mail = span_dup(mail);
		r->web = span_dup(web);
	}
	return 0;
}

static int write_begun(struct rename_run *r, bool ends, struct error *err)
{
	AUTO_FREE char *fact = xasprintf(FACT "%s", r->words.list);
	AUTO_FREE char *text = xasprintf("%s\n%s\n%s\n%s\n%s\n", r->words.list_to,
	                                 r->o->mail_host ? r->o->mail_host : "",
	                                 r->o->web_host ? r->o->web_host : "", r->mail, r->web);

	return r->o->dry_run ? 0 : state_put(r->o->state, fact, ends ? "" : text, err);
}

/* A list of Mailman 2.0 has its configuration in marshal, until a 2.1 has loaded it once. */
static int refuse_missing(const struct rename_run *r, struct error *err)
{
	AUTO_FREE char *below = xasprintf("%s/config.db", r->words.list);
	AUTO_FREE char *path = lists_paths_join(&r->o->site->paths, LISTS_LIST_DATA_DIR, below);

	if (path && host_has(r->o->host, path))
		return refuse(err,
		              "%s is as Mailman 2.0 has saved it (config.db): have Mailman load it "
		              "once, by bin/config_list -o",
		              r->words.list);
	return refuse(err, "there is no list %s", r->words.list);
}

/* Under the old name; under the new one, if we were killed after the directory had got it. */
static int find_list(struct rename_run *r, struct error *err)
{
	AUTO_FREE char *archive = NULL;

	r->now = r->words.list;
	if (!has_list(r, r->words.list) && r->begun && rename_has_new_name(r) &&
	    has_list(r, r->words.list_to)) {
		r->now = r->words.list_to;
		return 0;
	}
	if (!has_list(r, r->words.list))
		return refuse_missing(r, err);
	if (!rename_has_new_name(r))
		return 0;
	if (!carry_list_name_is_good(span_of(r->words.list_to)))
		return refuse(err, "%s can't be the name of a list: a-z, 0-9 and -+_.= can",
		              r->words.list_to);
	archive = lists_paths_join(&r->o->site->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR,
	                           r->words.list_to);
	if (has_list(r, r->words.list_to) ||
	    (!r->begun && archive && host_has(r->o->host, archive)))
		return refuse(err, "there is a list or an archive %s already", r->words.list_to);
	return 0;
}

/* "http://www.example.org:8080/mailman/": the host, with its port. */
static char *host_of(struct span url)
{
	ssize_t at = span_find_text(url, "://");
	struct span rest = at < 0 ? (struct span){ "", 0 } : span_from(url, (size_t)at + 3);
	ssize_t slash = span_find(rest, '/');

	if (slash >= 0)
		rest.n = (size_t)slash;
	return span_dup(rest);
}

/* The same URL: "/mailman/". */
static char *path_of(struct span url)
{
	ssize_t at = span_find_text(url, "://");
	struct span rest = at < 0 ? (struct span){ "", 0 } : span_from(url, (size_t)at + 3);
	ssize_t slash = span_find(rest, '/');

	rest = slash < 0 ? SPAN("") : span_from(rest, (size_t)slash);
	return xasprintf("%.*s%s", (int)rest.n, rest.p, span_ends(rest, "/") ? "" : "/");
}

/* The name that pages show, and what it becomes; nothing, when it does not. */
static void take_shown(struct rename_run *r, struct value real_name)
{
	struct span text;

	if (!rename_has_new_name(r) || !value_get_chars(real_name, &text) || !text.n)
		return;
	r->shown = span_dup(text);
	r->shown_to = rename_shown_name(r->shown, r->words.list_to);
	r->words.shown = r->shown;
	r->words.shown_to = r->shown_to;
}

/* cPanel's form: the list is called after its host, and its addresses are not. */
static void take_local(struct rename_run *r)
{
	struct rename_words *w = &r->words;
	struct span old = lists_local_part(span_of(w->list), span_of(w->mail));
	struct span new = lists_local_part(span_of(w->list_to), span_of(w->mail_to));

	if (old.n == strlen(w->list) && new.n == strlen(w->list_to))
		return;
	w->local = r->local = span_dup(old);
	w->local_to = r->local_to = span_dup(new);
	if (new.n == strlen(w->list_to))
		strings_addf(&r->out->notes,
		             "%s has another host in its name: for cPanel it has to be called "
		             "%s_%s (--to)",
		             w->list_to, w->local, w->mail_to);
}

/* The old hosts are those that the configuration has. */
static int read_hosts(struct rename_run *r, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s/config.pck", rename_root(r, LISTS_LIST_DATA_DIR),
	                                 r->now);
	AUTO_VALUE_FILE struct value_file file = { 0 };
	AUTO_BUF struct buf content = { 0 };
	struct span mail, url;

	if (host_read(r->o->host, path, CONFIG_MAX, &content, err) < 0 ||
	    value_file_read(&file, &content, NULL, err) < 0)
		return error_context(err, "%s", path);
	if (!file.n || !value_get_chars(value_dict_find(file.rows[0], SPAN("host_name")), &mail) ||
	    !value_get_chars(value_dict_find(file.rows[0], SPAN("web_page_url")), &url))
		return refuse(err, "%s: no host_name or web_page_url", path);
	if (!r->begun) {
		r->mail = span_dup(mail);
		r->web = host_of(url);
	}
	if (!*r->mail || !*r->web)
		return refuse(err, "%s: host_name or web_page_url is empty", path);
	take_shown(r, value_dict_find(file.rows[0], SPAN("real_name")));
	r->words.mail = r->mail;
	r->words.web = r->web;
	r->path = path_of(url);
	r->words.path = r->path;
	r->words.mail_to = r->o->mail_host ? r->o->mail_host : r->mail;
	r->words.web_to = r->o->web_host ? r->o->web_host : r->web;
	take_local(r);
	return 0;
}

/* ── the order ───────────────────────────────────────────────────────────────────────────────── */

/* A pass of `lists carry` would bring back what old has. */
static int tell_carried(struct rename_run *r, struct error *err)
{
	bool carried;

	if (carry_has_carried(r->o->state, r->words.list, &carried, err) < 0)
		return -1;
	if (carried)
		strings_addf(&r->out->notes,
		             "the next `mailhaul lists carry` brings back what old has, unless "
		             "`lists carry --opened %s` says that it lives here",
		             r->words.list);
	return 0;
}

static int rename_all(struct rename_run *r, struct error *err)
{
	const char *root = rename_root(r, LISTS_LIST_DATA_DIR);

	if (!root)
		return refuse(err, "%s is not known", "LIST_DATA_DIR");
	if (host_list(r->o->host, root, 3, &r->lists, err) < 0 || read_begun(r, err) < 0 ||
	    find_list(r, err) < 0 || read_hosts(r, err) < 0 ||
	    (!r->o->dry_run && check_stopped(r, err) < 0) || write_begun(r, false, err) < 0)
		return -1;
	rename_tell_rest(r);
	if (tell_carried(r, err) < 0 || rename_find_archive(r, err) < 0 ||
	    rename_edit_all(r, err) < 0 || rename_move_templates(r, err) < 0)
		return -1;
	/* the old names stand in it, so it comes last; and not, if something before it failed */
	if (r->out->failed.n)
		return 0;
	if (rename_edit_last(r, err) < 0)
		return -1;
	if (r->out->failed.n)
		return 0;
	return rename_move_all(r, err) < 0 || write_begun(r, true, err) < 0 ? -1 : 0;
}

int lists_rename(const struct lists_rename_options *o, struct lists_rename_result *out,
                 struct error *err)
{
	struct rename_run r = { .o = o, .out = out };
	AUTO_FREE char *step = xasprintf("rename list %s", o->list);
	AUTO_FREE char *detail = xasprintf(
		"name %s, mail host %s, web host %s, scheme %s, path %s", o->to ? o->to : "-",
		o->mail_host ? o->mail_host : "-", o->web_host ? o->web_host : "-",
		o->url_scheme ? o->url_scheme : "-", o->url_path ? o->url_path : "-");
	struct error ignored = { 0 };
	int result;

	r.words = (struct rename_words){ .list = o->list,
		                         .list_to = o->to ? o->to : o->list,
		                         .scheme_to = o->url_scheme,
		                         .path_to = o->url_path };
	if (!o->dry_run && journal_write(o->state, 0, step, JOURNAL_BEGIN, detail, err) < 0)
		return -1;
	result = rename_all(&r, err);
	host_listing_fini(&r.lists);
	strings_fini(&r.archive);
	free(r.mail);
	free(r.web);
	free(r.path);
	free(r.local);
	free(r.local_to);
	free(r.shown);
	free(r.shown_to);
	if (o->dry_run)
		return result < 0 ? error_context(err, "%s", step) : 0;
	if (result == 0)
		return journal_write(o->state, 0, step,
		                     out->failed.n ? JOURNAL_FAILED : JOURNAL_DONE, detail, err);
	(void)!journal_write(o->state, 0, step, JOURNAL_FAILED, err->text, &ignored);
	return error_context(err, "%s", step);
}
