/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "base/clock.h"
#include "base/memory.h"
#include "mta/family.h"
#include "mta/postfix_master.h"
#include "mta/postfix_settings.h"

#include <errno.h>
#include <string.h>

#define MASTER "/etc/postfix/master.cf"
#define MASTER_BEFORE MASTER ".mailhaul"
#define WAIT_MS 60000
#define LOOK_MS 20

/* Pid of the master; 0 when it does not run. `postfix status` would start seven programs to tell it. */
static int find_master(struct host *h, unsigned long *out, struct error *err)
{
	AUTO_FREE char *queue_dir = NULL, *pid_file = NULL;

	*out = 0;
	if (host_reach(h) == HOST_FOLDER)
		return 0;
	if (postfix_queue_dir(h, &queue_dir, err) < 0)
		return -1;
	pid_file = xasprintf("%s/pid/master.pid", queue_dir);
	return family_pid(h, pid_file, "master", out, err);
}

int postfix_is_running(struct host *h, bool *running, struct error *err)
{
	unsigned long master;

	if (find_master(h, &master, err) < 0)
		return -1;
	*running = master != 0;
	return 0;
}

int postfix_need_stopped(struct host *h, struct error *err)
{
	bool running;

	if (postfix_is_running(h, &running, err) < 0)
		return -1;
	if (running)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "%s: Postfix still runs", host_name(h));
	return 0;
}

/* Where systemd runs, a daemon started behind its back would be unknown to it. */
static bool has_systemd(struct host *h)
{
	return host_has(h, "/run/systemd/system");
}

static int systemctl(struct host *h, const char *verb, struct error *err)
{
	const char *const arguments[] = { verb, "postfix", NULL };

	return host_do(h, "systemctl", arguments, SPAN(""), NULL, err);
}

/* ── accepting ───────────────────────────────────────────────────────────────────────────────── */

/* Reads master.cf with the owner and mode that it has to keep. */
static int read_master(struct host *h, struct buf *text, struct host_entry *entry,
                       struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	if (host_read(h, MASTER, POSTFIX_FILE_MAX, text, err) < 0 ||
	    host_list(h, MASTER, 0, &l, err) < 0)
		return -1;
	*entry = l.rows[0];
	entry->path = entry->target = NULL;
	return 0;
}

static int write_master(struct host *h, const char *path, const struct host_entry *like,
                        struct span text, struct error *err)
{
	return host_write(h, path, like->mode & 07777, like->uid, like->gid, text, err);
}

struct closing {
	bool keep_filters_way_back;
};

static bool is_loopback(const char *address)
{
	return !strcmp(address, "127.0.0.1") || !strcmp(address, "::1") ||
	       !strcmp(address, "localhost");
}

/* A content filter gives mail back by SMTP on a loopback port: closed, the queue could never be
 * emptied. It takes nothing new, because nothing reaches the filter but through Postfix. */
static bool goes(void *context, const struct span fields[8])
{
	const struct closing *c = context;
	AUTO_FREE char *name = span_dup(fields[0]), *address = postfix_service_address(name);
	unsigned port = postfix_service_port(name);

	if (!postfix_master_accepts(fields))
		return false;
	return !(c->keep_filters_way_back && is_loopback(address) && port != 25 && port != 465 &&
	         port != 587);
}

static int has_filter(struct host *h, bool *out, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };

	if (postfix_settings(h, &f, err) < 0)
		return -1;
	postfix_find_files(&f);
	*out = f.filters.n > 0;
	return 0;
}

