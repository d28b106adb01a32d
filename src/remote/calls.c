/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/host.h"

#include "base/memory.h"

#include <errno.h>
#include <string.h>

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

/* What a host may make us keep of one answer: far beyond any real one. */
#define ROWS_MAX 1000000u

static int too_much(struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "the agent sends more than it was asked for");
}

struct part {
	struct buf *out;
	uint64_t most;
};

static int add_data(void *context, struct span body, struct error *err)
{
	struct part *p = context;

	if (body.n > p->most)
		return too_much(err);
	p->most -= body.n;
	buf_add_span(p->out, body);
	return 0;
}

int host_read_part_send(struct host *h, const char *path, uint64_t offset, uint64_t most,
                        struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, path);
	wire_put_u64(&body, offset);
	wire_put_u64(&body, most);
	return host_send(h, WIRE_READ, buf_span(&body), err);
}

int host_read_part_collect(struct host *h, uint64_t most, struct buf *out, uint64_t *size,
                           struct error *err)
{
	AUTO_BUF struct buf end = { 0 };
	struct part part = { out, most };

	buf_reset(out);
	if (host_collect(h, add_data, &part, &end, err) < 0)
		return -1;

	struct wire_reader r = { .rest = buf_span(&end) };
	*size = wire_get_u64(&r);
	return wire_read_end(&r, "answer to READ", err);
}

int host_read_part(struct host *h, const char *path, uint64_t offset, uint64_t most,
                   struct buf *out, uint64_t *size, struct error *err)
{
	buf_reset(out);
	return host_read_part_send(h, path, offset, most, err) < 0
	               ? -1
	               : host_read_part_collect(h, most, out, size, err);
}

int host_read(struct host *h, const char *path, uint64_t limit, struct buf *out, struct error *err)
{
	uint64_t size = 0;

	if (host_read_part(h, path, 0, limit + 1, out, &size, err) < 0)
		return -1;
	if (out->n > limit)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EFBIG,
		                 "%s: %s is longer than %llu octets", host_name(h), path,
		                 (unsigned long long)limit);
	return 0;
}

void host_listing_fini(struct host_listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].path);
		free(l->rows[i].target);
	}
	free(l->rows);
	*l = (struct host_listing){ 0 };
}

static int add_entry(void *context, struct span body, struct error *err)
{
	struct host_listing *l = context;
	struct wire_entry e;

	if (l->n == ROWS_MAX)
		return too_much(err);
	if (wire_get_entry(body, &e, err) < 0)
		return -1;
	ARRAY_GROW(l->rows, l->n, l->room);
	l->rows[l->n++] = (struct host_entry){
		.path = span_dup(e.path),
		.target = e.target.n ? span_dup(e.target) : NULL,
		.mode = (uint32_t)e.mode,
		.uid = (uint32_t)e.uid,
		.gid = (uint32_t)e.gid,
		.size = e.size,
		.links = e.links,
		.inode = e.inode,
		.mtime_ns = (int64_t)e.mtime_ns,
	};
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct host_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int host_list_send(struct host *h, const char *path, unsigned depth, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, path);
	wire_put_u64(&body, depth);
	return host_send(h, WIRE_LIST, buf_span(&body), err);
}

int host_list_collect(struct host *h, struct host_listing *out, struct error *err)
{
	AUTO_LISTING struct host_listing made = { 0 };

	if (host_collect(h, add_entry, &made, NULL, err) < 0)
		return -1;
	if (made.n)
		qsort(made.rows, made.n, sizeof *made.rows, by_path);
	*out = made;
	made = (struct host_listing){ 0 };
	return 0;
}

int host_list(struct host *h, const char *path, unsigned depth, struct host_listing *out,
              struct error *err)
{
	return host_list_send(h, path, depth, err) < 0 ? -1 : host_list_collect(h, out, err);
}

bool host_has(struct host *h, const char *path)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error ignored;

	return host_list(h, path, 0, &l, &ignored) == 0;
}

int host_space(struct host *h, const char *path, struct host_space *out, struct error *err)
{
	AUTO_BUF struct buf body = { 0 }, end = { 0 };
	struct host_space s;

	wire_put_text(&body, path);
	if (host_call(h, WIRE_SPACE, buf_span(&body), NULL, NULL, &end, err) < 0)
		return -1;

	struct wire_reader r = { .rest = buf_span(&end) };
	s.free_octets = wire_get_u64(&r);
	s.free_inodes = wire_get_u64(&r);
	s.size_octets = wire_get_u64(&r);
	s.fs_id = wire_get_u64(&r);
	s.device = wire_get_u64(&r);
	if (wire_read_end(&r, "answer to SPACE", err) < 0)
		return -1;
	*out = s;
	return 0;
}

int host_write(struct host *h, const char *path, uint32_t mode, uint32_t uid, uint32_t gid,
               struct span data, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	if (data.n > WIRE_BODY_MAX - 8192)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EFBIG,
		                 "%s: %s: %zu octets are too many for one write", host_name(h),
		                 path, data.n);
	wire_put_text(&body, path);
	wire_put_u64(&body, mode);
	wire_put_u64(&body, uid);
	wire_put_u64(&body, gid);
	wire_put_span(&body, data);
	return host_call(h, WIRE_WRITE, buf_span(&body), NULL, NULL, NULL, err);
}

int host_rename(struct host *h, const char *from, const char *to, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, from);
	wire_put_text(&body, to);
	return host_call(h, WIRE_RENAME, buf_span(&body), NULL, NULL, NULL, err);
}

