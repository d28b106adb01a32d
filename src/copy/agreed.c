/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/agreed.h"

#include "base/memory.h"
#include "copy/pass.h"
#include "state/agreed.h"

#include <stdlib.h>
#include <string.h>

#define LATER_SHARE 3u

void agreed_fini(struct agreed *a)
{
	for (size_t i = 0; i < a->n; i++)
		mail_agreed_fini(&a->folders[i]);
	free(a->folders);
	*a = (struct agreed){ 0 };
}

/* ── before the listings ─────────────────────────────────────────────────────────────────────── */

/* What can't be read is not agreed: then everything is looked at. */
static int take(void *context, struct mail_agreed *agreed, struct error *err)
{
	struct agreed *a = context;

	if (!mail_agreed_read(agreed)) {
		a->wanted = false;
		return 0;
	}
	ARRAY_GROW(a->folders, a->n, a->room);
	a->folders[a->n++] = *agreed;
	*agreed = (struct mail_agreed){ 0 };
	return 0;
}

int agreed_load(struct pass *p, struct error *err)
{
	const char *user = p->account->from->user;
	AUTO_KNOWN struct known known = { 0 };

	p->agreed.wanted = true;
	if (p->options->look_everywhere)
		return 0;
	/* a batch that was cut off: what is on new is not what the ledger says */
	if (known_load_coming(&known, p->state, user, err) < 0)
		return -1;
	if (known.coming_n)
		return 0;
	if (agreed_walk(p->state, user, take, &p->agreed, err) < 0)
		return -1;
	if (!p->agreed.wanted)
		agreed_fini(&p->agreed);
	p->agreed.wanted = true;
	return 0;
}

/* ── which messages differ ───────────────────────────────────────────────────────────────────── */

static const struct mail_agreed *find(const struct agreed *a, const char *folder)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->folders[i].folder, folder))
			return &a->folders[i];
	return NULL;
}

static void mark(struct mail_agreed_row *row, bool of_new)
{
	if (!row)
		return;
	row->differs = true;
	row->old_told = row->old_told || !of_new;
	row->new_told = row->new_told || of_new;
}

static void mark_told(const struct mail_agreed *a, const struct mail_folder *f, bool of_new)
{
	for (size_t i = 0; i < f->n; i++)
		mark(mail_agreed_find(a, f->rows[i].base), of_new);
	for (size_t i = 0; i < f->gone.n; i++)
		mark(mail_agreed_find(a, f->gone.rows[i]), of_new);
}

static bool is_digest_of(const struct digest *digest, const struct buf *text)
{
	const struct digest now = digest_of(buf_span(text));

	return digest_equal(digest, &now);
}

/* Marks the messages of a folder that differ. False: both sides are to be looked at as a whole. */
static bool compare_folder(const struct mail_agreed *a, const struct mail_folder *old,
                           const struct mail_folder *new)
{
	if (!old || !new || !old->as_known)
		return false;
	/* the letters of all messages have other meanings by now */
	if (!is_digest_of(&a->old_keywords, &old->keywords_file))
		return false;
	if (old->uidlist_as_known && !is_digest_of(&a->new_uidlist, &new->uidlist))
		return false;
	mark_told(a, old, false);
	mark_told(a, new, true);
	/* another list: each UID of it may be new */
	for (size_t i = 0; i < a->n && !old->uidlist_as_known; i++)
		a->rows[i].differs = true;
	return true;
}

/* A folder that both sides told whole is like one of which nothing was agreed. */
static void forget_whole(struct pass *p)
{
	struct agreed *a = &p->agreed;
	size_t kept = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct mail_folder *old = mail_listing_find(&p->old, a->folders[i].folder);
		const struct mail_folder *new = mail_listing_find(&p->new, a->folders[i].folder);

		a->declined = a->declined || (old && new && old->as_known != new->as_known);
		if (old && new && !old->as_known && !new->as_known)
			mail_agreed_fini(&a->folders[i]);
		else
			a->folders[kept++] = a->folders[i];
	}
	a->n = kept;
}

/* What is told as known must be known. */
static bool is_sound(const struct agreed *a, const struct mail_listing *l)
{
	for (size_t i = 0; i < l->folders_n; i++)
		if (l->folders[i].as_known && !find(a, l->folders[i].name))
			return false;
	return true;
}

