/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * liar -- a test program that is its own hostile agent: started again by host_open() with LIE in its
 * environment, it says on the wire what no agent says.
 *
 *	int main(int argc, char **argv) { return liar_is_asked(lies, n) ? 0 : run the tests; }
 */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "remote/host.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Answers the first request after HELLO; what it leaves open is closed by its end. */
typedef void lie_fn(uint32_t request);

struct lie {
	const char *name;
	lie_fn *tell;
	const char *words; /* of the error that mailhaul gives */
	bool in_hello;     /* it is told instead of a greeting */
};

/* False when nobody listens any more. */
static inline bool liar_say(struct span bytes)
{
	return fd_write_all(STDOUT_FILENO, bytes.p, bytes.n) == 0;
}

/* Until mailhaul gives it up. */
static inline void liar_wait(void)
{
	char some[4096];

	while (read(STDIN_FILENO, some, sizeof some) > 0)
		;
}

static inline bool liar_frame(enum wire_kind kind, uint32_t request, struct span body)
{
	AUTO_BUF struct buf out = { 0 };

	wire_frame(&out, kind, request, body);
	return liar_say(buf_span(&out));
}

/* Waits for a request; its number. */
static inline uint32_t liar_request(struct buf *in)
{
	struct wire_frame frame;
	struct error err;
	size_t used;

	while (wire_read_frame(buf_span(in), &frame, &used, &err) != 1) {
		ssize_t n = read(STDIN_FILENO, buf_room(in, 65536), 65536);

		if (n <= 0)
			_exit(0);
		buf_grown(in, (size_t)n);
	}
	buf_drop_front(in, used);
	return frame.request;
}

static inline void liar_greet(uint32_t request, uint64_t features)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_hello(&body, &(struct wire_hello){ .version = WIRE_VERSION,
	                                            .hostname = SPAN("old.example.org"),
	                                            .machine_id = SPAN("4711"),
	                                            .instance = SPAN("liar"),
	                                            .system = SPAN("Linux"),
	                                            .features = features });
	liar_frame(WIRE_END, request, buf_span(&body));
}

static inline bool liar_is_asked(const struct lie *lies, size_t n)
{
	const char *which = getenv("LIE");
	AUTO_BUF struct buf in = { 0 };
	const struct lie *lie;

	if (!which)
		return false;
	lie = &lies[strtoul(which, NULL, 10) % n];
	alarm(300);
	if (!lie->in_hello)
		liar_greet(liar_request(&in), 0);
	lie->tell(liar_request(&in));
	return true;
}

/* Memory that one listing of it may take. */
#define LIAR_KEPT_MAX (8u << 20)
#define LIAR_SILENCE_MS 2000
#define LIAR_PATIENCE_MS 60000

/* Opens a host whose agent tells that lie, and is waited for so long. */
static inline int liar_open(size_t lie, int silence_ms, struct host **h, struct error *err)
{
	AUTO_FREE char *agent = xstrdup(getenv("MAILHAUL_AGENT"));
	const struct host_place place = { .name = "old",
		                          .reach = HOST_FOLDER,
		                          .target = "/nonexistent",
		                          .silence_ms = silence_ms,
		                          .kept_max = LIAR_KEPT_MAX };
	char number[24], self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int result;

	assert_true(n > 0);
	self[n] = 0;
	snprintf(number, sizeof number, "%zu", lie);
	setenv("LIE", number, 1);
	setenv("MAILHAUL_AGENT", self, 1);
	result = host_open(h, &place, err);
	setenv("MAILHAUL_AGENT", agent, 1);
	unsetenv("LIE");
	return result;
}
