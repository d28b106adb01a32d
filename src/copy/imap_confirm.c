/* SPDX-License-Identifier: BSD-2-Clause */

/* imap_confirm -- is on new what the server has listed? What was written counts for nothing here: new
 * is listed again. */

#include "base/clock.h"
#include "base/memory.h"
#include "copy/imap_pass.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 5000u

struct confirming {
	struct imap_pass *i;
	struct mail_listing now;
	struct known known;
	const struct mail_folder *f; /* that is looked at, of old */
	struct imap_folder *folder;
};

static void tell(struct confirming *c, uint32_t uid, const char *format, ...) PRINTF_LIKE(3, 4);
static void tell(struct confirming *c, uint32_t uid, const char *format, ...)
{
	AUTO_FREE char *name = uid ? xasprintf("UID %u", uid) : xstrdup("");
	char words[256];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	pass_skip(&c->i->p, c->f->name, name, words);
	if (c->folder)
		c->folder->incomplete = true;
}

static void compare_words(struct confirming *c, const struct mail_folder *there,
                          const struct mail_message *m, const struct mail_message *now)
{
	AUTO_BUF struct buf was = { 0 }, is = { 0 };

	mail_message_flags(m, &was);
	mail_message_flags(now, &is);
	if (!span_equal(buf_span(&was), buf_span(&is)))
		tell(c, m->uid, "flags \"%s\" on the new host instead of \"%s\"", buf_text(&is),
		     buf_text(&was));
	buf_reset(&was);
	buf_reset(&is);
	mail_message_keywords(c->f, m, &was);
	mail_message_keywords(there, now, &is);
	if (!span_equal(buf_span(&was), buf_span(&is)))
		tell(c, m->uid, "keywords \"%s\" on the new host instead of \"%s\"", buf_text(&is),
		     buf_text(&was));
}

static void compare_message(struct confirming *c, const struct mail_folder *there,
                            const struct mail_message *m, const struct mail_message *now)
{
	const struct known_message *k = known_find(&c->known, c->f->name, m->base);
	char is[32], was[32];

	if (!k)
		tell(c, m->uid, "on the new host, but not in the ledger");
	else if (k->size != now->size)
		tell(c, m->uid, "%llu octets on the new host instead of %llu",
		     (unsigned long long)now->size, (unsigned long long)k->size);
	if (now->uid != m->uid)
		tell(c, m->uid, "UID %u on the new host", now->uid);
	if (now->mtime_ns != m->mtime_ns)
		tell(c, m->uid, "date %s on the new host instead of %s",
		     clock_text(is, now->mtime_ns / 1000000),
		     clock_text(was, m->mtime_ns / 1000000));
	compare_words(c, there, m, now);
}

static int row_order(const void *a, const void *b)
{
	const struct mail_message *x = ((const struct transfer_row *)a)->m;
	const struct mail_message *y = ((const struct transfer_row *)b)->m;

	return x < y ? -1 : x > y;
}

/* What did not arrive is told of already, with the reason. */
static bool is_told(const struct imap_pass *i, const struct mail_message *m)
{
	const struct transfer_row key = { .m = m };
	const struct transfer_row *row = i->p.rows_n ? bsearch(&key, i->p.rows, i->p.rows_n,
	                                                       sizeof key, row_order)
	                                             : NULL;

	return row && !row->arrived;
}

static void compare_folder(struct confirming *c)
{
	const struct mail_folder *there = mail_listing_find(&c->now, c->f->name);

	if (!there) {
		tell(c, 0, "this folder is missing on the new host");
		return;
	}
	if (there->uidvalidity != c->f->uidvalidity)
		tell(c, 0, "UIDVALIDITY %u on the new host instead of %u", there->uidvalidity,
		     c->f->uidvalidity);
	for (size_t k = 0; k < c->f->n; k++) {
		const struct mail_message *m = &c->f->rows[k];
		const struct mail_message *now = mail_folder_find(there, m->base);

		if (now)
			compare_message(c, there, m, now);
		else if (!is_told(c->i, m))
			tell(c, m->uid, "missing on the new host");
	}
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

static int compare_octets(struct confirming *c, struct error *err)
{
	const struct mail_folder *there = mail_listing_find(&c->now, c->f->name);
	size_t n = there ? there->n : 0;
	AUTO_FREE struct mailbox_wanted *wanted = xcalloc(n + 1, sizeof *wanted);
	AUTO_FREE struct transfer_digest *digests = xcalloc(n + 1, sizeof *digests);
	int result = 0;

	for (size_t k = 0; k < n; k++)
		wanted[k] = (struct mailbox_wanted){ there->name, &there->rows[k] };
	for (size_t k = 0; result == 0 && k < n; k += SLICE)
		result = transfer_digests(c->i->p.new_host, c->i->p.account->to, wanted + k,
		                          n - k < SLICE ? n - k : SLICE, digests + k, err);
	for (size_t k = 0; k < n; k++) {
		const struct known_message *known = known_find(&c->known, c->f->name,
		                                               there->rows[k].base);

		if (result == 0 && known &&
		    (!digests[k].there || !digest_equal(&digests[k].digest, &known->digest)))
			tell(c, known->uid, "other octets on the new host than came");
		free(digests[k].message_id);
	}
	return result;
}

static int confirm(struct confirming *c, struct error *err)
{
	struct pass *p = &c->i->p;

	if (mailbox_scan(p->new_host, p->account->to, &c->now, err) < 0 ||
	    known_load(&c->known, p->state, p->account->from->user, MESSAGES_PRESENT, err) < 0)
		return -1;
	for (size_t k = 0; k < p->old.folders_n; k++) {
		c->f = &p->old.folders[k];
		c->folder = imap_pass_folder_at(c->i, c->f->name);
		compare_folder(c);
		if (p->options->look_everywhere && compare_octets(c, err) < 0)
			return -1;
	}
	return 0;
}

int imap_pass_confirm(struct imap_pass *i, struct error *err)
{
	struct confirming c = { .i = i };
	int result;

	/* nothing was done: what new has is what the pass began with, and compared */
	if (!copy_result_changed(i->p.out) && !i->p.options->look_everywhere)
		return 0;
	result = confirm(&c, err);
	mail_listing_fini(&c.now);
	known_fini(&c.known);
	return result;
}
