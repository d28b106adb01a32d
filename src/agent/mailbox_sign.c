/* SPDX-License-Identifier: BSD-2-Clause */

/* mailbox_sign -- answers MAIL_FIND and MAIL_SIGN. */

#include "wire/mailbox.h"

#include "agent/fill.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/sign.h"

#define SETTLED 1u
#define NO_SIGN 2u
#define AS_OUTLINED 3u

static int tell_found(void *context, const struct store_found *found, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MAIL_FOUND);
	wire_put_text(&f->out, found->path);
	wire_put_u64(&f->out, (uint64_t)found->layout);
	wire_put_u64(&f->out, found->mode);
	wire_put_u64(&f->out, found->uid);
	wire_put_u64(&f->out, found->gid);
	return fill_added(f, err);
}

int agent_mail_find(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *path = wire_get_string(r);
	uint64_t depth = wire_get_u64(r);
	struct fill f = { .a = a };
	int result = wire_read_end(r, "MAIL_FIND", err);

	if (result == 0)
		result = store_find_maildirs(a->rootfd, path, depth < 64 ? (unsigned)depth : 64,
		                             tell_found, &f, err);
	if (result == 0)
		result = fill_send(&f, err);
	buf_fini(&f.out);
	return result;
}

static void put_signed(struct buf *out, const struct store_sign *sign, uint64_t state)
{
	wire_put_tag(out, WIRE_MAIL_SIGNED);
	wire_put_digest(out, &sign->digest);
	wire_put_u64(out, state);
	wire_put_span(out, buf_span(&sign->outline.places));
	wire_put_digest(out, &sign->outline.digest);
}

static void sign_one(struct agent *a, struct wire_reader *r, struct buf *out)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	AUTO_STRINGS struct strings beside = { 0 };
	AUTO_STORE_SIGN struct store_sign sign = { 0 };
	struct digest known;
	struct span places;
	struct error why = { 0 };
	uint64_t n;

	wire_get_account(r, &account);
	n = wire_get_u64(r);
	for (uint64_t i = 0; i < n && !r->bad; i++) {
		AUTO_FREE char *path = wire_get_string(r);

		r->bad = r->bad || !mail_path_fits(path);
		strings_add(&beside, path);
	}
	places = wire_get_span(r);
	known = wire_get_digest(r);
	if (r->bad)
		return;
	if (places.n && store_has_outline(a->rootfd, &account, &beside, places, &known))
		put_signed(out, &sign, AS_OUTLINED);
	else if (store_sign(a->rootfd, &account, &beside, &sign, &why) < 0)
		put_signed(out, &(struct store_sign){ 0 }, NO_SIGN);
	else
		put_signed(out, &sign, sign.settled ? SETTLED : 0);
}

int agent_mail_sign(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_BUF struct buf out = { 0 };

	while (r->rest.n && !r->bad)
		sign_one(a, r, &out);
	if (wire_read_end(r, "MAIL_SIGN", err) < 0)
		return -1;
	return agent_send(a, buf_span(&out), err);
}
