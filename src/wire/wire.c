/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/wire.h"

#include <assert.h>
#include <string.h>

static void put_number(struct buf *out, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		buf_add_char(out, (char)(value >> (8 * i)));
}

static uint64_t get_number(const char *p, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return value;
}

void wire_put_u64(struct buf *body, uint64_t value)
{
	put_number(body, value, 8);
}

void wire_put_span(struct buf *body, struct span text)
{
	assert(text.n <= WIRE_BODY_MAX);
	put_number(body, text.n, 4);
	buf_add_span(body, text);
}

void wire_put_text(struct buf *body, const char *text)
{
	wire_put_span(body, span_of(text));
}

void wire_frame(struct buf *out, enum wire_kind kind, uint32_t request, struct span body)
{
	assert(body.n <= WIRE_BODY_MAX);
	put_number(out, body.n, 4);
	put_number(out, (uint64_t)kind, 1);
	put_number(out, request, 4);
	buf_add_span(out, body);
}

int wire_read_frame(struct span bytes, struct wire_frame *out, size_t *used, struct error *err)
{
	uint64_t size;

	if (bytes.n < WIRE_HEADER_SIZE)
		return 0;
	size = get_number(bytes.p, 4);
	if (size > WIRE_BODY_MAX)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "a frame of %llu octets, more than %u", (unsigned long long)size,
		                 WIRE_BODY_MAX);
	if (bytes.n < WIRE_HEADER_SIZE + size)
		return 0;
	*out = (struct wire_frame){
		.kind = (enum wire_kind)get_number(bytes.p + 4, 1),
		.request = (uint32_t)get_number(bytes.p + 5, 4),
		.body = { bytes.p + WIRE_HEADER_SIZE, size },
	};
	*used = WIRE_HEADER_SIZE + size;
	return 1;
}

uint64_t wire_get_u64(struct wire_reader *r)
{
	uint64_t value;

	if (r->bad || r->rest.n < 8) {
		r->bad = true;
		return 0;
	}
	value = get_number(r->rest.p, 8);
	r->rest = span_from(r->rest, 8);
	return value;
}

uint32_t wire_get_u32(struct wire_reader *r)
{
	uint64_t v = wire_get_u64(r);

	if (v > UINT32_MAX)
		r->bad = true;
	return (uint32_t)v;
}

struct span wire_get_span(struct wire_reader *r)
{
	struct span text = SPAN("");
	uint64_t n;

	if (r->bad || r->rest.n < 4) {
		r->bad = true;
		return text;
	}
	n = get_number(r->rest.p, 4);
	if (n > r->rest.n - 4) {
		r->bad = true;
		return text;
	}
	text = (struct span){ r->rest.p + 4, n };
	r->rest = span_from(r->rest, 4 + n);
	return text;
}

int wire_read_end(const struct wire_reader *r, const char *what, struct error *err)
{
	if (!r->bad && r->rest.n == 0)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "malformed %s on the wire",
	                 what);
}

void wire_put_hello(struct buf *body, const struct wire_hello *h)
{
	wire_put_u64(body, h->version);
	wire_put_span(body, h->hostname);
	wire_put_span(body, h->machine_id);
	wire_put_span(body, h->instance);
	wire_put_span(body, h->system);
	wire_put_u64(body, h->uid);
	wire_put_u64(body, h->control);
	wire_put_u64(body, h->now_ms);
	wire_put_u64(body, h->features);
}

int wire_get_hello(struct span body, struct wire_hello *out, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct wire_hello h;

	h.version = wire_get_u64(&r);
	h.hostname = wire_get_span(&r);
	h.machine_id = wire_get_span(&r);
	h.instance = wire_get_span(&r);
	h.system = wire_get_span(&r);
	h.uid = wire_get_u64(&r);
	h.control = wire_get_u64(&r);
	h.now_ms = wire_get_u64(&r);
	h.features = r.rest.n ? wire_get_u64(&r) : 0;
	if (wire_read_end(&r, "greeting", err) < 0)
		return -1;
	*out = h;
	return 0;
}

void wire_put_entry(struct buf *body, const struct wire_entry *e)
{
	wire_put_span(body, e->path);
	wire_put_u64(body, e->mode);
	wire_put_u64(body, e->uid);
	wire_put_u64(body, e->gid);
	wire_put_u64(body, e->size);
	wire_put_u64(body, e->links);
	wire_put_u64(body, e->inode);
	wire_put_u64(body, e->mtime_ns);
	wire_put_span(body, e->target);
}

