/* SPDX-License-Identifier: BSD-2-Clause */

/* facts -- what a host is: kernel, clock, programs and their versions, who runs, what forbids. */

#include "doctor/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "lists/data_version.h"
#include "lists/resolve.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_MAX (64u << 10)
#define STATUS_MAX (64u << 20)
#define MOUNTINFO_MAX (8u << 20)
#define CLOCK_TRIES 3

void facts_fini(struct doctor_host *host)
{
	for (size_t i = 0; i < LISTS_PATHS; i++)
		free(host->places[i].end);
	free(host->kernel);
	free(host->python);
	mounts_fini(&host->mounts);
	system_users_fini(&host->users);
	host_processes_fini(&host->processes);
	strings_fini(&host->packages);
	strings_fini(&host->known);
	*host = (struct doctor_host){ 0 };
}

/* 1 read, 0 not there or not readable, -1. */
static int read_file(struct host *h, const char *path, uint64_t limit, struct buf *out,
                     struct error *err)
{
	struct error why = { 0 };

	if (host_read(h, path, limit, out, &why) == 0)
		return 1;
	buf_reset(out);
	return is_unreached(&why, err) ? -1 : 0;
}

/* ── kernel, mounts, processes, clock ────────────────────────────────────────────────────────── */

/* The boot id: device numbers of hosts with one kernel can be compared. */
static void read_kernel(struct doctor_host *host)
{
	struct span instance = host_hello(host->h)->instance, word;
	AUTO_BUF struct buf boot = { 0 };
	struct error ignored = { 0 };

	/* the agent of a folder, and of this machine, runs here */
	if (host_reach(host->h) != HOST_SSH) {
		if (file_read("/proc/sys/kernel/random/boot_id", 100, &boot, &ignored) == 0)
			host->kernel = span_dup(span_trim(buf_span(&boot)));
		return;
	}
	if (span_next_word(&instance, &word) && word.n >= 32)
		host->kernel = span_dup(word);
}

/* How far the host's clock is ahead, by the quickest of a few round trips. */
static int read_clock(struct doctor_host *host, struct error *err)
{
	for (int i = 0; i < CLOCK_TRIES; i++) {
		AUTO_RUN struct host_run run = { 0 };
		struct error why = { 0 };
		int64_t wall = clock_wall_ms(), from = clock_monotonic_ms(), trip, there, doubt = 0;
		char *end;

		if (host_run(host->h, "clock", NULL, SPAN(""), &run, &why) < 0)
			return is_unreached(&why, err) ? -1 : 0;
		trip = clock_monotonic_ms() - from;
		/* some have no %N, and give whole seconds */
		there = (int64_t)(strtod(buf_text(&run.out), &end) * 1000);
		if (run.status || end == buf_text(&run.out))
			return 0;
		if (*end != '\n') {
			there += 500;
			doubt += 500;
		}
		if (host->knows_clock && trip / 2 + doubt >= host->give_or_take_ms)
			continue;
		host->knows_clock = true;
		host->give_or_take_ms = trip / 2 + doubt;
		host->ahead_ms = there - (wall + trip / 2);
	}
	return 0;
}

static int read_running(struct doctor_host *host, struct strings *troubles, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };

	if (host_reach(host->h) == HOST_FOLDER)
		return 0;
	if (read_file(host->h, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, err) < 0)
		return -1;
	mounts_parse(&host->mounts, buf_span(&text));
	if (host_processes(host->h, &host->processes, &why) == 0)
		host->knows_processes = true;
	else if (is_unreached(&why, err))
		return -1;
	else
		strings_addf(troubles, "%s: %s", host->name, why.text);
	if (read_clock(host, err) < 0)
		return -1;
	if (!host->knows_clock)
		strings_addf(troubles, "%s: its clock can't be read by date(1)", host->name);
	return 0;
}

static bool ends_with_program(struct span word, const char *name)
{
	size_t n = strlen(name);

	return span_ends(word, name) && (word.n == n || word.p[word.n - n - 1] == '/');
}

bool process_is_master(const struct host_process *p)
{
	struct span rest = span_of(p->command), word;
	bool is_ctl = false;

	while (span_next_word(&rest, &word)) {
		is_ctl |= ends_with_program(word, "mailmanctl");
		/* it may also be asked to stop, or how it does */
		if (is_ctl && (span_is(word, "start") || span_is(word, "restart")))
			return true;
	}
	return false;
}

bool doctor_has_master(const struct doctor_host *host)
{
	for (size_t i = 0; i < host->processes.n; i++)
		if (process_is_master(&host->processes.rows[i]))
			return true;
	return false;
}

/* ── programs ────────────────────────────────────────────────────────────────────────────────── */

/* "python2.7": 207. */
static unsigned version_of_name(struct span path)
{
	ssize_t at;
	struct span rest = path;
	unsigned major = 0, minor = 0;
	char text[16] = "";

	while ((at = span_find(rest, '/')) >= 0)
		rest = span_from(rest, (size_t)at + 1);
	if (!span_starts(rest, "python") || rest.n >= sizeof text)
		return 0;
	memcpy(text, rest.p, rest.n);
	if (sscanf(text, "python%1u.%2u", &major, &minor) != 2)
		return 0;
	return major * 100 + minor;
}

