/* SPDX-License-Identifier: BSD-2-Clause */

/* dsync_record -- what dsync has brought gets into the ledger, with the digest of what old has. */

#include "base/memory.h"
#include "copy/dsync.h"

#include <stdlib.h>
#include <string.h>

struct recording {
	struct dsync *d;
	struct mailbox_wanted *wanted; /* what the ledger has no digest of, in the order of old */
	struct transfer_digest *digests;
	size_t n, room, next;
};

static void recording_fini(struct recording *r)
{
	for (size_t i = 0; r->digests && i < r->n; i++)
		free(r->digests[i].message_id);
	free(r->wanted);
	free(r->digests);
}

static bool is_on_new(const struct dsync *d, const struct mail_folder *f,
                      const struct mail_message *m)
{
	const struct mail_folder *there = mail_listing_find(&d->after, f->name);

	return there && mail_folder_find(there, m->base);
}

static bool is_fresh(const struct pass *p, const struct mail_folder *f,
                     const struct mail_message *m)
{
	return !known_find(&p->known, f->name, m->base);
}

static bool is_known(const struct known_message *k, const struct mail_message *m)
{
	AUTO_BUF struct buf flags = { 0 };

	mail_message_flags(m, &flags);
	return !strcmp(k->flags, buf_text(&flags)) && !strcmp(k->keywords, m->keywords);
}

/* The octets of old, read there once: verify holds those of new against them. */
static int read_fresh(struct recording *r, struct error *err)
{
	struct pass *p = &r->d->pass;

	for (size_t i = 0; i < p->old.folders_n; i++) {
		const struct mail_folder *f = &p->old.folders[i];

		for (size_t k = 0; k < f->n; k++) {
			if (!is_fresh(p, f, &f->rows[k]) || !is_on_new(r->d, f, &f->rows[k]))
				continue;
			ARRAY_GROW(r->wanted, r->n, r->room);
			r->wanted[r->n++] = (struct mailbox_wanted){ f->name, &f->rows[k] };
		}
	}
	r->digests = xcalloc(r->n + 1, sizeof *r->digests);
	return dsync_digests(p->old_host, p->account->from, &p->old, r->wanted, r->n, r->digests,
	                     err);
}

static int record_folder(struct recording *r, struct message_writer *w, const struct mail_folder *f,
                         struct error *err)
{
	struct pass *p = &r->d->pass;

	if (folder_put(p->state,
	               &(struct folder_record){ .account = p->account->from->user,
	                                        .folder = f->name,
	                                        .uidvalidity = f->uidvalidity,
	                                        .uidnext = f->uidnext },
	               err) < 0)
		return -1;
	for (size_t i = 0; i < f->n; i++) {
		const struct mail_message *m = &f->rows[i];
		const struct known_message *k = known_find(&p->known, f->name, m->base);
		const struct transfer_digest *read = NULL;

		if (!is_on_new(r->d, f, m))
			continue;
		if (is_fresh(p, f, m)) {
			read = &r->digests[r->next++];
			if (!read->there) {
				pass_skip(p, f->name, m->base, "can't be read on the old host");
				continue;
			}
		} else if (is_known(k, m)) {
			continue;
		}
		if (pass_record(p, w, f, m, read ? &read->digest : &k->digest,
		                read ? read->message_id : k->message_id, err) < 0)
			return -1;
	}
	return 0;
}

static int record_all(struct recording *r, struct error *err)
{
	struct dsync *d = r->d;
	AUTO_MESSAGE_WRITER struct message_writer *w = NULL;

	if (message_writer_new(&w, d->pass.state, err) < 0)
		return -1;
	for (size_t i = 0; i < d->pass.old.folders_n; i++)
		if (mail_listing_find(&d->after, d->pass.old.folders[i].name) &&
		    record_folder(r, w, &d->pass.old.folders[i], err) < 0)
			return -1;
	return pass_record_gone(&d->pass, w, err) < 0 ? -1
	                                              : pass_record_gone_folders(&d->pass, err);
}

int dsync_record(struct dsync *d, struct error *err)
{
	__attribute__((cleanup(recording_fini))) struct recording r = { .d = d };

	if (read_fresh(&r, err) < 0 || state_begin(d->pass.state, err) < 0)
		return -1;
	if (record_all(&r, err) < 0 || state_commit(d->pass.state, err) < 0) {
		state_abandon(d->pass.state);
		return -1;
	}
	return 0;
}