static bool compare(struct pass *p)
{
	const struct agreed *a = &p->agreed;

	forget_whole(p);
	for (size_t i = 0; !a->declined && i < a->n; i++)
		if (!compare_folder(&a->folders[i],
		                    mail_listing_find(&p->old, a->folders[i].folder),
		                    mail_listing_find(&p->new, a->folders[i].folder)))
			return false;
	return !a->declined && is_sound(a, &p->old) && is_sound(a, &p->new);
}

/* ── what the ledger says of them ────────────────────────────────────────────────────────────── */

static int load_told(struct pass *p, struct message_reader *reader, const struct mail_agreed *a,
                     const struct mail_folder *f, const struct mail_folder *not_in,
                     struct error *err)
{
	for (size_t i = 0; i < f->n; i++)
		if (!mail_agreed_find(a, f->rows[i].base) &&
		    !(not_in && mail_folder_find(not_in, f->rows[i].base)) &&
		    message_reader_get(reader, p->account->from->user, f->name, f->rows[i].base,
		                       known_take_message, &p->known, err) < 0)
			return -1;
	return 0;
}

/* Counts in *marked those of the agreed messages that differ. */
static int load_folder(struct pass *p, struct message_reader *reader, const struct mail_agreed *a,
                       uint64_t *marked, struct error *err)
{
	const struct mail_folder *old = mail_listing_find(&p->old, a->folder);
	const struct mail_folder *new = mail_listing_find(&p->new, a->folder);
	const char *user = p->account->from->user;

	for (size_t i = 0; i < a->n; i++) {
		if (!a->rows[i].differs)
			continue;
		++*marked;
		if (message_reader_get(reader, user, a->folder, a->rows[i].base, known_take_message,
		                       &p->known, err) < 0)
			return -1;
	}
	if (load_told(p, reader, a, old, NULL, err) < 0)
		return -1;
	return load_told(p, reader, a, new, old, err);
}

/* Folders that one side told whole, and those that are not on either any more. */
static int load_others(struct pass *p, struct message_reader *reader, struct error *err)
{
	AUTO_STRINGS struct strings done = { 0 };
	const struct mail_listing *const sides[] = { &p->old, &p->new };

	for (size_t s = 0; s < ROWS(sides); s++)
		for (size_t i = 0; i < sides[s]->folders_n; i++) {
			const char *name = sides[s]->folders[i].name;

			if (find(&p->agreed, name) || strings_has(&done, name))
				continue;
			strings_add(&done, name);
			if (message_reader_get(reader, p->account->from->user, name, NULL,
			                       known_take_message, &p->known, err) < 0)
				return -1;
		}
	return 0;
}

static int count_ledger(struct pass *p, uint64_t *messages, uint64_t *octets, struct error *err)
{
	const char *user = p->account->from->user;
	bool known;

	if (agreed_get_ledger(p->state, user, &known, messages, octets, err) < 0)
		return -1;
	return known ? 0 : messages_count(p->state, user, MESSAGES_PRESENT, messages, octets, err);
}

/* *fits: the ledger has a row for each agreed message, and none of which nothing was said. */
static int load_all(struct pass *p, bool *fits, struct error *err)
{
	AUTO_MESSAGE_READER struct message_reader *reader = NULL;
	const char *user = p->account->from->user;
	uint64_t agreed_n = 0, marked = 0, present, octets;

	if (message_reader_new(&reader, p->state, err) < 0 ||
	    known_load_others(&p->known, p->state, user, MESSAGES_PRESENT, err) < 0)
		return -1;
	for (size_t i = 0; i < p->agreed.n; i++) {
		agreed_n += p->agreed.folders[i].n;
		if (load_folder(p, reader, &p->agreed.folders[i], &marked, err) < 0)
			return -1;
	}
	if (load_others(p, reader, err) < 0 || count_ledger(p, &present, &octets, err) < 0)
		return -1;
	known_sort(&p->known);
	*fits = present == agreed_n - marked + p->known.messages_n;
	for (size_t i = 0; i < p->known.messages_n; i++)
		octets -= p->known.messages[i].size;
	p->agreed.same = agreed_n - marked;
	p->agreed.same_octets = octets;
	return 0;
}

/* In one transaction: thousands of rows, and not a lock for each. */
static int load_known(struct pass *p, bool *fits, struct error *err)
{
	if (state_begin(p->state, err) < 0)
		return -1;
	if (load_all(p, fits, err) == 0)
		return state_commit(p->state, err);
	state_abandon(p->state);
	return -1;
}

/* ── the listings are made to hold them all ──────────────────────────────────────────────────── */

