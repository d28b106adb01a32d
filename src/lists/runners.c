/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/runners.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_MS 100
#define START_WAIT_MS 20000
#define PID_FILE_MAX 64u

void lists_runners_fini(struct lists_runners *r)
{
	free(r->words);
	*r = (struct lists_runners){ 0 };
}

/* ── looking ─────────────────────────────────────────────────────────────────────────────────── */

/* "python -S /x/bin/qrunner --runner=...", or the program by itself; the interpreter may be anything that
 * begins like Python's. An editor that has the file open is none. */
static bool is_program(struct span command, const char *program)
{
	struct span rest = command, word;
	bool first = true;

	while (span_next_word(&rest, &word)) {
		bool is_option = word.n && word.p[0] == '-';
		ssize_t slash = -1;

		if (span_ends(word, program))
			return true;
		for (size_t i = 0; i < word.n; i++)
			if (word.p[i] == '/')
				slash = (ssize_t)i;
		if (first && !span_starts(span_from(word, (size_t)(slash + 1)), "python"))
			return false;
		if (!first && !is_option)
			return false;
		first = false;
	}
	return false;
}

int lists_runners_look(struct host *h, struct lists_runners *out, struct error *err)
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
		struct span command = span_of(p->command);
		bool is_master = is_program(command, "/bin/mailmanctl");

		if (!is_master && !is_program(command, "/bin/qrunner"))
			continue;
		out->n++;
		if (is_master && !out->master)
			out->master = p->pid;
		buf_addf(&words, "%spid %lu: ", words.n ? "; " : "", p->pid);
		buf_add_printable(&words, command);
	}
	out->words = out->n ? buf_take(&words) : NULL;
	return 0;
}

static int wait_for(struct host *h, bool running, int64_t wait_ms, struct lists_runners *seen,
                    struct error *err)
{
	int64_t end = clock_monotonic_ms() + wait_ms;

	for (;;) {
		lists_runners_fini(seen);
		if (lists_runners_look(h, seen, err) < 0)
			return -1;
		if ((seen->n > 0) == running || clock_monotonic_ms() >= end)
			return 0;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
}

/* ── stopping ────────────────────────────────────────────────────────────────────────────────── */

/* Where the program is; NULL: it is not there. The caller's. */
static char *find_control(struct host *h, const struct lists_installation *m)
{
	char *made[2] = { m->code ? xasprintf("%s/bin/mailmanctl", m->code) : NULL,
		          lists_paths_join(&m->paths, LISTS_BIN_DIR, "mailmanctl") };

	for (size_t i = 0; i < ROWS(made); i++) {
		if (made[i] && host_has(h, made[i])) {
			char *found = made[i];

			free(made[!i]);
			return found;
		}
	}
	free(made[0]);
	free(made[1]);
	return NULL;
}

/* Whose number the pid file has; 0: nobody's that runs. An old file may name any process. */
static unsigned long read_master(struct host *h, const struct lists_installation *m,
                                 const struct lists_runners *seen)
{
	const char *path = m->paths.value[LISTS_PIDFILE];
	AUTO_FREE char *known = NULL;
	AUTO_BUF struct buf text = { 0 };
	struct error ignored = { 0 };
	uint64_t pid;

	if (seen->master)
		return seen->master;
	if (!path || host_read(h, path, PID_FILE_MAX, &text, &ignored) < 0 ||
	    !span_parse_u64(span_trim(buf_span(&text)), &pid))
		return 0;
	known = xasprintf("pid %llu: ", (unsigned long long)pid);
	return strstr(seen->words, known) ? (unsigned long)pid : 0;
}

static int signal_master(struct host *h, const struct lists_installation *m,
                         const struct lists_runners *seen, struct error *err)
{
	unsigned long pid = read_master(h, m, seen);
	AUTO_FREE char *word = xasprintf("%lu", pid);
	const char *const words[] = { word, NULL };

	if (pid)
		return host_do(h, "process-end", words, (struct span){ 0 }, NULL, err);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s: Mailman's runners have no master that could stop them: %s",
	                 host_name(h), seen->words);
}

static int ask_to_stop(struct host *h, const struct lists_installation *m,
                       const struct lists_runners *seen, struct error *err)
{
	AUTO_FREE char *control = find_control(h, m);
	const char *const words[] = { control, "stop", NULL };
	struct error why = { 0 };

	if (control && host_do(h, "mailmanctl", words, (struct span){ 0 }, NULL, &why) == 0)
		return 0;
	if (control && why.retry == ERROR_RETRY_REACH) {
		*err = why;
		return -1;
	}
	return signal_master(h, m, seen, err);
}

int lists_runners_stop(struct host *h, const struct lists_installation *m, int64_t wait_ms,
                       struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };

	if (lists_runners_look(h, &seen, err) < 0)
		return -1;
	if (!seen.n)
		return 0;
	if (ask_to_stop(h, m, &seen, err) < 0 || wait_for(h, false, wait_ms, &seen, err) < 0)
		return -1;
	if (!seen.n)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "%s: %zu processes of Mailman do not end: %s", host_name(h), seen.n, seen.words);
	return error_hint(err, "a runner ends when it is through with the message that it is at; "
	                       "killed, it would send that again");
}

/* ── starting ────────────────────────────────────────────────────────────────────────────────── */

static bool has_service(struct host *h)
{
	static const char *const places[] = { "/etc/init.d/mailman",
		                              "/lib/systemd/system/mailman.service",
		                              "/usr/lib/systemd/system/mailman.service",
		                              "/etc/systemd/system/mailman.service" };

	for (size_t i = 0; i < ROWS(places); i++)
		if (host_has(h, places[i]))
			return true;
	return false;
}

bool lists_runners_can_start(struct host *h, const struct lists_installation *m)
{
	AUTO_FREE char *control = find_control(h, m);

	return control || has_service(h);
}

static int start(struct host *h, const struct lists_installation *m, struct error *err)
{
	static const char *const service[] = { "mailman", "start", NULL };
	AUTO_FREE char *control = find_control(h, m);
	const char *const words[] = { control, "-s", "start", NULL };

	/* a service manager knows of what it has started itself */
	if (has_service(h) && host_do(h, "service", service, (struct span){ 0 }, NULL, err) == 0)
		return 0;
	if (control)
		return host_do(h, "mailmanctl", words, (struct span){ 0 }, NULL, err);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s: there is no mailmanctl in %s/bin, and no service of Mailman",
	                 host_name(h), m->code ? m->code : "its installation");
}

int lists_runners_start(struct host *h, const struct lists_installation *m, struct error *err)
{
	AUTO_LISTS_RUNNERS struct lists_runners seen = { 0 };

	if (host_reach(h) == HOST_FOLDER || lists_runners_look(h, &seen, err) < 0)
		return host_reach(h) == HOST_FOLDER ? 0 : -1;
	if (seen.n)
		return 0;
	if (start(h, m, err) < 0 || wait_for(h, true, START_WAIT_MS, &seen, err) < 0)
		return error_hint(err, "start Mailman there, and give the same command again");
	if (seen.n)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s: Mailman was started, and none of its processes is there",
	                 host_name(h));
}