int host_mkdir(struct host *h, const char *path, uint32_t mode, uint32_t uid, uint32_t gid,
               struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, path);
	wire_put_u64(&body, mode);
	wire_put_u64(&body, uid);
	wire_put_u64(&body, gid);
	return host_call(h, WIRE_MKDIR, buf_span(&body), NULL, NULL, NULL, err);
}

/* ── programs ────────────────────────────────────────────────────────────────────────────────── */

void host_run_fini(struct host_run *r)
{
	buf_fini(&r->out);
	buf_fini(&r->errors);
	r->status = 0;
}

/* Rows of agent/commands.c that may run for WIRE_RUN_LONG_S. */
static int patience_ms(const char *row)
{
	static const char *const rows[] = { "file-unpack", "file-append", "file-sync" };

	for (size_t i = 0; i < ROWS(rows); i++)
		if (!strcmp(row, rows[i]))
			return WIRE_RUN_LONG_S * 1000;
	return 0;
}

int host_run(struct host *h, const char *row, const char *const arguments[], struct span input,
             struct host_run *out, struct error *err)
{
	AUTO_BUF struct buf body = { 0 }, end = { 0 };
	uint64_t n = 0;
	int result;

	while (arguments && arguments[n])
		n++;
	wire_put_text(&body, row);
	wire_put_u64(&body, n);
	for (uint64_t i = 0; i < n; i++)
		wire_put_text(&body, arguments[i]);
	wire_put_span(&body, input);
	host_be_patient(h, patience_ms(row));
	result = host_call(h, WIRE_RUN, buf_span(&body), NULL, NULL, &end, err);
	host_be_patient(h, 0);
	if (result < 0)
		return -1;

	struct wire_reader r = { .rest = buf_span(&end) };
	uint64_t status = wire_get_u64(&r);
	struct span said = wire_get_span(&r), errors = wire_get_span(&r);
	bool cut = wire_get_u64(&r);
	if (wire_read_end(&r, "answer to RUN", err) < 0)
		return -1;
	if (cut)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EFBIG,
		                 "%s: %s said more than %zu octets", host_name(h), row, said.n);
	host_run_fini(out);
	out->status = (int)status;
	buf_add_span(&out->out, said);
	buf_add_span(&out->errors, errors);
	return 0;
}

int host_do(struct host *h, const char *row, const char *const arguments[], struct span input,
            struct buf *out, struct error *err)
{
	AUTO_RUN struct host_run run = { 0 };
	AUTO_BUF struct buf said = { 0 };

	if (host_run(h, row, arguments, input, &run, err) < 0)
		return -1;
	if (run.status != 0) {
		struct span words = span_trim(buf_span(&run.errors));

		buf_add_printable(&said, words.n > 300 ? span_from(words, words.n - 300) : words);
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "%s: %s ended with %d%s%s", host_name(h), row, run.status,
		                 said.n ? ": " : "", buf_text(&said));
	}
	if (out) {
		buf_fini(out);
		*out = run.out;
		run.out = (struct buf){ 0 };
	}
	return 0;
}

/* ── the network, processes ──────────────────────────────────────────────────────────────────── */

void host_listeners_fini(struct host_listeners *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].address);
		free(l->rows[i].program);
		free(l->rows[i].command);
	}
	free(l->rows);
	*l = (struct host_listeners){ 0 };
}

static int add_listener(void *context, struct span body, struct error *err)
{
	struct host_listeners *l = context;
	struct wire_listener w;

	if (l->n == ROWS_MAX)
		return too_much(err);
	if (wire_get_listener(body, &w, err) < 0)
		return -1;
	ARRAY_GROW(l->rows, l->n, l->room);
	l->rows[l->n++] = (struct host_listener){
		.family = w.family == 6 ? 6 : 4,
		.address = span_dup(w.address),
		.port = (unsigned)w.port,
		.pid = w.pid,
		.program = span_dup(w.program),
		.command = span_dup(w.command),
	};
	return 0;
}

int host_listeners(struct host *h, struct host_listeners *out, struct error *err)
{
	AUTO_LISTENERS struct host_listeners made = { 0 };

	if (host_call(h, WIRE_LISTENERS, SPAN(""), add_listener, &made, NULL, err) < 0)
		return -1;
	*out = made;
	made = (struct host_listeners){ 0 };
	return 0;
}

int host_announce(struct host *h, const char *interface, const char *address, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, interface);
	wire_put_text(&body, address);
	return host_call(h, WIRE_ANNOUNCE, buf_span(&body), NULL, NULL, NULL, err);
}

void host_processes_fini(struct host_processes *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].name);
		free(p->rows[i].command);
	}
	free(p->rows);
	*p = (struct host_processes){ 0 };
}

static int add_process(void *context, struct span body, struct error *err)
{
	struct host_processes *p = context;
	struct wire_reader r = { .rest = body };
	uint64_t pid = wire_get_u64(&r), parent = wire_get_u64(&r), uid = wire_get_u64(&r);
	struct span name = wire_get_span(&r), command = wire_get_span(&r);

	if (p->n == ROWS_MAX)
		return too_much(err);
	if (wire_read_end(&r, "process", err) < 0)
		return -1;
	ARRAY_GROW(p->rows, p->n, p->room);
	p->rows[p->n++] = (struct host_process){
		.pid = pid,
		.parent = parent,
		.uid = uid,
		.name = span_dup(name),
		.command = span_dup(command),
	};
	return 0;
}

int host_processes(struct host *h, struct host_processes *out, struct error *err)
{
	AUTO_PROCESSES struct host_processes made = { 0 };

	if (host_call(h, WIRE_PROCESSES, SPAN(""), add_process, &made, NULL, err) < 0)
		return -1;
	*out = made;
	made = (struct host_processes){ 0 };
	return 0;
}
