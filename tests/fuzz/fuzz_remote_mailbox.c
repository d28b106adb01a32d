/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the near end makes of an agent's answers about mailboxes. The host's own functions stand
 * here: an input is the number of a question, and the bodies of the frames that answer it, each
 * behind two octets with its length.
 */

#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "remote/mailbox.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX (64u << 20)
#define WANTED 3u

struct host {
	struct span rest; /* of the input */
};

/* ── the host ────────────────────────────────────────────────────────────────────────────────── */

static struct span next_body(struct host *h)
{
	struct span body = h->rest;
	size_t n;

	if (h->rest.n < 2) {
		h->rest.n = 0;
		return (struct span){ body.p, 0 };
	}
	n = (size_t)(uint8_t)body.p[0] << 8 | (uint8_t)body.p[1];
	body = span_from(body, 2);
	if (body.n > n)
		body.n = n;
	h->rest = span_from(h->rest, 2 + body.n);
	return body;
}

int host_send(struct host *h, enum wire_kind kind, struct span body, struct error *err)
{
	return 0;
}

int host_collect(struct host *h, host_data_fn *data, void *context, struct buf *end,
                 struct error *err)
{
	while (h->rest.n) {
		struct span body = next_body(h);
		/* a copy of exactly that size, so that the sanitizer sees a read behind its end */
		AUTO_FREE char *exact = xmalloc(body.n ? body.n : 1);

		if (body.n)
			memcpy(exact, body.p, body.n);
		if (data && data(context, (struct span){ exact, body.n }, err) < 0)
			return -1;
		if (end) {
			buf_reset(end);
			buf_add_span(end, body);
		}
	}
	return 0;
}

int host_call(struct host *h, enum wire_kind kind, struct span body, host_data_fn *data,
              void *context, struct buf *end, struct error *err)
{
	return host_collect(h, data, context, end, err);
}

bool host_waits(struct host *h)
{
	return true;
}

const char *host_name(const struct host *h)
{
	return "old";
}

int host_malformed(const struct host *h, const char *what, struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "malformed %s", what);
}

int host_check_kept(const struct host *h, uint64_t octets, struct error *err)
{
	return octets <= KEPT_MAX ? 0 : host_malformed(h, "listing", err);
}

/* ── what may be believed ────────────────────────────────────────────────────────────────────── */

static void expect(bool right)
{
	if (!right)
		__builtin_trap();
}

static void check_folder(const struct mail_folder *f)
{
	expect(mail_path_fits(f->name));
	for (size_t i = 0; i < f->n; i++) {
		const struct mail_message *m = &f->rows[i];

		expect(mail_name_fits(span_of(m->base)) && !strchr(m->base, ':'));
		expect(!strchr(m->suffix, '/') && strlen(m->base) + strlen(m->suffix) <= 255);
		expect(i == 0 || strcmp(f->rows[i - 1].base, m->base) <= 0);
	}
}

static void check_listing(const struct mail_listing *l)
{
	for (size_t i = 0; i < l->folders_n; i++) {
		check_folder(&l->folders[i]);
		expect(mail_listing_find(l, l->folders[i].name) != NULL);
	}
	for (size_t i = 0; i < l->files_n; i++)
		expect(*l->files[i].path && mail_path_fits(l->files[i].path));
}

/* ── the questions ───────────────────────────────────────────────────────────────────────────── */

static const struct mailbox_account account = {
	.user = (char *)(uintptr_t) "alice",
	.home = (char *)(uintptr_t) "/home/alice",
	.root = (char *)(uintptr_t) "/home/alice/Maildir",
};

static void ask_scan(struct host *h)
{
	AUTO_MAIL_LISTING struct mail_listing l = { 0 };
	struct error err = { 0 };

	if (mailbox_scan_collect(h, &account, &l, &err) == 0)
		check_listing(&l);
}

static void ask_mbox_scan(struct host *h)
{
	AUTO_MAIL_LISTING struct mail_listing l = { 0 };
	AUTO_MBOX_STATES struct mbox_states states = { 0 };
	struct error err = { 0 };

	if (mailbox_mbox_scan(h, &account, false, NULL, &l, &states, &err) < 0)
		return;
	expect(states.n <= l.folders_n);
	for (size_t i = 0; i < states.n; i++)
		expect(mail_path_fits(states.rows[i].folder));
	for (size_t i = 0; i < l.folders_n; i++)
		for (size_t k = 0; k < l.folders[i].n; k++)
			expect(mail_name_fits(span_of(l.folders[i].rows[k].base)));
}

