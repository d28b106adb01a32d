/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/family.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>

#define LOOK_MS 20

void family_fini(struct family *f)
{
	free(f->pids);
	*f = (struct family){ 0 };
}

static bool has_pid(const struct family *f, unsigned long pid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->pids[i] == pid)
			return true;
	return false;
}

static void add_pid(struct family *f, unsigned long pid)
{
	ARRAY_GROW(f->pids, f->n, f->room);
	f->pids[f->n++] = pid;
}

int family_find(struct host *h, unsigned long pid, struct family *out, struct error *err)
{
	AUTO_PROCESSES struct host_processes all = { 0 };
	size_t before;

	if (!pid)
		return 0;
	if (host_processes(h, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (all.rows[i].pid == pid)
			add_pid(out, pid);
	do {
		before = out->n;
		for (size_t i = 0; i < all.n; i++)
			if (has_pid(out, all.rows[i].parent) && !has_pid(out, all.rows[i].pid))
				add_pid(out, all.rows[i].pid);
	} while (out->n > before);
	return 0;
}

int family_await_end(struct host *h, const struct family *f, int64_t wait_ms, const char *what,
                     struct error *err)
{
	int64_t until = clock_monotonic_ms() + wait_ms;
	size_t alive = f->n;

	while (alive) {
		AUTO_PROCESSES struct host_processes all = { 0 };

		if (host_processes(h, &all, err) < 0)
			return -1;
		alive = 0;
		for (size_t i = 0; i < all.n; i++)
			alive += has_pid(f, all.rows[i].pid);
		if (alive && clock_monotonic_ms() > until)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT,
			                 "%s: %zu processes of %s are still there", host_name(h),
			                 alive, what);
		if (alive)
			clock_sleep_ms(LOOK_MS);
	}
	return 0;
}

int family_pid(struct host *h, const char *pid_file, const char *name, unsigned long *out,
               struct error *err)
{
	AUTO_PROCESSES struct host_processes all = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	uint64_t pid;

	*out = 0;
	if (host_read(h, pid_file, 64, &text, &why) < 0) {
		if (why.sys_errno == ENOENT)
			return 0;
		*err = why;
		return -1;
	}
	if (!span_parse_u64(span_trim(buf_span(&text)), &pid))
		return 0;
	if (host_processes(h, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (all.rows[i].pid == pid && !strcmp(all.rows[i].name, name))
			*out = (unsigned long)pid;
	return 0;
}
