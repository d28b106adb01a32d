/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/http.h"

#include "base/clock.h"
#include "base/memory.h"
#include "http/frame.h"
#include "http/program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define GRACE_MS 5000 /* the program keeps times itself; only one that can't is ended */

/* A request that has no answer yet. */
struct pending {
	uint32_t number;
	uint64_t mark;
	unsigned time_ms;
	char *words; /* owned; the URL without its query */
};

/* One that never will have: nothing came to an end but the program. */
struct lost {
	uint64_t mark;
	struct error why;
};

struct http {
	char *ca_file;
	unsigned together;
	struct program program;
	struct pending *rows; /* owned */
	size_t n, room;
	struct lost *lost; /* owned */
	size_t lost_n, lost_room;
	uint32_t last;    /* number of the request that was begun last */
	int64_t heard_ms; /* monotonic; the program has said something, or had nothing to say */
};

/* ── the program ─────────────────────────────────────────────────────────────────────────────── */

int http_open(struct http **out, const struct http_options *o, struct error *err)
{
	struct http *h = xcalloc(1, sizeof *h);

	h->together = o && o->together ? o->together : HTTP_TOGETHER;
	if (h->together > HTTP_TOGETHER_MAX)
		h->together = HTTP_TOGETHER_MAX;
	if (o && o->ca_file)
		h->ca_file = xstrdup(o->ca_file);
	if (program_start(&h->program, h->ca_file, h->together, err) < 0) {
		http_close(h);
		return -1;
	}
	*out = h;
	return 0;
}

static void drop_pending(struct http *h, size_t i)
{
	free(h->rows[i].words);
	h->rows[i] = h->rows[--h->n];
}

void http_close(struct http *h)
{
	if (!h)
		return;
	program_end(&h->program);
	buf_fini(&h->program.in);
	buf_fini(&h->program.out);
	while (h->n)
		drop_pending(h, 0);
	free(h->rows);
	free(h->lost);
	free(h->ca_file);
	free(h);
}

/* The program is ended, and all that is under way is lost with it. */
static void break_off(struct http *h, const char *why)
{
	int status = program_end(&h->program);
	char how[128] = "";

	if (!why && WIFSIGNALED(status))
		snprintf(how, sizeof how, "it broke: signal %d (%s)", WTERMSIG(status),
		         strsignal(WTERMSIG(status)));
	else if (!why)
		snprintf(how, sizeof how, "it ended with %d", WEXITSTATUS(status));
	while (h->n) {
		struct lost *l;

		ARRAY_GROW(h->lost, h->lost_n, h->lost_room);
		l = &h->lost[h->lost_n++];
		*l = (struct lost){ .mark = h->rows[0].mark };
		error_set(&l->why, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0, "%s: mailhaul-http: %s",
		          h->rows[0].words, why ? why : how);
		drop_pending(h, 0);
	}
}

/* ── beginning ───────────────────────────────────────────────────────────────────────────────── */

static void add_address(struct strings *out, const struct sockaddr *a)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (a->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, text, sizeof text);
	else if (a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, text,
		          sizeof text);
	if (*text && out->n < HTTP_ADDRESSES_MAX && !strings_has(out, text))
		strings_add(out, text);
}

static int resolve(const char *host, struct strings *out, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int result = getaddrinfo(host, NULL, &hints, &found);

	if (result)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0, "%s: %s", host,
		                 gai_strerror(result));
	for (const struct addrinfo *a = found; a; a = a->ai_next)
		add_address(out, a->ai_addr);
	freeaddrinfo(found);
	return out->n ? 0
	              : error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0, "%s has no address",
	                          host);
}

/* Names it: it may hold anything. */
static int refuse(const struct http_request *ask, struct error *err)
{
	AUTO_BUF struct buf url = { 0 };
	size_t n = ask->url ? strcspn(ask->url, "?") : 0;

	buf_add_printable(&url, (struct span){ ask->url, n < 200 ? n : 200 });
	return error_context(err, "\"%s\"", buf_text(&url));
}

int http_begin(struct http *h, const struct http_request *ask, uint64_t mark, struct error *err)
{
	AUTO_STRINGS struct strings addresses = { 0 };
	AUTO_HTTP_URL struct http_url url = { 0 };
	struct pending *p;

	if (http_request_check(ask, err) < 0)
		return refuse(ask, err);
	if (!http_url_read(span_of(ask->url), &url))
		return -1;
	if (ask->address)
		strings_add(&addresses, ask->address);
	else if (resolve(url.host, &addresses, err) < 0)
		return error_context(err, "%.*s", (int)strcspn(ask->url, "?"), ask->url);
	if (!h->program.pid && program_start(&h->program, h->ca_file, h->together, err) < 0)
		return -1;
	if (!h->n)
		h->heard_ms = clock_monotonic_ms();
	ARRAY_GROW(h->rows, h->n, h->room);
	p = &h->rows[h->n++];
	*p = (struct pending){ .number = ++h->last,
		               .mark = mark,
		               .time_ms = ask->time_ms ? ask->time_ms : HTTP_TIME_MS,
		               .words = xstrndup(ask->url, strcspn(ask->url, "?")) };
	http_ask_put(&h->program.out, p->number, ask, &addresses);
	program_pump(&h->program, 0);
	return 0;
}