/* Begin, octets, done, one after the other; nothing is told twice. */
struct told {
	size_t next, n;
	bool open;
};

static int told_begin(void *context, size_t index, const struct mail_message *now,
                      struct span from_line, struct error *err)
{
	struct told *t = context;

	expect(!t->open && index == t->next && index < t->n);
	t->open = true;
	return 0;
}

static int told_bytes(void *context, size_t index, struct span bytes, struct error *err)
{
	struct told *t = context;

	expect(t->open && index == t->next);
	return 0;
}

static int told_done(void *context, size_t index, const struct digest *digest,
                     struct span message_id, struct error *err)
{
	struct told *t = context;

	expect(t->open && index == t->next);
	t->open = false;
	t->next++;
	return 0;
}

static int told_failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct told *t = context;

	expect(index == t->next && index < t->n);
	t->open = false;
	t->next++;
	return 0;
}

static void ask_fetch(struct host *h)
{
	struct mail_message m = { .base = (char *)(uintptr_t) "1.a",
		                  .suffix = (char *)(uintptr_t) "" };
	const struct mailbox_wanted wanted[WANTED] = { { "", &m }, { "", &m }, { "", &m } };
	struct told t = { .n = WANTED };
	const struct mailbox_reader reader = { &t, told_begin, told_bytes, told_done, told_failed };
	struct error err = { 0 };

	if (mailbox_fetch_collect(h, wanted, WANTED, &reader, &err) == 0)
		expect(t.next == WANTED && !t.open);
}

static void ask_mbox_fetch(struct host *h)
{
	struct told t = { .n = 1 };
	const struct mailbox_reader reader = { &t, told_begin, told_bytes, told_done, told_failed };
	const struct mbox_state was = { .folder = (char *)(uintptr_t) "" };
	struct error err = { 0 };

	if (mailbox_mbox_fetch(h, &account, &was, 0, &reader, &err) == 0)
		expect(t.next == 1 && !t.open);
}

static void ask_find(struct host *h)
{
	struct mailbox_found_list l = { 0 };
	struct error err = { 0 };

	if (mailbox_find(h, "/home", 3, &l, &err) == 0)
		for (size_t i = 0; i < l.n; i++)
			expect(mail_path_fits(l.rows[i].path) && l.rows[i].mode <= 07777);
	mailbox_found_fini(&l);
}

static void ask_sign(struct host *h)
{
	struct mailbox_sign out[WANTED] = { 0 };
	struct error err = { 0 };

	if (mailbox_sign_collect(h, out, WANTED, &err) == 0)
		for (size_t i = 0; i < WANTED; i++)
			expect(out[i].state <= MAILBOX_SIGN_AS_OUTLINED &&
			       out[i].outline.places.n <= STORE_OUTLINE_MAX);
	for (size_t i = 0; i < WANTED; i++)
		mailbox_sign_fini(&out[i]);
}

static void told_change(void *context, const char *what, const struct error *why)
{
	for (const char *p = why->text; *p; p++)
		expect((unsigned char)*p >= ' ');
}

static void ask_change(struct host *h)
{
	AUTO_MAILBOX_CHANGES struct mailbox_changes c = { .h = h,
		                                          .account = &account,
		                                          .failed = told_change };
	struct error err = { 0 };

	if (mailbox_remove_folder(&c, ".A", &err) == 0 &&
	    mailbox_remove_folder(&c, ".B", &err) == 0)
		(void)!mailbox_changes_send(&c, &err);
}

static void ask_grow(struct host *h)
{
	const struct mbox_state was = { .folder = (char *)(uintptr_t) "" };
	struct mbox_state now = { 0 };
	struct error err = { 0 };

	(void)!mailbox_mbox_grow(h, &account, &was, "x", 0, false, &now, &err);
}

static void (*const questions[])(struct host *h) = {
	ask_scan, ask_mbox_scan, ask_fetch,  ask_mbox_fetch,
	ask_find, ask_sign,      ask_change, ask_grow,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host h = { 0 };

	if (!size)
		return 0;
	h.rest = (struct span){ (const char *)data + 1, size - 1 };
	questions[data[0] % ROWS(questions)](&h);
	return 0;
}
