/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ask_web -- the pages of a side's web server, under their final names: those that move.yaml names, and
 * those of the lists.
 */

#include "check/listed.h"
#include "check/pages.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define LISTS_MOST 20u
#define STATUS_GOOD 200

/* ── pages that move.yaml names ──────────────────────────────────────────────────────────────── */

static enum check_answer skipped(struct buf *seen, const char *key)
{
	buf_addf(seen, "none is named: check.%s in move.yaml", key);
	return CHECK_SKIPPED;
}

enum check_answer check_pages(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	struct pages p = pages_of(a, seen);

	if (!c->pages_count)
		return skipped(seen, "pages");
	for (unsigned i = 0; i < c->pages_count; i++)
		pages_expect_open(&p, c->pages[i]);
	return pages_end(&p);
}

enum check_answer check_closed_pages(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	struct pages p = pages_of(a, seen);

	if (!c->closed_pages_count)
		return skipped(seen, "closed_pages");
	for (unsigned i = 0; i < c->closed_pages_count; i++)
		pages_expect_closed(&p, c->closed_pages[i]);
	return pages_end(&p);
}

enum check_answer check_redirects(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	struct pages p = pages_of(a, seen);

	if (!c->redirects_count)
		return skipped(seen, "redirects");
	for (unsigned i = 0; i < c->redirects_count; i++)
		pages_expect_moved(&p, c->redirects[i].from, c->redirects[i].to);
	return pages_end(&p);
}

/* ── pages of lists ──────────────────────────────────────────────────────────────────────────── */

typedef void list_fn(struct pages *p, const struct listed_all *all, const struct listed *l);

/* `first` is for the first list of each place of pages; may be NULL. */
static enum check_answer each_list(const struct check_asking *a, list_fn *first, list_fn *one,
                                   struct buf *seen)
{
	const struct listed_all *lists = NULL;
	AUTO_STRINGS struct strings places = { 0 };
	struct pages p = pages_of(a, seen);
	struct error err = { 0 };
	int found = listed_read(a, &lists, seen, &err);
	size_t n;

	if (found <= 0)
		return found ? check_not_told(seen, &err) : CHECK_SKIPPED;
	n = lists->n < LISTS_MOST ? lists->n : LISTS_MOST;
	for (size_t i = 0; i < n; i++) {
		/* evenly over all of them */
		const struct listed *l = &lists->rows[i * lists->n / n];

		if (!*l->pages)
			continue;
		if (first && !strings_has(&places, l->pages)) {
			strings_add(&places, l->pages);
			first(&p, lists, l);
		}
		if (one)
			one(&p, lists, l);
	}
	return pages_end(&p);
}

static void open_page(struct pages *p, const struct listed_all *all, const struct listed *l,
                      const char *page, bool of_list)
{
	AUTO_FREE char *url = xasprintf("%s%s%s%s%s", l->pages, page, all->ending,
	                                of_list ? "/" : "", of_list ? l->name : "");

	pages_expect_open(p, url);
}

static void overview(struct pages *p, const struct listed_all *all, const struct listed *l)
{
	open_page(p, all, l, "listinfo", false);
}

static void of_users(struct pages *p, const struct listed_all *all, const struct listed *l)
{
	open_page(p, all, l, "listinfo", true);
	open_page(p, all, l, "options", true);
}

enum check_answer check_list_pages(const struct check_asking *a, struct buf *seen)
{
	return each_list(a, overview, of_users, seen);
}

static void of_all_admins(struct pages *p, const struct listed_all *all, const struct listed *l)
{
	open_page(p, all, l, "admin", false);
}

/* These ask for a password, and are there. */
static void of_admins(struct pages *p, const struct listed_all *all, const struct listed *l)
{
	static const char *const names[] = { "admin", "admindb", "roster" };

	for (size_t i = 0; i < ROWS(names); i++) {
		AUTO_FREE char *url = xasprintf("%s%s%s/%s", l->pages, names[i], all->ending,
		                                l->name);

		pages_expect_there(p, url);
	}
}

enum check_answer check_admin_pages(const struct check_asking *a, struct buf *seen)
{
	return each_list(a, of_all_admins, of_admins, seen);
}

