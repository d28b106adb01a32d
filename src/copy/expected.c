/* SPDX-License-Identifier: BSD-2-Clause */

/* expected -- what should be on new, and the octets of it. */

#include "base/memory.h"
#include "copy/comparing.h"
#include "copy/dsync.h"

#include <stdlib.h>
#include <string.h>

#define SLICE 5000u

static struct expected *add(struct comparing *c)
{
	ARRAY_GROW(c->rows, c->n, c->room);
	c->rows[c->n] = (struct expected){ 0 };
	return &c->rows[c->n++];
}

static void expect_manifest(struct comparing *c)
{
	for (size_t i = 0; i < c->known.messages_n; i++) {
		const struct known_message *k = &c->known.messages[i];
		struct expected *e = add(c);

		*e = (struct expected){
			.folder = k->folder,
			.base = k->base,
			.message_id = k->message_id,
			.flags = xstrdup(k->flags),
			.keywords = xstrdup(k->keywords),
			.uid = k->uid,
			.size = k->size,
			.mtime_ns = k->mtime_ns,
			.has_digest = true,
			.digest = k->digest,
		};
	}
}

static void expect_old(struct comparing *c, const struct mail_folder *f,
                       const struct mail_message *m)
{
	const struct known_message *k = known_find(&c->known, f->name, m->base);
	AUTO_BUF struct buf flags = { 0 }, keywords = { 0 };
	struct expected *e = add(c);

	mail_message_flags(m, &flags);
	mail_message_keywords(f, m, &keywords);
	*e = (struct expected){
		.folder = f->name,
		.base = m->base,
		.message_id = k ? k->message_id : "",
		.flags = xstrdup(buf_text(&flags)),
		.keywords = xstrdup(buf_text(&keywords)),
		.uid = m->uid,
		.size = m->size,
		.mtime_ns = m->mtime_ns,
		.has_digest = k || m->hashed,
		.digest = k ? k->digest : m->digest,
	};
}

/* What came to the old side after X was never brought over. */
static void tell_late(struct comparing *c)
{
	for (size_t i = 0; i < c->old.folders_n; i++) {
		const struct mail_folder *f = &c->old.folders[i];

		for (size_t k = 0; k < f->n; k++)
			if (!known_find(&c->known, f->name, f->rows[k].base))
				comparing_tell(c, f->name, f->rows[k].base, NULL,
				               "came to the old host after the freeze");
	}
}

int comparing_expect(struct comparing *c, struct error *err)
{
	if (c->frozen_ms) {
		expect_manifest(c);
		if (c->old_host)
			tell_late(c);
		return 0;
	}
	for (size_t i = 0; i < c->old.folders_n; i++)
		for (size_t k = 0; k < c->old.folders[i].n; k++)
			expect_old(c, &c->old.folders[i], &c->old.folders[i].rows[k]);
	return 0;
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

static void compare_digest(struct comparing *c, const struct expected *e,
                           const struct transfer_digest *d, bool on_new)
{
	const char *where = on_new ? "on the new host" : "on the old host";
	char is[2 * DIGEST_SIZE + 1], was[2 * DIGEST_SIZE + 1];

	if (!d->there)
		comparing_tell(c, e->folder, e->base, e->message_id, "can't be read %s", where);
	else if (e->has_digest && !digest_equal(&d->digest, &e->digest))
		comparing_tell(c, e->folder, e->base, e->message_id,
		               "other octets %s: SHA-256 %.16s... instead of %.16s...", where,
		               digest_text(is, &d->digest), digest_text(was, &e->digest));
}

/* One slice of the rows; `listing` says where the message lies there. */
static int read_slice(struct comparing *c, struct host *h, const struct mailbox_account *account,
                      const struct mail_listing *listing, bool on_new, size_t first, size_t end,
                      struct error *err)
{
	AUTO_FREE struct mailbox_wanted *wanted = xcalloc(end - first, sizeof *wanted);
	AUTO_FREE struct transfer_digest *digests = xcalloc(end - first, sizeof *digests);
	AUTO_FREE size_t *rows = xcalloc(end - first, sizeof *rows);
	size_t n = 0;
	int result;

	for (size_t i = first; i < end; i++) {
		const struct mail_folder *f = mail_listing_find(listing, c->rows[i].folder);
		const struct mail_message *m = f ? mail_folder_find(f, c->rows[i].base) : NULL;

		if (!m)
			continue;
		wanted[n] = (struct mailbox_wanted){ f->origin ? f->origin : f->name, m };
		rows[n++] = i;
	}
	result = dsync_digests(h, account, listing, wanted, n, digests, err);
	for (size_t i = 0; i < n; i++) {
		struct expected *e = &c->rows[rows[i]];

		if (result == 0) {
			/* before the freeze, what was not copied yet is held against old itself */
			if (!on_new && !e->has_digest && digests[i].there) {
				e->has_digest = true;
				e->digest = digests[i].digest;
			}
			compare_digest(c, e, &digests[i], on_new);
		}
		free(digests[i].message_id);
	}
	return result;
}

static int read_all(struct comparing *c, bool on_new, struct error *err)
{
	const struct mailbox_account *account = on_new ? c->account->to : c->account->from;
	const struct mail_listing *listing = on_new ? &c->new : &c->old;
	struct host *h = on_new ? c->new_host : c->old_host;

	for (size_t first = 0; first < c->n; first += SLICE) {
		size_t end = c->n - first < SLICE ? c->n : first + SLICE;

		if (read_slice(c, h, account, listing, on_new, first, end, err) < 0)
			return -1;
		for (size_t i = first; i < end; i++) {
			c->progress.messages++;
			c->progress.octets += c->rows[i].size;
		}
		if (c->options->progress)
			c->options->progress(c->options->context, &c->progress);
	}
	return 0;
}

/* mbox: the identity is made of the digest, and the scan has just read every octet. */
int comparing_octets(struct comparing *c, struct error *err)
{
	bool deep = c->options->deep && c->old_host;

	if (c->account->to->format == MAILBOX_MBOX)
		return 0;
	c->progress.total_messages = (deep ? 2 : 1) * c->n;
	if (deep && read_all(c, false, err) < 0)
		return -1;
	return read_all(c, true, err);
}