/* Does a Postfix process still listen where mail comes in? */
static int still_listens(struct host *h, bool *out, struct error *err)
{
	AUTO_LISTENERS struct host_listeners l = { 0 };

	*out = false;
	if (host_listeners(h, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		unsigned port = l.rows[i].port;

		if ((port == 25 || port == 465 || port == 587) &&
		    strstr(l.rows[i].program, "/postfix/") && !is_loopback(l.rows[i].address))
			*out = true;
	}
	return 0;
}

static int reload(struct host *h, bool wait, struct error *err)
{
	int64_t until = clock_monotonic_ms() + 5000;
	bool running, listens = true;

	if (postfix_is_running(h, &running, err) < 0)
		return -1;
	if (!running)
		return 0;
	if (host_do(h, "postfix-reload", NULL, SPAN(""), NULL, err) < 0)
		return -1;
	/* the command returns when the master has the signal, not when it has done its work; a
	 * second instance may listen too, so this does not wait for ever */
	while (wait && listens && clock_monotonic_ms() < until) {
		if (still_listens(h, &listens, err) < 0)
			return -1;
		if (listens)
			clock_sleep_ms(LOOK_MS);
	}
	return 0;
}

int postfix_stop_accepting(struct host *h, struct error *err)
{
	AUTO_BUF struct buf text = { 0 }, closed = { 0 };
	struct closing c = { 0 };
	struct host_entry like;

	if (has_filter(h, &c.keep_filters_way_back, err) < 0 ||
	    read_master(h, &text, &like, err) < 0)
		return error_context(err, "%s: close Postfix", host_name(h));
	if (postfix_master_close(buf_span(&text), goes, &c, &closed) > 0) {
		/* what it was before, for a person: while something is open, it is the original */
		if (write_master(h, MASTER_BEFORE, &like, buf_span(&text), err) < 0 ||
		    write_master(h, MASTER, &like, buf_span(&closed), err) < 0)
			return error_context(err, "%s: close Postfix", host_name(h));
	}
	/* also when nothing was to be changed: a run before may have ended right here */
	return reload(h, true, err);
}

int postfix_resume_accepting(struct host *h, struct error *err)
{
	AUTO_BUF struct buf text = { 0 }, opened = { 0 };
	struct host_entry like;

	if (read_master(h, &text, &like, err) < 0)
		return error_context(err, "%s: open Postfix", host_name(h));
	if (postfix_master_open(buf_span(&text), &opened) > 0 &&
	    write_master(h, MASTER, &like, buf_span(&opened), err) < 0)
		return error_context(err, "%s: open Postfix", host_name(h));
	return reload(h, false, err);
}

int postfix_flush(struct host *h, struct error *err)
{
	return host_do(h, "postfix-flush", NULL, SPAN(""), NULL, err);
}

/* ── stop and start ──────────────────────────────────────────────────────────────────────────── */

int postfix_stop(struct host *h, struct error *err)
{
	AUTO_FAMILY struct family family = { 0 };
	unsigned long master;

	if (find_master(h, &master, err) < 0)
		return -1;
	if (!master)
		return 0;
	if (family_find(h, master, &family, err) < 0)
		return -1;
	if (has_systemd(h) && systemctl(h, "stop", err) < 0)
		return -1;
	/* started by hand, it is unknown to systemd and runs on */
	if (find_master(h, &master, err) < 0 ||
	    (master && host_do(h, "postfix-stop", NULL, SPAN(""), NULL, err) < 0))
		return -1;
	return family_await_end(h, &family, WAIT_MS, "Postfix", err);
}

int postfix_start(struct host *h, struct error *err)
{
	int64_t until = clock_monotonic_ms() + WAIT_MS;
	bool running;

	if (postfix_is_running(h, &running, err) < 0)
		return -1;
	if (running)
		return 0;
	if (has_systemd(h) ? systemctl(h, "start", err) < 0
	                   : host_do(h, "postfix-start", NULL, SPAN(""), NULL, err) < 0)
		return -1;
	do {
		if (postfix_is_running(h, &running, err) < 0)
			return -1;
		if (running)
			return 0;
		clock_sleep_ms(LOOK_MS);
	} while (clock_monotonic_ms() < until);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT,
	                 "%s: Postfix was started and does not run", host_name(h));
}