static void public_archive(struct pages *p, const struct listed_all *all, const struct listed *l)
{
	if (!l->is_private)
		pages_expect_open(p, l->archive);
}

enum check_answer check_list_archives(const struct check_asking *a, struct buf *seen)
{
	return each_list(a, NULL, public_archive, seen);
}

/* Neither where it would be if it were public, nor where members read it. */
static void private_archive(struct pages *p, const struct listed_all *all, const struct listed *l)
{
	AUTO_FREE char *url = xasprintf("%sprivate%s/%s/", l->pages, all->ending, l->name);

	if (!l->is_private)
		return;
	pages_expect_closed(p, l->archive);
	pages_expect_closed(p, url);
}

enum check_answer check_closed_archives(const struct check_asking *a, struct buf *seen)
{
	return each_list(a, NULL, private_archive, seen);
}

/* ── https alone ─────────────────────────────────────────────────────────────────────────────── */

/* "http://HOST/PATH" has to lead to "https://HOST/PATH", for good. */
static void expect_https(struct pages *p, const char *url)
{
	AUTO_FREE char *plain = NULL, *secure = NULL;
	const char *rest = strstr(url, "://");

	if (!rest)
		return;
	plain = xasprintf("http%s", rest);
	secure = xasprintf("https%s", rest);
	pages_expect_moved(p, plain, secure);
}

static void only_https(struct pages *p, const struct listed_all *all, const struct listed *l)
{
	AUTO_FREE char *url = xasprintf("%slistinfo%s", l->pages, all->ending);

	expect_https(p, url);
}

enum check_answer check_https(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	enum check_answer of_lists = each_list(a, only_https, NULL, seen);
	struct pages p = pages_of(a, seen);

	for (unsigned i = 0; i < c->pages_count; i++)
		expect_https(&p, c->pages[i]);
	return check_worst(of_lists, pages_end(&p));
}

/* ── robots.txt ──────────────────────────────────────────────────────────────────────────────── */

/* What is asked of robots is the same as before (RFC 9309). */
static enum check_answer robots_of(const struct check_asking *a, const char *url, struct buf *seen)
{
	AUTO_HTTP_ANSWER struct http_answer old = { 0 };
	AUTO_HTTP_ANSWER struct http_answer new = { 0 };

	for (enum check_of of = CHECK_OLD; of < CHECK_WHOLE; of++) {
		struct http_answer *page = of == CHECK_OLD ? &old : &new;
		struct check_asking side = *a;
		struct error err = { 0 };

		side.of = of;
		if (pages_get(&side, url, page, &err) < 0) {
			buf_addf(seen, "%s%s", seen->n ? "; " : "", err.text);
			return pages_may_be_silent(&side, &err) ? CHECK_SKIPPED : CHECK_UNKNOWN;
		}
		buf_addf(seen, "%s%s at %s: %u, %zu octets", seen->n ? "; " : "", url,
		         check_of_name(of), page->status, page->page.n);
	}
	if (old.status != STATUS_GOOD)
		return new.status == STATUS_GOOD ? CHECK_YES : CHECK_SKIPPED;
	if (new.status != STATUS_GOOD)
		return CHECK_NO;
	if (span_equal(buf_span(&old.page), buf_span(&new.page)))
		return CHECK_YES;
	buf_add_text(seen, ", which differ");
	return CHECK_NO;
}

enum check_answer check_robots(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	AUTO_STRINGS struct strings asked = { 0 };
	enum check_answer all = CHECK_SKIPPED;

	for (unsigned i = 0; i < c->pages_count; i++) {
		AUTO_HTTP_URL struct http_url url = { 0 };
		AUTO_BUF struct buf text = { 0 };

		if (!http_url_read(span_of(c->pages[i]), &url))
			continue;
		free(url.path);
		url.path = xstrdup("/robots.txt");
		http_url_add(&text, &url);
		if (strings_has(&asked, buf_text(&text)))
			continue;
		strings_add(&asked, buf_text(&text));
		all = check_worst(all, robots_of(a, buf_text(&text), seen));
	}
	return asked.n ? all : skipped(seen, "pages");
}
