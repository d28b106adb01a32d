/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ask_moved -- where old addresses of pages lead: each of a map that may have a hundred thousand, and none
 * through more than one redirect.
 */

#include "check/moved.h"
#include "check/pages.h"
#include "check/sessions.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define MAP_MAX (256u << 20) /* octets */
#define AHEAD 64u            /* requests that are begun and not answered */
#define ENDS_MOST 200u       /* pages at the ends of redirects that are asked, too */
#define LOST_MOST 100u       /* addresses that can't be told of; then the rest would be no better */

/* ── the map ─────────────────────────────────────────────────────────────────────────────────── */

struct walk {
	struct pages *p;
	struct http *web;     /* borrowed */
	const char *address;  /* borrowed; of the web server */
	struct moved_map map; /* of what is left */
	size_t lines, every;  /* how many there are, and of which the end is asked, too */
	unsigned begun, under_way;
	struct strings ends; /* pages that redirects lead to, and that are asked */
	int64_t end_ms;      /* monotonic */
};

static char *path_of(const struct check_asking *a)
{
	const char *file = a->site->config->check.redirect_map, *yaml = a->site->config->file,
		   *slash = yaml ? strrchr(yaml, '/') : NULL;

	if (*file == '/' || !slash)
		return xstrdup(file);
	return xasprintf("%.*s/%s", (int)(slash - yaml), yaml, file);
}

static size_t count_lines(struct span text)
{
	size_t n = 0;
	const char *at;

	while (text.n && (at = memchr(text.p, '\n', text.n))) {
		text = span_from(text, (size_t)(at - text.p) + 1);
		n++;
	}
	return n + (text.n > 0);
}

static struct http_request request_of(const struct walk *w, const char *url)
{
	return (struct http_request){ .url = url,
		                      .address = w->address,
		                      .any_certificate = true,
		                      .most = 1024,
		                      .time_ms = (unsigned)w->p->a->site->step_ms / 8 };
}

static bool may_begin(const struct walk *w)
{
	return w->under_way < AHEAD && w->p->unknown < LOST_MOST &&
	       clock_monotonic_ms() < w->end_ms;
}

static void begin_some(struct walk *w)
{
	AUTO_MOVED struct moved m = { 0 };

	while (may_begin(w) && moved_next(&w->map, &m)) {
		struct error err = { 0 };

		w->begun++;
		if (!m.from) {
			pages_tell_unknown(w->p, "line %u of the map is none: OLD NEW", m.line);
			continue;
		}
		const struct http_request ask = request_of(w, m.from);

		if (http_begin(w->web, &ask, m.offset, &err) < 0)
			pages_tell_unknown(w->p, "%s", err.text);
		else
			w->under_way++;
	}
}

/* The end of a redirect is this side's to show only where it is on the host that was asked. One that leads
 * to itself has been looked at. */
static bool has_end_here(const struct moved *m)
{
	AUTO_HTTP_URL struct http_url from = { 0 }, to = { 0 };

	return http_url_read(span_of(m->from), &from) && http_url_read(span_of(m->to), &to) &&
	       !strcmp(from.host, to.host) && !http_url_same(&from, &to);
}

static void judge(struct walk *w, size_t offset, const struct http_answer *answer,
                  const struct error *why)
{
	AUTO_MOVED struct moved m = { 0 };

	if (!answer)
		return pages_tell_unknown(w->p, "%s", why->text);
	moved_at(&w->map, offset, &m);
	if (pages_judge_moved(w->p, m.from, m.to, answer) && w->p->good % w->every == 0 &&
	    has_end_here(&m) && !strings_has(&w->ends, m.to))
		strings_add(&w->ends, m.to);
}

static void walk_map(struct walk *w)
{
	for (;;) {
		AUTO_HTTP_ANSWER struct http_answer answer = { 0 };
		struct error why = { 0 };
		uint64_t mark;
		int result;

		begin_some(w);
		result = http_wait(w->web, &mark, &answer, &why);
		if (!result)
			return;
		w->under_way--;
		judge(w, mark, result > 0 ? &answer : NULL, &why);
	}
}

/* ── where the map's redirects end ───────────────────────────────────────────────────────────── */

