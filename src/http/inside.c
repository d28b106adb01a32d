/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/inside.h"

#include "base/confine.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK 65536u
#define UNSAID_MAX (8u << 20) /* octets of answers that nobody has read */
#define MEMORY_MAX (1024u << 20)
#define IDLE_MS 60000

/* What libcurl calls besides; base/confine.c has the rest. No ioctl(2): standard error may be a terminal,
 * into which it could type. */
static const uint16_t calls[] = { SYS_getpeername, SYS_shutdown, SYS_geteuid, SYS_getuid };

struct inside {
	CURLM *multi;
	struct tls tls;
	struct job jobs[HTTP_TOGETHER_MAX];
	unsigned together, busy;
	struct buf in, out;
	bool ended;          /* nobody asks any more */
	struct error broken; /* text "": nothing is; else no request can be asked */
};

/* ── requests ────────────────────────────────────────────────────────────────────────────────── */

static void tell_error(struct inside *s, uint32_t number, const struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_error(&body, err);
	wire_frame(&s->out, WIRE_ERROR, number, buf_span(&body));
}

static struct job *free_job(struct inside *s)
{
	for (unsigned i = 0; i < s->together; i++)
		if (!s->jobs[i].busy)
			return &s->jobs[i];
	return NULL;
}

static void end_job(struct inside *s, struct job *j)
{
	j->busy = false;
	s->busy--;
	http_asked_fini(&j->asked);
	http_answer_fini(&j->answer);
}

/* Into the multi handle; one that can't be is answered at once. */
static void go(struct inside *s, struct job *j)
{
	struct error err = { 0 };

	if (job_begin(j, &err) == 0) {
		if (curl_multi_add_handle(s->multi, j->easy) == CURLM_OK)
			return;
		error_set(&err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0, "libcurl refuses it");
	}
	tell_error(s, j->number, &err);
	end_job(s, j);
}

static void begin(struct inside *s, struct job *j, const struct wire_frame *frame)
{
	struct error err = s->broken;

	if (*err.text || http_ask_get(frame->body, &j->asked, &err) < 0)
		return tell_error(s, frame->request, &err);
	j->tls = &s->tls;
	j->number = frame->request;
	j->address = 0;
	s->busy++;
	go(s, j);
}

/* Begins what there is room for. -1: what came is no request, so nothing behind it is understood. */
static int begin_some(struct inside *s)
{
	struct job *j;

	while (s->out.n < UNSAID_MAX && (j = free_job(s))) {
		struct wire_frame frame;
		struct error bad;
		size_t used = 0;
		int found = wire_read_frame(buf_span(&s->in), &frame, &used, &bad);

		if (found < 0 || (found && frame.kind != HTTP_ASK))
			return -1;
		if (!found)
			break;
		begin(s, j, &frame);
		buf_drop_front(&s->in, used);
	}
	return 0;
}

static void end_some(struct inside *s)
{
	CURLMsg *said;
	int left;

	while ((said = curl_multi_info_read(s->multi, &left))) {
		CURLcode result = said->data.result;
		struct error err = { 0 };
		char *place = NULL;
		struct job *j;

		if (said->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(said->easy_handle, CURLINFO_PRIVATE, &place);
		j = (struct job *)(void *)place;
		curl_multi_remove_handle(s->multi, j->easy);
		if (job_next(j, result)) {
			go(s, j);
			continue;
		}
		if (job_end(j, result, &err) < 0)
			tell_error(s, j->number, &err);
		else
			http_answer_put(&s->out, j->number, &j->answer);
		end_job(s, j);
	}
}

/* ── the socket to mailhaul ──────────────────────────────────────────────────────────────────── */

static void read_some(struct inside *s)
{
	ssize_t n = read(STDIN_FILENO, buf_room(&s->in, CHUNK), CHUNK);

	if (n > 0)
		buf_grown(&s->in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		s->ended = true;
}

static void write_some(struct inside *s)
{
	while (s->out.n) {
		ssize_t n = write(STDOUT_FILENO, s->out.p, s->out.n);

		if (n < 0) {
			s->ended |= errno != EAGAIN && errno != EINTR;
			return;
		}
		buf_drop_front(&s->out, (size_t)n);
	}
}

/* No whole request waits already for a place. */
static bool wants_more(const struct inside *s)
{
	struct wire_frame frame;
	struct error bad;
	size_t used;

	return wire_read_frame(buf_span(&s->in), &frame, &used, &bad) == 0;
}

static int serve(struct inside *s)
{
	while (!s->ended) {
		struct curl_waitfd ends[] = { { .fd = STDIN_FILENO }, { .fd = STDOUT_FILENO } };
		int running = 0;

		if (begin_some(s) < 0)
			return EXIT_CODE_DATA;
		curl_multi_perform(s->multi, &running);
		end_some(s);
		write_some(s);
		if (s->busy < s->together && s->out.n < UNSAID_MAX && !wants_more(s))
			continue;
		ends[0].events = wants_more(s) ? CURL_WAIT_POLLIN : 0;
		ends[1].events = s->out.n ? CURL_WAIT_POLLOUT : 0;
		curl_multi_poll(s->multi, ends, ROWS(ends), IDLE_MS, NULL);
		if (ends[0].events)
			read_some(s);
	}
	return EXIT_CODE_GOOD;
}

/* ── starting ────────────────────────────────────────────────────────────────────────────────── */

static int prepare(struct inside *s, const char *ca_file, struct error *err)
{
	const struct confinement c = { .memory = MEMORY_MAX,
		                       .descriptors = 2 * HTTP_TOGETHER_MAX + 32,
		                       .more = calls,
		                       .more_n = ROWS(calls) };

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "libcurl can't begin");
	s->multi = curl_multi_init();
	if (!s->multi)
		abort();
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, 2L * HTTP_TOGETHER_MAX);
	curl_multi_setopt(s->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	/* a file that can't be read is told to who asks, with each request */
	if (tls_prepare(&s->tls, ca_file, &s->broken) == 0)
		s->broken = (struct error){ 0 };
	return confine(&c, err);
}

int inside_main(const char *ca_file, unsigned together)
{
	struct inside s = { .together = together };
	struct error err = { 0 };
	int code;

	clearenv(); /* no proxy, no file of certificates, nothing else that it could be told by it */
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (prepare(&s, ca_file, &err) < 0) {
		fprintf(stderr, "mailhaul-http: %s\n", err.text);
		return error_exit_code(&err);
	}
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	(void)fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	code = serve(&s);
	for (unsigned i = 0; i < HTTP_TOGETHER_MAX; i++) {
		if (s.jobs[i].busy)
			curl_multi_remove_handle(s.multi, s.jobs[i].easy);
		job_fini(&s.jobs[i]);
	}
	curl_multi_cleanup(s.multi);
	tls_fini(&s.tls);
	buf_fini(&s.in);
	buf_fini(&s.out);
	return code;
}