static void add(struct mail_folder *f, const struct mail_agreed_row *row,
                const struct known_message *k, uint64_t inode)
{
	struct mail_message m = {
		.base = xstrdup(row->base),
		.suffix = xstrdup(row->suffix),
		.in_new = row->in_new,
		.uid = k->uid,
		.size = k->size,
		.inode = inode,
		.mtime_ns = k->mtime_ns,
	};

	mail_folder_take_message(f, &m);
}

/* Those that differ on the other side only are as they were. False: one is not in the ledger. */
static bool complete_side(const struct pass *p, const struct mail_agreed *a, struct mail_folder *f,
                          bool of_new)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct mail_agreed_row *row = &a->rows[i];
		const struct known_message *k;

		if (!row->differs || (of_new ? row->new_told : row->old_told))
			continue;
		k = known_find(&p->known, a->folder, row->base);
		if (!k)
			return false;
		add(f, row, k, of_new ? row->new_inode : row->old_inode);
	}
	return true;
}

/* UIDs of a list that is as it was, and was not told, are in the ledger. */
static void take_uids(const struct pass *p, struct mail_folder *f)
{
	const struct known_folder *folder = known_find_folder(&p->known, f->name);

	if (!f->uidlist_as_known)
		return;
	f->uidvalidity = folder ? folder->uidvalidity : 0;
	f->uidnext = folder ? folder->uidnext : 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct known_message *k = known_find(&p->known, f->name, f->rows[i].base);

		if (k)
			f->rows[i].uid = k->uid;
	}
}

/* 1, 0 or -1 as agreed_complete(). */
static int complete(struct pass *p, struct error *err)
{
	bool fits = false;

	if (!compare(p))
		return 0;
	if (load_known(p, &fits, err) < 0)
		return -1;
	for (size_t i = 0; fits && i < p->agreed.n; i++) {
		const struct mail_agreed *a = &p->agreed.folders[i];
		struct mail_folder *old = mail_listing_find(&p->old, a->folder);

		fits = complete_side(p, a, old, false) &&
		       complete_side(p, a, mail_listing_find(&p->new, a->folder), true);
		take_uids(p, old);
	}
	return fits;
}

int agreed_complete(struct pass *p, struct error *err)
{
	int done = complete(p, err);
	bool declined = p->agreed.declined;

	if (done == 0) {
		agreed_fini(&p->agreed);
		p->agreed.wanted = true;
		p->agreed.declined = declined;
	}
	if (done <= 0)
		return done;
	mail_listing_sort(&p->old);
	mail_listing_sort(&p->new);
	p->out->unchanged += p->agreed.same;
	p->out->old_messages += p->agreed.same;
	p->out->old_octets += p->agreed.same_octets;
	return 1;
}

/* ── keeping ─────────────────────────────────────────────────────────────────────────────────── */

/* Of the file that new has of it by now; 0: not known. */
static uint64_t inode_on_new(const struct pass *p, const struct mail_folder *new,
                             const struct mail_message *m)
{
	const struct transfer_row *row = pass_find_row(p, m);
	const struct mail_message *there = new ? mail_folder_find(new, m->base) : NULL;

	if (row)
		return row->arrived ? row->inode : 0;
	return there ? there->inode : 0;
}

/*
 * Of the file that old had when it was listed. 0, which no file has, of one that travelled in this
 * pass: what comes into its place under the same name, as when a process number comes back within a
 * second, may well have its inode too, and the next pass has to look at it once more.
 */
static uint64_t inode_on_old(const struct pass *p, const struct mail_message *m)
{
	return pass_find_row(p, m) ? 0 : m->inode;
}

/* The next message in the order of bases: of those that were not looked at, or of the listing. */
static bool next_row(const struct pass *p, const struct mail_agreed *was, size_t *i,
                     const struct mail_folder *old, size_t *k, const struct mail_folder *new,
                     struct mail_agreed_row *out)
{
	const struct mail_message *m;

	while (was && *i < was->n && was->rows[*i].differs)
		++*i;
	if (was && *i < was->n &&
	    (*k == old->n || strcmp(was->rows[*i].base, old->rows[*k].base) < 0)) {
		*out = was->rows[(*i)++];
		return true;
	}
	if (*k == old->n)
		return false;
	m = &old->rows[(*k)++];
	*out = (struct mail_agreed_row){ .is_later = true,
		                         .base = m->base,
		                         .suffix = m->suffix,
		                         .in_new = m->in_new,
		                         .old_inode = inode_on_old(p, m),
		                         .new_inode = inode_on_new(p, new, m) };
	return true;
}