/* ── waiting ─────────────────────────────────────────────────────────────────────────────────── */

static struct pending *pending_of(struct http *h, uint32_t number)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->rows[i].number == number)
			return &h->rows[i];
	return NULL;
}

/* 1: *out, or *why, is of `p`; -1: the frame is none of ours. */
static int read_answer(const struct wire_frame *frame, const struct pending *p, bool *answered,
                       struct http_answer *out, struct error *why)
{
	struct error bad;

	*answered = frame->kind == HTTP_ANSWER;
	if (*answered)
		return http_answer_get(frame->body, out, &bad) < 0 ? -1 : 1;
	if (frame->kind != WIRE_ERROR)
		return -1;
	wire_get_error(frame->body, why);
	error_context(why, "%s", p->words);
	return 1;
}

/* 1: one has its answer; 0: more has to come; -1: what came is none. */
static int take_answer(struct http *h, uint64_t *mark, bool *answered, struct http_answer *out,
                       struct error *why)
{
	struct wire_frame frame;
	struct error bad;
	size_t used = 0;
	int found = wire_read_frame(buf_span(&h->program.in), &frame, &used, &bad);
	struct pending *p = found > 0 ? pending_of(h, frame.request) : NULL;

	if (found <= 0)
		return found;
	if (!p || read_answer(&frame, p, answered, out, why) < 0)
		return -1;
	*mark = p->mark;
	drop_pending(h, (size_t)(p - h->rows));
	buf_drop_front(&h->program.in, used);
	h->heard_ms = clock_monotonic_ms();
	return 1;
}

/* How long the program may be silent: one of those that are under way has to end in its time. */
static int64_t left_ms(const struct http *h)
{
	unsigned longest = 0;

	for (size_t i = 0; i < h->n; i++)
		if (h->rows[i].time_ms > longest)
			longest = h->rows[i].time_ms;
	return h->heard_ms + longest + GRACE_MS - clock_monotonic_ms();
}

static int take_lost(struct http *h, uint64_t *mark, struct error *why)
{
	*mark = h->lost[0].mark;
	*why = h->lost[0].why;
	memmove(h->lost, h->lost + 1, --h->lost_n * sizeof *h->lost);
	return -1;
}

int http_wait(struct http *h, uint64_t *mark, struct http_answer *out, struct error *why)
{
	http_answer_fini(out);
	for (;;) {
		bool answered = false;
		int64_t left;
		int taken;

		if (h->lost_n)
			return take_lost(h, mark, why);
		if (!h->n)
			return 0;
		taken = take_answer(h, mark, &answered, out, why);
		if (taken > 0)
			return answered ? 1 : -1;
		left = left_ms(h);
		if (taken < 0)
			break_off(h, "what it says is no answer");
		else if (h->program.closed)
			break_off(h, NULL);
		else if (left <= 0)
			break_off(h, "it does not answer");
		else
			program_pump(&h->program, (int)left);
	}
}

/* ── one, or all ─────────────────────────────────────────────────────────────────────────────── */

int http_ask(struct http *h, const struct http_request *ask, struct http_answer *out,
             struct error *err)
{
	uint64_t mark;

	if (http_begin(h, ask, 0, err) < 0)
		return -1;
	return http_wait(h, &mark, out, err) > 0 ? 0 : -1;
}

void http_ask_all(struct http *h, const struct http_request *asks, size_t n, http_told_fn *told,
                  void *context)
{
	size_t begun = 0;
	int result;

	do {
		AUTO_HTTP_ANSWER struct http_answer answer = { 0 };
		struct error why = { 0 };
		uint64_t mark;

		/* some ahead of those under way, so that the program need not wait for us */
		for (; begun < n && h->n < 2 * (size_t)h->together; begun++)
			if (http_begin(h, &asks[begun], begun, &why) < 0)
				told(context, begun, NULL, &why);
		result = http_wait(h, &mark, &answer, &why);
		if (result)
			told(context, (size_t)mark, result > 0 ? &answer : NULL,
			     result > 0 ? NULL : &why);
	} while (result || begun < n);
}