/* The program that "#!" names in one of Mailman's own. */
static int read_shebang(struct doctor_host *host, const char *program, struct error *err)
{
	AUTO_FREE char *path = lists_paths_join(&host->m->paths, LISTS_BIN_DIR, program);
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line, word;
	AUTO_FREE char *end = NULL;
	int is = path ? read_file(host->h, path, SMALL_MAX, &text, err) : 0;

	if (is <= 0)
		return is;
	rest = buf_span(&text);
	if (!span_next_line(&rest, &line) || !span_starts(line, "#!"))
		return 0;
	line = span_from(line, 2);
	/* env(1) asks whoever starts it; only a path that was built in says what runs */
	if (!span_next_word(&line, &word) || span_find_text(word, "python") < 0)
		return 0;
	host->python = span_dup(word);
	host->python_version = version_of_name(word);
	if (host->python_version)
		return 1;
	if (lists_resolve(host->h, host->python, &end, NULL, err) < 0)
		return -1;
	host->python_version = end ? version_of_name(span_of(end)) : 0;
	return 1;
}

static int read_python(struct doctor_host *host, struct error *err)
{
	static const char *const programs[] = { "mailmanctl", "qrunner", "newlist", "withlist" };
	int is = 0;

	for (size_t i = 0; i < ROWS(programs) && is == 0; i++)
		is = read_shebang(host, programs[i], err);
	return is < 0 ? -1 : 0;
}

static bool is_wanted_package(struct span name)
{
	return span_is(name, "mailman") || span_is(name, "python") || span_is(name, "python2") ||
	       (span_starts(name, "python2.") && name.n <= strlen("python2.7"));
}

/* Of dpkg, whose status is a text. */
static int read_dpkg(struct doctor_host *host, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line, name = { 0 };

	if (read_file(host->h, "/var/lib/dpkg/status", STATUS_MAX, &text, err) < 0)
		return -1;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line)) {
		if (span_starts(line, "Package: "))
			name = span_from(line, strlen("Package: "));
		else if (span_starts(line, "Status: ") && !span_ends(line, " installed"))
			name.n = 0;
		else if (span_starts(line, "Version: ") && is_wanted_package(name))
			strings_addf(&host->packages, "%.*s %.*s", (int)name.n, name.p,
			             (int)(line.n - strlen("Version: ")),
			             line.p + strlen("Version: "));
	}
	return 0;
}

static int read_rpm(struct doctor_host *host, struct error *err)
{
	static const char *const names[] = { "mailman", "python", "python2", NULL };
	AUTO_RUN struct host_run run = { 0 };
	struct error why = { 0 };
	struct span rest, line;

	if (host_reach(host->h) == HOST_FOLDER || !host_has(host->h, "/var/lib/rpm"))
		return 0;
	if (host_run(host->h, "rpm-versions", names, SPAN(""), &run, &why) < 0)
		return is_unreached(&why, err) ? -1 : 0;
	rest = buf_span(&run.out);
	/* what is not installed is told of in a sentence */
	while (span_next_line(&rest, &line))
		if (!span_starts(line, "package "))
			strings_add_span(&host->packages, line);
	return 0;
}

/* ── what forbids ────────────────────────────────────────────────────────────────────────────── */

static int read_seals(struct doctor_host *host, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int is = read_file(host->h, "/sys/fs/selinux/enforce", 16, &text, err);

	if (is > 0)
		host->selinux = span_starts(buf_span(&text), "1") ? "enforcing" : "permissive";
	if (is == 0) {
		is = read_file(host->h, "/etc/selinux/config", SMALL_MAX, &text, err);
		host->selinux = host_reach(host->h) != HOST_FOLDER ? "off" : "not known";
		if (is > 0 && host_reach(host->h) == HOST_FOLDER) {
			struct span s = buf_span(&text);

			host->selinux = span_find_text(s, "\nSELINUX=enforcing") >= 0 ? "enforcing"
			                : span_find_text(s, "\nSELINUX=permissive") >= 0
			                        ? "permissive"
			                        : "off";
		}
	}
	if (is < 0)
		return -1;
	is = read_file(host->h, "/sys/module/apparmor/parameters/enabled", 16, &text, err);
	host->apparmor = is > 0 && span_starts(buf_span(&text), "Y");
	return is < 0 ? -1 : 0;
}

int facts_read(struct doctor_host *host, struct strings *troubles, struct error *err)
{
	struct error why = { 0 };

	read_kernel(host);
	if (system_users_read(host->h, false, &host->users, &why) < 0) {
		if (is_unreached(&why, err))
			return -1;
		strings_addf(troubles, "%s: %s", host->name, why.text);
	}
	return read_running(host, troubles, err) < 0 || read_python(host, err) < 0 ||
	                       lists_data_version_read(host->h, host->m, &host->data_version, err) <
	                               0 ||
	                       read_dpkg(host, err) < 0 || read_rpm(host, err) < 0 ||
	                       read_seals(host, err) < 0
	               ? -1
	               : 0;
}
