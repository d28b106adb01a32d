/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_runners.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

#define LOOK_EVERY_MS 200

/* ── looking ─────────────────────────────────────────────────────────────────────────────────── */

/* "python3 /usr/lib/mailman3/bin/runner -C /etc/mailman3/mailman.cfg --runner=in:0:1" */
static bool is_runner(const struct host_process *p)
{
	const char *program = strstr(p->command, "/bin/runner ");

	return program && strstr(program, " --runner=");
}

/* Other programs have a master, too, and start it otherwise. */
static bool is_master(const struct host_process *p)
{
	const char *program = strstr(p->command, "/bin/master ");

	return program && strstr(program, " -C ");
}

int lists_mailman3_runners_look(struct host *h, struct lists_runners *out, struct error *err)
{
	AUTO_PROCESSES struct host_processes all = { 0 };
	AUTO_BUF struct buf words = { 0 };

	*out = (struct lists_runners){ 0 };
	if (host_reach(h) == HOST_FOLDER)
		return 0;
	if (host_processes(h, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct host_process *p = &all.rows[i];
		bool master = is_master(p);

		if (!master && !is_runner(p))
			continue;
		out->n++;
		if (master && !out->master)
			out->master = p->pid;
		buf_addf(&words, "%spid %lu: ", words.n ? "; " : "", p->pid);
		buf_add_printable(&words, span_of(p->command));
	}
	out->words = out->n ? buf_take(&words) : NULL;
	return 0;
}

static int await_none(struct host *h, int64_t wait_ms, struct lists_runners *seen,
                      struct error *err)
{
	int64_t end = clock_monotonic_ms() + wait_ms;

	for (;;) {
		lists_runners_fini(seen);
		if (lists_mailman3_runners_look(h, seen, err) < 0)
			return -1;
		if (!seen->n || clock_monotonic_ms() >= end)
			return 0;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
}

/* ── stopping, starting ──────────────────────────────────────────────────────────────────────── */

static bool has_service(struct host *h)
{
	static const char *const places[] = { "/etc/init.d/mailman3",
		                              "/lib/systemd/system/mailman3.service",
		                              "/usr/lib/systemd/system/mailman3.service",
		                              "/etc/systemd/system/mailman3.service" };

	for (size_t i = 0; i < ROWS(places); i++)
		if (host_has(h, places[i]))
			return true;
	return false;
}

/* By the service manager, which knows of what it has started itself; else by Mailman's own program. */
static int control(const struct lists_mailman3_core *core, const char *verb, struct error *err)
{
	const char *const service[] = { "mailman3", verb, NULL };
	AUTO_FREE char *row = xasprintf("mailman3-%s", verb);
	struct error ignored = { 0 };

	if (has_service(core->h) &&
	    host_do(core->h, "service", service, SPAN(""), NULL, &ignored) == 0)
		return 0;
	return lists_mailman3_run(core, row, err);
}

int lists_mailman3_runners_stop(const struct lists_mailman3_core *core, int64_t wait_ms,
                                struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };

	if (lists_mailman3_runners_look(core->h, &seen, err) < 0)
		return -1;
	if (!seen.n)
		return 0;
	if (control(core, "stop", err) < 0 || await_none(core->h, wait_ms, &seen, err) < 0)
		return -1;
	if (!seen.n)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "%s: %zu processes of Mailman 3 do not end: %s", host_name(core->h), seen.n,
	          seen.words);
	return error_hint(err, "killed, a runner would send again what it is at");
}

static int takes_posts(struct host *h, unsigned port, bool *yes, struct error *err)
{
	AUTO_LISTENERS struct host_listeners all = { 0 };

	*yes = false;
	if (host_listeners(h, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		*yes = *yes || all.rows[i].port == port;
	return 0;
}

/* Settled, and not stopped behind it. */
static bool takes_no_more(const struct lists_runners *seen)
{
	return seen->n && strstr(seen->words, "--runner=") && !strstr(seen->words, "--runner=lmtp");
}

int lists_mailman3_runners_start(const struct lists_mailman3_core *core, unsigned lmtp_port,
                                 int64_t wait_ms, struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };
	int64_t end = clock_monotonic_ms() + wait_ms;
	bool yes = false;

	if (lists_mailman3_runners_look(core->h, &seen, err) < 0)
		return -1;
	if (takes_no_more(&seen)) {
		if (lists_mailman3_runners_stop(core, wait_ms, err) < 0)
			return -1;
		lists_runners_fini(&seen);
	}
	if (!seen.n && control(core, "start", err) < 0)
		return error_hint(err, "start Mailman 3 there, and give the same command again");
	for (;;) {
		if (takes_posts(core->h, lmtp_port, &yes, err) < 0)
			return -1;
		if (yes)
			return 0;
		if (clock_monotonic_ms() >= end)
			break;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "%s: Mailman 3 was started, and nothing listens on its port %u",
	          host_name(core->h), lmtp_port);
	return error_hint(err, "its log says why; then the same command again");
}
