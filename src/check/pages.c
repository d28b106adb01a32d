/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/pages.h"

#include "base/memory.h"
#include "check/sessions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOPS_MOST 5
#define TOGETHER 16     /* where there is much to ask: of a map of redirects */
#define TOLD_MOST 1500u /* octets */
#define STATUS_GOOD 200
#define STATUS_MOVED 301     /* RFC 9110 section 15.4.2 */
#define STATUS_PERMANENT 308 /* section 15.4.9 */

struct pages pages_of(const struct check_asking *a, struct buf *seen)
{
	return (struct pages){ .a = a, .seen = seen };
}

enum check_answer pages_end(struct pages *p)
{
	strings_fini(&p->unsound);
	if (p->untold)
		sessions_note(p->seen, "and %u more", p->untold);
	if (p->good)
		sessions_note(p->seen, "%u as expected", p->good);
	if (p->no)
		return CHECK_NO;
	if (p->unknown)
		return CHECK_UNKNOWN;
	return p->good ? CHECK_YES : CHECK_SKIPPED;
}

static void tell_va(struct pages *p, const char *format, va_list args)
{
	AUTO_FREE char *words = NULL;

	if (vasprintf(&words, format, args) < 0)
		abort();
	if (p->seen->n < TOLD_MOST)
		sessions_note(p->seen, "%s", words);
	else
		p->untold++;
}

#define TELL(p, format)                                                                            \
	do {                                                                                       \
		va_list args_;                                                                     \
		va_start(args_, format);                                                           \
		tell_va(p, format, args_);                                                         \
		va_end(args_);                                                                     \
	} while (0)

static void PRINTF_LIKE(2, 3) tell(struct pages *p, const char *format, ...)
{
	TELL(p, format);
}

void pages_tell_good(struct pages *p, const char *format, ...)
{
	TELL(p, format);
	p->good++;
}

void pages_tell_no(struct pages *p, const char *format, ...)
{
	TELL(p, format);
	p->no++;
}

void pages_tell_unknown(struct pages *p, const char *format, ...)
{
	TELL(p, format);
	p->unknown++;
}

/* ── fetching ────────────────────────────────────────────────────────────────────────────────── */

struct http *pages_web(const struct check_asking *a, struct error *err)
{
	static struct http *web; /* this process is one that asks, and ends when it has */
	const struct http_options o = { .ca_file = a->site->ca_file, .together = TOGETHER };

	if (!web && http_open(&web, &o, err) < 0)
		return NULL;
	return web;
}

int pages_get_at(const struct check_asking *a, const char *url, char *const *addresses, size_t n,
                 unsigned time_ms, struct http_answer *out, struct error *err)
{
	struct http *web = pages_web(a, err);

	for (size_t i = 0; web && i < n; i++) {
		const struct http_request ask = { .url = url,
			                          .address = addresses[i],
			                          .time_ms = time_ms,
			                          .any_certificate = true };
		struct error why = { 0 };

		if (http_ask(web, &ask, out, &why) == 0)
			return 0;
		/* that nobody listens at one tells less than what is wrong with another */
		if (i == 0 || err->sys_errno == ECONNREFUSED)
			*err = why;
	}
	return -1;
}

int pages_get(const struct check_asking *a, const char *url, struct http_answer *out,
              struct error *err)
{
	const struct config_check *c = &a->site->config->check;
	const struct strings *mail = &a->site->addresses[a->of];
	unsigned n = a->of == CHECK_OLD ? c->old_web_count : c->new_web_count;
	unsigned time_ms = (unsigned)a->site->step_ms / 4;

	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "where its web server is, is not known: check.%s_web in move.yaml",
	          check_of_name(a->of));
	if (n)
		return pages_get_at(a, url, a->of == CHECK_OLD ? c->old_web : c->new_web, n,
		                    time_ms, out, err);
	return pages_get_at(a, url, mail->rows, mail->n, time_ms, out, err);
}

bool pages_may_be_silent(const struct check_asking *a, const struct error *err)
{
	return err->sys_errno == ECONNREFUSED && a->of == CHECK_NEW &&
	       a->site->window & (CHECK_PRE | CHECK_FROZEN);
}

bool pages_fetch(struct pages *p, const char *url, struct http_answer *out)
{
	struct error err = { 0 };

	if (pages_get(p->a, url, out, &err) == 0)
		return true;
	if (pages_may_be_silent(p->a, &err)) {
		if (!p->silent++)
			tell(p, "%s", err.text);
		return false;
	}
	tell(p, "%s", err.text);
	if (err.sys_errno == ECONNREFUSED)
		p->no++;
	else
		p->unknown++;
	return false;
}

/* Where a redirect leads. NULL: nowhere. The caller's. */
static char *target_of(const char *url, const struct http_answer *page)
{
	AUTO_HTTP_URL struct http_url base = { 0 };

	if (!page->location || page->status < 300 || page->status > 399)
		return NULL;
	return http_url_read(span_of(url), &base) ? http_url_target(&base, page->location)
	                                          : xstrdup(page->location);
}

static bool stays(const char *from, const char *to)
{
	AUTO_HTTP_URL struct http_url a = { 0 }, b = { 0 };

	return http_url_read(span_of(from), &a) && http_url_read(span_of(to), &b) &&
	       !strcmp(a.host, b.host);
}

/* Follows redirects that stay on the host. False: counted, and told.
 *   may_leave  one that leads elsewhere is the answer */