int wire_get_entry(struct span body, struct wire_entry *out, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct wire_entry e;

	e.path = wire_get_span(&r);
	e.mode = wire_get_u64(&r);
	e.uid = wire_get_u64(&r);
	e.gid = wire_get_u64(&r);
	e.size = wire_get_u64(&r);
	e.links = wire_get_u64(&r);
	e.inode = wire_get_u64(&r);
	e.mtime_ns = wire_get_u64(&r);
	e.target = wire_get_span(&r);
	if (wire_read_end(&r, "directory entry", err) < 0)
		return -1;
	*out = e;
	return 0;
}

void wire_put_listener(struct buf *body, const struct wire_listener *l)
{
	wire_put_u64(body, l->family);
	wire_put_span(body, l->address);
	wire_put_u64(body, l->port);
	wire_put_u64(body, l->pid);
	wire_put_span(body, l->program);
	wire_put_span(body, l->command);
}

int wire_get_listener(struct span body, struct wire_listener *out, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct wire_listener l;

	l.family = wire_get_u64(&r);
	l.address = wire_get_span(&r);
	l.port = wire_get_u64(&r);
	l.pid = wire_get_u64(&r);
	l.program = wire_get_span(&r);
	l.command = wire_get_span(&r);
	if (wire_read_end(&r, "listener", err) < 0)
		return -1;
	*out = l;
	return 0;
}

void wire_put_session(struct buf *body, const struct wire_session *s)
{
	wire_put_u64(body, s->family);
	wire_put_u64(body, s->port);
	wire_put_span(body, s->peer);
	wire_put_u64(body, s->peer_port);
	wire_put_u64(body, s->from_itself);
	wire_put_u64(body, s->state);
}

int wire_get_session(struct span body, struct wire_session *out, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct wire_session s;

	s.family = wire_get_u64(&r);
	s.port = wire_get_u64(&r);
	s.peer = wire_get_span(&r);
	s.peer_port = wire_get_u64(&r);
	s.from_itself = wire_get_u64(&r);
	s.state = wire_get_u64(&r);
	if (wire_read_end(&r, "session", err) < 0)
		return -1;
	*out = s;
	return 0;
}

void wire_put_error(struct buf *body, const struct error *err)
{
	wire_put_u64(body, (uint64_t)err->scope);
	wire_put_u64(body, (uint64_t)err->retry);
	wire_put_u64(body, (uint64_t)err->sys_errno);
	wire_put_text(body, err->text);
	wire_put_text(body, err->hint);
}

void wire_put_failed(struct buf *body, uint64_t index, const struct error *why)
{
	AUTO_BUF struct buf words = { 0 };

	wire_put_error(&words, why);
	wire_put_u64(body, index);
	wire_put_span(body, buf_span(&words));
}

int wire_get_error(struct span body, struct error *err)
{
	struct wire_reader r = { .rest = body };
	AUTO_BUF struct buf text = { 0 }, hint = { 0 };
	uint64_t scope = wire_get_u64(&r), retry = wire_get_u64(&r), e = wire_get_u64(&r);

	buf_add_printable(&text, wire_get_span(&r));
	buf_add_printable(&hint, wire_get_span(&r));
	if (wire_read_end(&r, "error", err) < 0)
		return -1;
	if (scope < ERROR_SCOPE_MESSAGE || scope > ERROR_SCOPE_MOVE)
		scope = ERROR_SCOPE_HOST;
	if (retry < ERROR_RETRY_LATER || retry > ERROR_RETRY_REACH)
		retry = ERROR_RETRY_NEVER;
	error_set(err, (enum error_scope)scope, (enum error_retry)retry, 0, "%s", buf_text(&text));
	err->sys_errno = e < 4096 ? (int)e : 0;
	return error_hint(err, "%s", buf_text(&hint));
}

void wire_get_failed(struct wire_reader *r, uint64_t index, struct error *why)
{
	uint64_t of = wire_get_u64(r);
	struct span words = wire_get_span(r);

	if (r->bad || of != index)
		r->bad = true;
	else
		(void)!wire_get_error(words, why);
}
