/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_urls -- lists whose web pages are elsewhere on new: web_page_url and host_name are carried as they
 * are, and every form and link of Mailman's begins with the former. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/settings.h"

#include <string.h>

#define NAMES_MAX 3u /* that a note names */

/* A URL in three parts: "http", "www.example.org:8080", "/mailman/". */
struct url {
	struct span scheme, host, path;
};

static bool read_url(const char *text, struct url *out)
{
	struct span all = span_of(text), rest;
	ssize_t at = span_find_text(all, "://"), slash;

	if (at <= 0)
		return false;
	out->scheme = (struct span){ all.p, (size_t)at };
	rest = span_from(all, (size_t)at + 3);
	slash = span_find(rest, '/');
	out->host = (struct span){ rest.p, slash < 0 ? rest.n : (size_t)slash };
	out->path = span_from(rest, out->host.n);
	return out->host.n > 0;
}

/* Lists with one URL, and for hosts with one host_name. */
static void add_names(const struct carry_run *r, const struct carry_list *first, bool by_host,
                      struct buf *out)
{
	AUTO_BUF struct buf names = { 0 };
	size_t n = 0;

	for (const struct carry_list *l = first; l < r->lists + r->lists_n; l++) {
		if (!l->goes || !l->url || strcmp(l->url, first->url) != 0 ||
		    (by_host && (!l->host_name || strcmp(l->host_name, first->host_name) != 0)))
			continue;
		if (n < NAMES_MAX)
			buf_addf(&names, "%s%s", n ? ", " : "", l->name);
		n++;
	}
	if (n > NAMES_MAX)
		buf_addf(&names, " and %zu more", n - NAMES_MAX);
	buf_addf(out, "%zu list%s (%s)", n, n == 1 ? "" : "s", buf_text(&names));
}

/* Whether one before it has told. */
static bool is_told(const struct carry_run *r, const struct carry_list *of, bool by_host)
{
	for (const struct carry_list *l = r->lists; l < of; l++)
		if (l->goes && l->url && !strcmp(l->url, of->url) &&
		    (!by_host || (l->host_name && !strcmp(l->host_name, of->host_name))))
			return true;
	return false;
}

/* ── DEFAULT_URL_PATTERN ─────────────────────────────────────────────────────────────────────── */

static void look_at_pattern(struct carry_run *r, const struct carry_list *l, const char *pattern)
{
	AUTO_BUF struct buf names = { 0 }, words = { 0 };
	struct url is, needed;

	if (!read_url(pattern, &needed) || !span_is(needed.host, "%s") ||
	    span_find(needed.path, '%') >= 0 || !read_url(l->url, &is) || is_told(r, l, false))
		return;
	if (!span_is_nocase(is.scheme, "https") != !span_is_nocase(needed.scheme, "https"))
		buf_addf(&words, " --url-scheme %.*s", (int)needed.scheme.n, needed.scheme.p);
	if (!span_equal(is.path, needed.path))
		buf_addf(&words, " --url-path %.*s", (int)needed.path.n, needed.path.p);
	if (!words.n)
		return;
	add_names(r, l, false, &names);
	carry_tell(&r->out->notes, l->url,
	           "is web_page_url of %s, and new's DEFAULT_URL_PATTERN is %s: their forms and "
	           "links may be dead; once they live on new, `mailhaul lists rename%s LIST` mends "
	           "each",
	           buf_text(&names), pattern, buf_text(&words));
}

/* ── VIRTUAL_HOSTS ───────────────────────────────────────────────────────────────────────────── */

static const struct python_value *mail_host_of(const struct python_value *known, struct span web)
{
	AUTO_BUF struct buf key = { 0 };

	for (size_t i = 0; i < web.n; i++)
		buf_add_char(&key, ascii_lower(web.p[i]));
	return python_dict_get(known, buf_span(&key));
}

static void look_at_hosts(struct carry_run *r, const struct carry_list *l,
                          const struct python_value *known)
{
	AUTO_BUF struct buf names = { 0 }, words = { 0 };
	const struct python_value *mail;
	struct url is;

	if (!l->host_name || !read_url(l->url, &is) || is_told(r, l, true))
		return;
	mail = mail_host_of(known, is.host);
	if (mail && mail->kind == PYTHON_STR && span_is_nocase(buf_span(&mail->text), l->host_name))
		return;
	if (mail && mail->kind == PYTHON_STR && mail->text.n)
		buf_addf(&words, "--mail-host %s", buf_text(&mail->text));
	else
		buf_add_text(&words, "--web-host HOST --mail-host HOST");
	add_names(r, l, true, &names);
	carry_tell(
		&r->out->notes, l->url,
		"with host_name %s is of %s, and VIRTUAL_HOSTS of new's mm_cfg.py do not know the "
		"two: add_virtualhost('%.*s', '%s') there, or `mailhaul lists rename %s LIST` "
		"once they live on new",
		l->host_name, buf_text(&names), (int)is.host.n, is.host.p, l->host_name,
		buf_text(&words));
}

void carry_look_at_urls(struct carry_run *r)
{
	const char *pattern = lists_setting_text(r->o->new->settings, "DEFAULT_URL_PATTERN");
	const struct lists_setting *hosts = lists_setting(r->o->new->settings, "VIRTUAL_HOSTS");
	const struct python_value *known = hosts ? hosts->value : NULL;

	/* what goes back has the URLs that it had there */
	if (r->o->back || r->o->entries || !r->o->new->code)
		return;
	for (size_t i = 0; i < r->lists_n; i++) {
		const struct carry_list *l = &r->lists[i];

		if (!l->goes || !l->url || !*l->url)
			continue;
		if (pattern)
			look_at_pattern(r, l, pattern);
		if (known && known->kind == PYTHON_DICT)
			look_at_hosts(r, l, known);
	}
}
