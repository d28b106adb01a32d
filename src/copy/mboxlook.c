/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/mboxlook.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct look {
	struct pass *p;
	mboxlook_name_fn *name;
	void *context;
};

static char *name_of(const struct look *l, const char *folder)
{
	return l->name ? l->name(l->context, folder) : xstrdup(folder);
}

static void take_known(struct mail_folder *f, const struct known_message *k)
{
	struct mail_message m = {
		.base = xstrdup(k->base),
		.suffix = xasprintf(":2,%s", k->flags),
		.keywords = xstrdup(k->keywords),
		.in_new = k->in_new,
		.mode = 0600,
		.uid = k->uid,
		.size = k->size,
		.offset = MBOXLOOK_LEDGER,
		.mtime_ns = k->mtime_ns,
		.hashed = true,
		.digest = k->digest,
	};

	mail_folder_take_message(f, &m);
}

static bool base_is_taken(const struct look *l, const char *name, const struct mail_folder *f,
                          size_t told, const char *base)
{
	if (known_find(&l->p->known, name, base))
		return true;
	for (size_t i = 0; i < told; i++)
		if (!strcmp(f->rows[i].base, base))
			return true;
	return false;
}

/* Messages behind those that the ledger has, numbered after them (store/mbox.h). */
static void number_tail(const struct look *l, const char *name, struct mail_folder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct mail_message *m = &f->rows[i];
		char hex[2 * DIGEST_SIZE + 1];
		unsigned number = 0;

		digest_text(hex, &m->digest);
		do {
			free(m->base);
			m->base = xasprintf("%.40s.%u", hex, ++number);
		} while (base_is_taken(l, name, f, i, m->base));
	}
}

static int offset_order(const void *a, const void *b)
{
	const struct mail_message *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Messages of `name` in the ledger come first. */
static void complete(const struct look *l, const char *name, struct mail_folder *f)
{
	const struct known_folder *k = known_find_folder(&l->p->known, name);

	if (f->n)
		qsort(f->rows, f->n, sizeof *f->rows, offset_order);
	number_tail(l, name, f);
	for (size_t i = 0; i < l->p->known.messages_n; i++)
		if (!strcmp(l->p->known.messages[i].folder, name))
			take_known(f, &l->p->known.messages[i]);
	if (k) {
		f->uidvalidity = k->uidvalidity;
		/* as an mbox has it, the last one; the ledger's record of a Maildir has the next */
		f->uidnext = l->name && k->uidnext ? k->uidnext - 1 : k->uidnext;
	}
}

/* A lock or garbage where a folder was, and it looks as if there were none: it did not go away. */
static void keep_missed(const struct look *l, const struct mbox_states *known,
                        struct mail_listing *out, const struct mbox_states *states)
{
	for (size_t i = 0; i < known->n && out->troubles.n; i++) {
		const struct mbox_state *k = &known->rows[i];
		AUTO_FREE char *name = name_of(l, k->folder);
		const struct known_folder *there = name ? known_find_folder(&l->p->known, name)
		                                        : NULL;
		struct mail_folder f = { 0 };

		if (!there || there->gone || mbox_states_find(states, k->folder))
			continue;
		f.name = xstrdup(k->folder);
		f.size = k->size;
		f.mtime_ns = k->mtime_ns;
		complete(l, name, &f);
		mail_listing_take_folder(out, &f);
	}
}

int mboxlook_ask(struct host *h, const struct mailbox_account *account, bool utc,
                 const struct mbox_states *known, struct error *err)
{
	return mailbox_mbox_scan_send(h, account, utc, known, err);
}

int mboxlook(struct pass *p, struct host *h, const struct mailbox_account *account,
             const struct mbox_states *known, mboxlook_name_fn *name, void *context,
             struct mail_listing *out, struct mbox_states *states, struct error *err)
{
	const struct look l = { p, name, context };

	if (mailbox_mbox_scan_collect(h, account, out, states, err) < 0)
		return -1;
	for (size_t i = 0; i < out->folders_n; i++) {
		struct mail_folder *f = &out->folders[i];
		const struct mbox_state *state = mbox_states_find(states, f->name);
		AUTO_FREE char *there = name_of(&l, f->name);

		if (state && state->from && there)
			complete(&l, there, f);
	}
	keep_missed(&l, known, out, states);
	mail_listing_sort(out);
	return 0;
}