static bool follow(struct pages *p, const char *url, bool may_leave, struct http_answer *out)
{
	AUTO_FREE char *at = xstrdup(url);

	for (int hop = 0; hop < HOPS_MOST; hop++) {
		char *next;

		http_answer_fini(out);
		if (!pages_fetch(p, at, out))
			return false;
		next = target_of(at, out);
		if (!next || (may_leave && !stays(at, next)))
			return free(next), true;
		if (!stays(at, next)) {
			tell(p, "%s leads to another host: %s", at, next);
			free(next);
			p->no++;
			return false;
		}
		free(at);
		at = next;
	}
	tell(p, "%s leads from one to the next without end", url);
	p->no++;
	return false;
}

/* ── what is expected ────────────────────────────────────────────────────────────────────────── */

/* Mailman, and others, ask for a password on a page with status 200. */
static bool wants_password(const struct http_answer *page)
{
	struct span text = buf_span(&page->page);

	if (page->status == 401 || page->status == 403)
		return true;
	for (size_t i = 0; i + 8 < text.n; i++)
		if (span_starts_nocase(span_from(text, i), "type=\"password") ||
		    span_starts_nocase(span_from(text, i), "type='password") ||
		    span_starts_nocase(span_from(text, i), "type=password"))
			return true;
	return false;
}

static bool is_sound(struct pages *p, const char *url, const struct http_answer *page)
{
	AUTO_HTTP_URL struct http_url u = { 0 };
	AUTO_FREE char *host = NULL;

	if (!page->certificate.wrong)
		return true;
	http_url_read(span_of(url), &u);
	host = xasprintf("%s:%u", u.host ? u.host : "", u.port);
	if (!strings_has(&p->unsound, host)) {
		strings_add(&p->unsound, host);
		tell(p, "%s: %s", url, page->certificate.words);
	}
	return false;
}

static void expect(struct pages *p, const char *url, bool password)
{
	AUTO_HTTP_ANSWER struct http_answer page = { 0 };
	bool good;

	if (!follow(p, url, false, &page))
		return;
	good = page.status == STATUS_GOOD || (password && wants_password(&page));
	if (!good)
		tell(p, "%s: status %u", url, page.status);
	good = is_sound(p, url, &page) && good;
	p->good += good;
	p->no += !good;
}

void pages_expect_open(struct pages *p, const char *url)
{
	expect(p, url, false);
}

void pages_expect_there(struct pages *p, const char *url)
{
	expect(p, url, true);
}

void pages_expect_closed(struct pages *p, const char *url)
{
	AUTO_HTTP_ANSWER struct http_answer page = { 0 };
	bool open;

	/* a page that sends people to log in elsewhere is closed */
	if (!follow(p, url, true, &page))
		return;
	open = page.status >= 200 && page.status < 300 && !wants_password(&page);
	if (open)
		tell(p, "%s is open to everybody", url);
	p->good += !open && page.status < 500;
	p->unknown += !open && page.status >= 500;
	p->no += open;
}

static bool is_same(const char *a, const char *b)
{
	AUTO_HTTP_URL struct http_url x = { 0 }, y = { 0 };

	return http_url_read(span_of(a), &x) && http_url_read(span_of(b), &y) &&
	       http_url_same(&x, &y);
}

/* 200, or one that wants a password: by a status, because a page's beginning may be all that was kept. */
static bool stays_there(const struct http_answer *answer)
{
	return answer->status == STATUS_GOOD || answer->status == 401 || answer->status == 403;
}

bool pages_judge_moved(struct pages *p, const char *from, const char *to,
                       const struct http_answer *answer)
{
	AUTO_FREE char *target = target_of(from, answer);
	bool good = target && is_same(target, to) &&
	            (answer->status == STATUS_MOVED || answer->status == STATUS_PERMANENT);

	if (is_same(from, to)) {
		good = stays_there(answer);
		if (!good)
			tell(p, "%s: status %u, and shall stay", from, answer->status);
	} else if (!good) {
		tell(p, "%s: status %u, to %s", from, answer->status, target ? target : "nowhere");
	}
	good = is_sound(p, from, answer) && good;
	p->good += good;
	p->no += !good;
	return good;
}

void pages_expect_moved(struct pages *p, const char *from, const char *to)
{
	AUTO_HTTP_ANSWER struct http_answer page = { 0 };

	if (pages_fetch(p, from, &page))
		pages_judge_moved(p, from, to, &page);
}

/* Whether move.yaml says that this side shows pages of the host. */
static bool is_ours(const struct pages *p, const char *url)
{
	const struct config_check *c = &p->a->site->config->check;

	for (unsigned i = 0; i < c->pages_count; i++)
		if (stays(c->pages[i], url))
			return true;
	for (unsigned i = 0; i < c->redirects_count; i++)
		if (stays(c->redirects[i].from, url))
			return true;
	return false;
}

void pages_expect_one_hop(struct pages *p, const char *url)
{
	AUTO_BUF struct buf way = { 0 };
	AUTO_FREE char *at = xstrdup(url);
	int hops = 0;

	for (;; hops++) {
		AUTO_HTTP_ANSWER struct http_answer page = { 0 };
		char *next;

		if (!pages_fetch(p, at, &page))
			return;
		next = target_of(at, &page);
		if (!next)
			break;
		buf_addf(&way, ", to %s", next);
		free(at);
		at = next;
		if (hops == HOPS_MOST || !is_ours(p, at)) {
			hops++;
			break;
		}
	}
	if (hops > 1)
		pages_tell_no(p, "%s: %d redirects%s", url, hops, buf_text(&way));
	else
		p->good++;
}
