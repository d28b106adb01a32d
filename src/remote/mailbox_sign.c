/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/mailbox.h"

#include "base/memory.h"
#include "wire/mailbox.h"

#define FOUND_MAX 10000000u

/* ── find ────────────────────────────────────────────────────────────────────────────────────── */

void mailbox_found_fini(struct mailbox_found_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->rows[i].path);
	free(l->rows);
	*l = (struct mailbox_found_list){ 0 };
}

struct finding {
	struct host *h;
	struct mailbox_found_list *out;
};

static int take_found(void *context, struct span body, struct error *err)
{
	struct finding *f = context;
	struct wire_reader r = { .rest = body };

	while (r.rest.n) {
		bool right = wire_get_u64(&r) == WIRE_MAIL_FOUND;
		AUTO_FREE char *path = wire_get_string(&r);
		uint64_t layout = wire_get_u64(&r), mode = wire_get_u64(&r);
		uint64_t uid = wire_get_u64(&r), gid = wire_get_u64(&r);

		if (r.bad || !right || !mail_path_fits(path) || layout > MAILBOX_LAYOUT_FS ||
		    mode > 07777 || uid > UINT32_MAX || gid > UINT32_MAX || f->out->n == FOUND_MAX)
			return host_malformed(f->h, "MAIL_FIND", err);
		ARRAY_GROW(f->out->rows, f->out->n, f->out->room);
		f->out->rows[f->out->n++] = (struct mailbox_found){
			.path = TAKE(path),
			.layout = layout == MAILBOX_LAYOUT_FS ? MAILBOX_LAYOUT_FS
			                                      : MAILBOX_LAYOUT_MAILDIRPP,
			.mode = (uint32_t)mode,
			.uid = (uint32_t)uid,
			.gid = (uint32_t)gid,
		};
	}
	return 0;
}

int mailbox_find_send(struct host *h, const char *path, unsigned depth, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, path);
	wire_put_u64(&body, depth);
	return host_send(h, WIRE_MAIL_FIND, buf_span(&body), err);
}

int mailbox_find_collect(struct host *h, struct mailbox_found_list *out, struct error *err)
{
	struct finding f = { h, out };

	mailbox_found_fini(out);
	return host_collect(h, take_found, &f, NULL, err);
}

int mailbox_find(struct host *h, const char *path, unsigned depth, struct mailbox_found_list *out,
                 struct error *err)
{
	return mailbox_find_send(h, path, depth, err) < 0 ? -1 : mailbox_find_collect(h, out, err);
}

/* ── sign ────────────────────────────────────────────────────────────────────────────────────── */

struct signing {
	struct host *h;
	struct mailbox_sign *out;
	size_t n, got;
};

void mailbox_sign_fini(struct mailbox_sign *sign)
{
	buf_fini(&sign->outline.places);
}

static int take_signs(void *context, struct span body, struct error *err)
{
	struct signing *s = context;
	struct wire_reader r = { .rest = body };

	while (r.rest.n) {
		bool right = wire_get_u64(&r) == WIRE_MAIL_SIGNED;
		struct digest digest = wire_get_digest(&r);
		uint64_t state = wire_get_u64(&r);
		struct span places = wire_get_span(&r);
		struct digest outline = wire_get_digest(&r);

		if (r.bad || !right || state > MAILBOX_SIGN_AS_OUTLINED || s->got == s->n ||
		    places.n > (state == MAILBOX_SIGN_SETTLED ? STORE_OUTLINE_MAX : 0))
			return host_malformed(s->h, "MAIL_SIGN", err);
		s->out[s->got] = (struct mailbox_sign){
			.digest = digest,
			.state = (enum mailbox_sign_state)state,
			.outline.digest = outline,
		};
		buf_add_span(&s->out[s->got++].outline.places, places);
	}
	return 0;
}

static void put_signed(struct buf *body, const struct mailbox_signed *s)
{
	static const struct store_outline none;
	const struct store_outline *outline = s->outline ? s->outline : &none;

	wire_put_account(body, s->account);
	wire_put_u64(body, s->beside ? s->beside->n : 0);
	for (size_t i = 0; s->beside && i < s->beside->n; i++)
		wire_put_text(body, s->beside->rows[i]);
	wire_put_span(body, buf_span(&outline->places));
	wire_put_digest(body, &outline->digest);
}

int mailbox_sign_send(struct host *h, const struct mailbox_signed *accounts, size_t n,
                      struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	for (size_t i = 0; i < n; i++)
		put_signed(&body, &accounts[i]);
	return host_send(h, WIRE_MAIL_SIGN, buf_span(&body), err);
}

int mailbox_sign_collect(struct host *h, struct mailbox_sign *out, size_t n, struct error *err)
{
	struct signing s = { .h = h, .out = out, .n = n };

	if (host_collect(h, take_signs, &s, NULL, err) < 0)
		return -1;
	return s.got == n ? 0 : host_malformed(h, "MAIL_SIGN", err);
}
