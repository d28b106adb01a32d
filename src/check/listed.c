/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/listed.h"

#include "base/memory.h"
#include "lists/list.h"
#include "lists/settings.h"

#include <stdlib.h>
#include <string.h>

/* What Defaults.py says. */
#define ARCHIVE_PATTERN "http://%(hostname)s/pipermail/%(listname)s/"

static void listed_fini(struct listed_all *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct listed *row = &l->rows[i];

		free(row->name);
		free(row->local);
		free(row->domain);
		free(row->pages);
		free(row->archive);
	}
	free(l->rows);
	free(l->ending);
	*l = (struct listed_all){ 0 };
}

/* Mailman/MailList.py, GetBaseArchiveURL(). */
static char *archive_of(const char *pattern, const char *name, const char *pages)
{
	const char *host = strstr(pages, "://");
	AUTO_BUF struct buf out = { 0 };

	host = host ? host + 3 : "";
	while (*pattern) {
		if (span_starts(span_of(pattern), "%(hostname)s")) {
			buf_add(&out, host, strcspn(host, "/"));
			pattern += 12;
		} else if (span_starts(span_of(pattern), "%(listname)s")) {
			buf_add_text(&out, name);
			pattern += 12;
		} else {
			buf_add_char(&out, *pattern++);
		}
	}
	/* without it, a web server answers with a redirect to there */
	if (!span_ends(buf_span(&out), "/") && !span_ends(buf_span(&out), ".html"))
		buf_add_char(&out, '/');
	return xstrdup(buf_text(&out));
}

static char *pages_of(const struct lists_list *l)
{
	struct span url = { "", 0 };

	if (!value_get_chars(lists_list_attribute(l, "web_page_url"), &url) || !url.n)
		return xstrdup("");
	return xasprintf("%.*s%s", (int)url.n, url.p, span_ends(url, "/") ? "" : "/");
}

static void add(struct listed_all *out, const struct lists_list *l, const char *pattern)
{
	AUTO_BUF struct buf address = { 0 };
	ssize_t at;

	ARRAY_GROW(out->rows, out->n, out->room);
	struct listed *row = &out->rows[out->n++];
	lists_list_address(l, &address);
	at = span_find(buf_span(&address), '@');
	*row = (struct listed){
		.name = xstrdup(l->name),
		.local = at < 0 ? xstrdup("") : xstrndup(address.p, (size_t)at),
		.domain = xstrdup(at < 0 ? "" : buf_text(&address) + at + 1),
		.pages = pages_of(l),
		.is_private = l->archive.is_private,
	};
	row->archive = archive_of(pattern, row->name, row->pages);
}

static int read_all(struct lists_site *site, const struct lists_settings *settings,
                    struct listed_all *out, struct error *err)
{
	const struct lists_list_options options = { .count_max = 1 };
	const char *pattern = lists_setting_text(settings, "PUBLIC_ARCHIVE_URL");
	const char *ending = lists_setting_text(settings, "CGIEXT");
	size_t until = 0;

	out->ending = xstrdup(ending ? ending : "");
	for (size_t i = 0; i < site->names.n; i++) {
		AUTO_LISTS_LIST struct lists_list l = { 0 };

		if (i == until && lists_foresee(site, &site->names, &until, &options, err) < 0)
			return -1;
		if (lists_list_read(&l, site, site->names.rows[i], &options, err) < 0)
			return -1;
		add(out, &l, pattern ? pattern : ARCHIVE_PATTERN);
	}
	return 0;
}

static int find(const struct check_asking *a, struct listed_all *out, struct error *err)
{
	const struct config_mailing_lists *c = &a->site->config->lists;
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };
	AUTO_LISTS_SITE struct lists_site site = { 0 };

	if (lists_paths_find(a->host, a->of == CHECK_OLD ? c->old_prefix : c->new_prefix, &all,
	                     err) < 0)
		return -1;
	if (!all.n)
		return 0;
	if (all.n > 1)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "it has several Mailmans: say which in move.yaml, lists");
	if (lists_site_read(&site, a->host, &all.rows[0].paths, all.rows[0].settings, false, err) <
	    0)
		return -1;
	return read_all(&site, all.rows[0].settings, out, err);
}

int listed_read(const struct check_asking *a, const struct listed_all **out, struct buf *seen,
                struct error *err)
{
	/* a process that asks is one for each host, and ends with its questions */
	static struct listed_all kept;
	static const struct host *kept_of;

	if (a->site->config->lists_to == CONFIG_LISTS_NONE)
		return buf_add_text(seen, "lists stay where they are"), 0;
	if (kept_of != a->host) {
		listed_fini(&kept);
		kept_of = NULL;
		if (find(a, &kept, err) < 0)
			return -1;
		kept_of = a->host;
	}
	if (!kept.n)
		buf_add_text(seen, a->of == CHECK_NEW && a->site->config->lists_to ==
		                                                 CONFIG_LISTS_MAILMAN3
		                           ? "its lists are a Mailman 3's, whose pages are others"
		                           : "it has no list of Mailman 2.1");
	*out = &kept;
	return kept.n > 0;
}

int listed_addresses(const struct check_asking *a, const struct listed_all **out, struct buf *seen,
                     struct error *err)
{
	static struct listed_all kept = { .of_3 = true };

	if (a->of != CHECK_NEW || a->site->config->lists_to != CONFIG_LISTS_MAILMAN3)
		return listed_read(a, out, seen, err);
	for (size_t i = kept.n; i < a->site->mailman3.n; i++) {
		const char *address = a->site->mailman3.rows[i], *at = strchr(address, '@');
		size_t n = at ? (size_t)(at - address) : strlen(address);

		ARRAY_GROW(kept.rows, kept.n, kept.room);
		kept.rows[kept.n++] = (struct listed){ .name = xstrndup(address, n),
			                               .local = xstrndup(address, n),
			                               .domain = xstrdup(at ? at + 1 : ""),
			                               .pages = xstrdup(""),
			                               .archive = xstrdup("") };
	}
	if (!kept.n)
		buf_add_text(seen, "no list was given to its Mailman 3 yet");
	*out = &kept;
	return kept.n > 0;
}
