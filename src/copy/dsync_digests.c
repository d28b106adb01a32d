/* SPDX-License-Identifier: BSD-2-Clause */

/* dsync_digests -- the octets of messages that only Dovecot reads. */

#include "base/memory.h"
#include "copy/dsync.h"

#include <stdlib.h>
#include <string.h>

int dsync_scan(struct host *h, const struct mailbox_account *account, struct mail_listing *out,
               struct error *err)
{
	return mailbox_is_dovecots(account->format) ? dovecot_list(h, account, out, err)
	                                            : mailbox_scan(h, account, out, err);
}

struct wanted_row {
	const struct mailbox_wanted *wanted;
	struct transfer_digest *out;
};

static int row_order(const void *a, const void *b)
{
	const struct mailbox_wanted *x = ((const struct wanted_row *)a)->wanted;
	const struct mailbox_wanted *y = ((const struct wanted_row *)b)->wanted;
	int order = strcmp(x->folder, y->folder);

	return order ? order : x->m->uid < y->m->uid ? -1 : x->m->uid > y->m->uid;
}

struct one_folder {
	struct wanted_row *rows; /* sorted by UID */
	size_t n;
};

static void tell(void *context, const struct dovecot_text *text)
{
	struct one_folder *f = context;
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->rows[middle].wanted->m->uid < text->uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == f->n || f->rows[low].wanted->m->uid != text->uid || f->rows[low].out->there)
		return;
	*f->rows[low].out = (struct transfer_digest){ .there = true, .digest = text->digest };
	f->rows[low].out->message_id = span_dup(text->message_id);
}

static int read_folder(struct host *h, const struct mailbox_account *account, const char *guid,
                       struct one_folder *f, struct error *err)
{
	AUTO_FREE uint32_t *uids = xcalloc(f->n, sizeof *uids);

	for (size_t i = 0; i < f->n; i++)
		uids[i] = f->rows[i].wanted->m->uid;
	return dovecot_read_texts(h, account, guid, uids, f->n, tell, f, err);
}

int dsync_digests(struct host *h, const struct mailbox_account *account,
                  const struct mail_listing *listing, const struct mailbox_wanted *wanted, size_t n,
                  struct transfer_digest *out, struct error *err)
{
	AUTO_FREE struct wanted_row *rows = xcalloc(n + 1, sizeof *rows);

	if (!mailbox_is_dovecots(account->format))
		return transfer_digests(h, account, wanted, n, out, err);
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct wanted_row){ &wanted[i], &out[i] };
	qsort(rows, n, sizeof *rows, row_order);
	for (size_t i = 0; i < n;) {
		const char *folder = rows[i].wanted->folder;
		const struct mail_folder *f = mail_listing_find(listing, folder);
		struct one_folder one = { .rows = rows + i };

		while (i < n && !strcmp(rows[i].wanted->folder, folder))
			i++, one.n++;
		if (f && read_folder(h, account, f->guid, &one, err) < 0)
			return -1;
	}
	return 0;
}
