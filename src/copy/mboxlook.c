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

static int digest_order(const void *a, const void *b)
{
	const struct mail_message *x = a, *y = b;
	int order = memcmp(x->digest.octets, y->digest.octets, DIGEST_SIZE);

	return order ? order : x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* 1: the ledger has a message of that name. */
typedef int taken_fn(void *context, const char *base, struct error *err);

/* Messages behind those that the ledger has, numbered after them (store/mbox.h). */
static int number_tail(struct mail_folder *f, taken_fn *is_taken, void *context, struct error *err)
{
	unsigned number = 0;

	if (f->n)
		qsort(f->rows, f->n, sizeof *f->rows, digest_order);
	for (size_t i = 0; i < f->n; i++) {
		struct mail_message *m = &f->rows[i];
		char hex[2 * DIGEST_SIZE + 1];
		int taken;

		if (i && !digest_equal(&m->digest, &m[-1].digest))
			number = 0;
		digest_text(hex, &m->digest);
		do {
			free(m->base);
			m->base = xasprintf("%.40s.%u", hex, ++number);
			taken = is_taken(context, m->base, err);
		} while (taken > 0);
		if (taken < 0)
			return -1;
	}
	return 0;
}

struct known_names {
	const struct known *known;
	const char *folder;
};

static int is_known(void *context, const char *base, struct error *err)
{
	const struct known_names *names = context;

	return known_find(names->known, names->folder, base) != NULL;
}

struct ledger_names {
	struct message_reader *reader;
	const char *account, *folder;
};

static int is_in_ledger(void *context, const char *base, struct error *err)
{
	const struct ledger_names *names = context;

	return message_reader_has(names->reader, names->account, names->folder, base, err);
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
	struct known_names names = { &l->p->known, name };
	struct error ignored = { 0 };

	(void)!number_tail(f, is_known, &names, &ignored); /* which never fails */
	if (f->n)
		qsort(f->rows, f->n, sizeof *f->rows, offset_order);
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

int mboxlook_collect(struct host *h, const struct mailbox_account *account,
                     struct mail_listing *out, struct mbox_states *states, struct error *err)
{
	return mailbox_mbox_scan_collect(h, account, out, states, err);
}

void mboxlook_complete(struct pass *p, const struct mbox_states *known, mboxlook_name_fn *name,
                       void *context, struct mail_listing *out, const struct mbox_states *states)
{
	const struct look l = { p, name, context };

	for (size_t i = 0; i < out->folders_n; i++) {
		struct mail_folder *f = &out->folders[i];
		const struct mbox_state *state = mbox_states_find(states, f->name);
		AUTO_FREE char *there = name_of(&l, f->name);

		if (state && state->from && there)
			complete(&l, there, f);
	}
	keep_missed(&l, known, out, states);
	mail_listing_sort(out);
}

int mboxlook(struct pass *p, struct host *h, const struct mailbox_account *account,
             const struct mbox_states *known, mboxlook_name_fn *name, void *context,
             struct mail_listing *out, struct mbox_states *states, struct error *err)
{
	if (mboxlook_collect(h, account, out, states, err) < 0)
		return -1;
	mboxlook_complete(p, known, name, context, out, states);
	return 0;
}

/* ── counted only ────────────────────────────────────────────────────────────────────────────── */

void mboxlook_counts_fini(struct mboxlook_counts *counts)
{
	for (size_t i = 0; i < counts->n; i++)
		free(counts->rows[i].folder);
	free(counts->rows);
	*counts = (struct mboxlook_counts){ 0 };
}

static int take_count(void *context, const char *folder, uint64_t messages, uint64_t octets,
                      struct error *err)
{
	struct mboxlook_counts *c = context;

	ARRAY_GROW(c->rows, c->n, c->room);
	c->rows[c->n++] = (struct mboxlook_count){ xstrdup(folder), messages, octets };
	return 0;
}

int mboxlook_count(struct pass *p, struct mboxlook_counts *counts, struct error *err)
{
	return messages_count_folders(p->state, p->account->from->user, MESSAGES_PRESENT,
	                              take_count, counts, err);
}

static int put_counts(struct pass *p, const struct mboxlook_counts *counts, struct mail_folder *f,
                      struct error *err)
{
	AUTO_MESSAGE_READER struct message_reader *reader = NULL;
	const struct known_folder *k = known_find_folder(&p->known, f->name);

	for (size_t i = 0; i < counts->n; i++) {
		if (strcmp(counts->rows[i].folder, f->name) != 0)
			continue;
		f->before = counts->rows[i].messages;
		f->before_octets = counts->rows[i].octets;
	}
	if (k) {
		f->uidvalidity = k->uidvalidity;
		f->uidnext = k->uidnext;
	}
	if (message_reader_new(&reader, p->state, err) < 0)
		return -1;
	return number_tail(f, is_in_ledger,
	                   &(struct ledger_names){ reader, p->account->from->user, f->name }, err);
}

int mboxlook_put_counts(struct pass *p, const struct mboxlook_counts *counts,
                        struct mail_listing *out, struct error *err)
{
	for (size_t i = 0; i < out->folders_n; i++)
		if (put_counts(p, counts, &out->folders[i], err) < 0)
			return -1;
	mail_listing_sort(out);
	return 0;
}