static struct digest uidlist_on_new(const struct pass *p, const struct mail_folder *old,
                                    const struct mail_folder *new)
{
	for (size_t i = 0; i < p->uidlists_n; i++)
		if (p->uidlists[i].f == old)
			return p->uidlists[i].digest;
	return digest_of(new ? buf_span(&new->uidlist) : SPAN(""));
}

/* Only what is not as in was->text. */
static void add_later(const struct pass *p, const struct mail_agreed *was,
                      const struct mail_folder *old, const struct mail_folder *new,
                      struct mail_agreed *now)
{
	struct mail_agreed_row row;
	size_t i = 0, k = 0;

	while (next_row(p, was, &i, old, &k, new, &row))
		if (row.is_later)
			mail_agreed_add_later(now, &row);
	for (i = 0; i < was->n; i++)
		if (was->rows[i].differs && !mail_folder_find(old, was->rows[i].base))
			mail_agreed_add_gone(now, was->rows[i].base);
	for (i = 0; i < was->gone.n; i++)
		if (!mail_folder_find(old, was->gone.rows[i]))
			mail_agreed_add_gone(now, was->gone.rows[i]);
}

static void add_all(const struct pass *p, const struct mail_agreed *was,
                    const struct mail_folder *old, const struct mail_folder *new,
                    struct mail_agreed *now)
{
	struct mail_agreed_row row;
	size_t i = 0, k = 0;

	buf_reset(&now->later);
	while (next_row(p, was, &i, old, &k, new, &row))
		mail_agreed_add(now, &row);
}

/* What differs on one side only is in both listings by now; on both, it is gone. */
static bool is_as_kept(const struct mail_agreed *was, const struct mail_folder *old)
{
	for (size_t i = 0; i < was->n; i++)
		if (was->rows[i].differs)
			return false;
	return !old->n && old->uidlist_as_known;
}

static int keep_folder(struct pass *p, const struct mail_folder *old, struct error *err)
{
	const char *user = p->account->from->user;
	const struct mail_agreed *was = find(&p->agreed, old->name);
	const struct mail_folder *new = mail_listing_find(&p->new, old->name);
	struct mail_agreed now = { .folder = old->name };
	int result;

	if (was && new &&is_as_kept(was, old))
		return 0;
	if (was)
		add_later(p, was, old, new, &now);
	/* what is kept beside it grows, and is read with it each time */
	if (!was || !now.later.n || now.later.n > was->text.n / LATER_SHARE)
		add_all(p, was, old, new, &now);
	now.old_uidlist = old->uidlist_as_known ? was->old_uidlist
	                                        : digest_of(buf_span(&old->uidlist));
	now.new_uidlist = uidlist_on_new(p, old, new);
	now.old_keywords = digest_of(buf_span(&old->keywords_file));
	/* what does not fit in a request must not stay as it was: the signs speak of now */
	result = now.text.n > MAILBOX_AGREED_MAX ? agreed_drop(p->state, user, old->name, err)
	                                         : agreed_put(p->state, user, &now, err);
	buf_fini(&now.text);
	buf_fini(&now.later);
	return result;
}

/* Nothing is left to do, and each message of old is in the ledger by now. */
static int keep_ledger(struct pass *p, struct error *err)
{
	uint64_t octets, messages = mail_listing_messages(&p->old, &octets);

	return agreed_put_ledger(p->state, p->account->from->user, messages + p->agreed.same,
	                         octets + p->agreed.same_octets, err);
}

static bool do_agree(const struct pass *p)
{
	const struct copy_result *r = p->out;

	return p->agreed.wanted && !p->left_out && !p->options->dry_run && !r->skipped.n &&
	       !r->extra.n && !r->vanished;
}

int agreed_keep(struct pass *p, struct error *err)
{
	if (!do_agree(p))
		return 0;
	/* all was looked at: folders that are gone are not agreed any more */
	if (!p->agreed.n && agreed_drop(p->state, p->account->from->user, NULL, err) < 0)
		return -1;
	/* a side that can't tell differences is not asked for them the next time */
	for (size_t i = 0; !p->agreed.declined && i < p->old.folders_n; i++)
		if (keep_folder(p, &p->old.folders[i], err) < 0)
			return -1;
	return keep_ledger(p, err);
}