static void judge_end(void *context, size_t i, struct http_answer *answer, const struct error *why)
{
	struct walk *w = context;
	const char *url = w->ends.rows[i];

	if (!answer)
		return pages_tell_unknown(w->p, "%s", why->text);
	if (answer->status >= 300 && answer->status < 400)
		pages_tell_no(w->p, "%s, where a redirect leads, leads on: to %s", url,
		              answer->location ? answer->location : "nowhere");
	else if (answer->status >= 400 && answer->status != 401 && answer->status != 403)
		pages_tell_no(w->p, "%s, where a redirect leads, is not there: status %u", url,
		              answer->status);
}

static void ask_ends(struct walk *w)
{
	AUTO_FREE struct http_request *asks = xcalloc(w->ends.n, sizeof *asks);

	for (size_t i = 0; i < w->ends.n; i++)
		asks[i] = request_of(w, w->ends.rows[i]);
	if (clock_monotonic_ms() < w->end_ms)
		http_ask_all(w->web, asks, w->ends.n, judge_end, w);
}

/* ── the question ────────────────────────────────────────────────────────────────────────────── */

/* Which address answers; asked with the first line that is one. False: counted, and told. */
static bool find_server(struct walk *w, struct http_answer *first)
{
	struct moved_map map = w->map;
	AUTO_MOVED struct moved m = { 0 };

	while (moved_next(&map, &m))
		if (m.from)
			break;
	if (!m.from) {
		pages_tell_unknown(w->p, "the map has no line that is one: OLD NEW");
		return false;
	}
	if (!pages_fetch(w->p, m.from, first))
		return false;
	w->address = first->address;
	return true;
}

static void ask_map(struct walk *w)
{
	AUTO_HTTP_ANSWER struct http_answer first = { 0 };
	struct error err = { 0 };

	w->web = pages_web(w->p->a, &err);
	if (!w->web)
		return pages_tell_unknown(w->p, "%s", err.text);
	if (!find_server(w, &first))
		return;
	w->lines = count_lines(w->map.text);
	w->every = w->lines / ENDS_MOST + 1;
	walk_map(w);
	if (w->map.at < w->map.text.n)
		pages_tell_unknown(w->p, "%u of %zu lines were asked%s", w->begun, w->lines,
		                   w->p->unknown < LOST_MOST ? ": mailhaul check --time gives more"
		                                             : "");
	ask_ends(w);
}

enum check_answer check_redirect_map(const struct check_asking *a, struct buf *seen)
{
	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *path = NULL;
	struct pages p = pages_of(a, seen);
	struct walk w = { .p = &p, .end_ms = clock_monotonic_ms() + a->site->step_ms * 3 / 4 };
	struct error err = { 0 };

	if (!a->site->config->check.redirect_map) {
		buf_add_text(seen, "none is named: check.redirect_map in move.yaml");
		return CHECK_SKIPPED;
	}
	path = path_of(a);
	if (file_read(path, MAP_MAX, &text, &err) < 0)
		return check_not_told(seen, &err);
	w.map.text = buf_span(&text);
	w.map.base = a->site->config->check.redirect_base;
	ask_map(&w);
	strings_fini(&w.ends);
	return pages_end(&p);
}

/* ── one redirect, and no more ───────────────────────────────────────────────────────────────── */

static void chain_of(struct pages *p, struct strings *asked, const char *url)
{
	if (strings_has(asked, url))
		return;
	strings_add(asked, url);
	pages_expect_one_hop(p, url);
}

enum check_answer check_one_hop(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	AUTO_STRINGS struct strings asked = { 0 };
	struct pages p = pages_of(a, seen);

	for (unsigned i = 0; i < c->pages_count; i++) {
		const char *rest = strstr(c->pages[i], "://");
		AUTO_FREE char *plain = rest ? xasprintf("http%s", rest) : NULL;

		if (plain)
			chain_of(&p, &asked, plain);
		chain_of(&p, &asked, c->pages[i]);
	}
	for (unsigned i = 0; i < c->redirects_count; i++)
		chain_of(&p, &asked, c->redirects[i].from);
	if (!asked.n)
		buf_add_text(seen, "none is named: check.pages, check.redirects in move.yaml");
	return pages_end(&p);
}
