/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/arrivals.h"

#include "base/memory.h"
#include "copy/dsync.h"
#include "copy/known.h"

#include <errno.h>

/* The messages of a listing that the manifest has not. The caller frees *out. */
static size_t choose(const struct mail_listing *l, const struct known *manifest,
                     struct mailbox_wanted **out)
{
	struct mailbox_wanted *rows = NULL;
	size_t n = 0, room = 0;

	for (size_t i = 0; i < l->folders_n; i++) {
		const struct mail_folder *f = &l->folders[i];

		for (size_t k = 0; k < f->n; k++) {
			if (known_find(manifest, f->name, f->rows[k].base))
				continue;
			ARRAY_GROW(rows, n, room);
			rows[n++] = (struct mailbox_wanted){ f->name, &f->rows[k] };
		}
	}
	*out = rows;
	return n;
}

static int visit_chosen(struct move *m, const struct account_pair *pair,
                        const struct mail_listing *listing, const struct mailbox_wanted *wanted,
                        size_t n, arrival_visit_fn *visit, void *context, struct error *err)
{
	struct transfer_digest *digests = xcalloc(n, sizeof *digests);
	int result = dsync_digests(m->new, &pair->to, listing, wanted, n, digests, err);

	for (size_t i = 0; i < n; i++) {
		struct arrival a = {
			.account = pair->to.user,
			.folder = wanted[i].folder,
			.base = wanted[i].m->base,
			.message_id = digests[i].message_id ? digests[i].message_id : "",
			.mtime_ns = wanted[i].m->mtime_ns,
		};

		if (result == 0 && digests[i].there)
			result = visit(context, &a, err);
		free(digests[i].message_id);
	}
	free(digests);
	return result;
}

static int walk_account(struct move *m, const struct account_pair *pair, arrival_visit_fn *visit,
                        void *context, struct error *err)
{
	AUTO_MAIL_LISTING struct mail_listing listing = { 0 };
	AUTO_KNOWN struct known manifest = { 0 };
	AUTO_FREE struct mailbox_wanted *wanted = NULL;
	size_t n;

	if (dsync_scan(m->new, &pair->to, &listing, err) < 0)
		return err->sys_errno == ENOENT ? 0 : error_context(err, "%s", pair->to.user);
	if (known_load(&manifest, m->state, pair->from.user, MESSAGES_MANIFEST, err) < 0)
		return -1;
	n = choose(&listing, &manifest, &wanted);
	return n ? visit_chosen(m, pair, &listing, wanted, n, visit, context, err) : 0;
}

int arrivals_walk(struct move *m, arrival_visit_fn *visit, void *context, struct error *err)
{
	for (size_t i = 0; i < m->accounts.n; i++)
		if (m->accounts.rows[i].prepared &&
		    walk_account(m, &m->accounts.rows[i], visit, context, err) < 0)
			return -1;
	return 0;
}
