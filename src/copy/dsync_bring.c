/* SPDX-License-Identifier: BSD-2-Clause */

/* dsync_bring -- the way back of mail that only Dovecot reads. */

#include "base/memory.h"
#include "copy/dsync.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 4
#define DSYNC_AGAIN 2

struct surplus {
	struct mailbox_wanted *rows; /* owned; of the listing of where they come from */
	size_t n, room;
};

static void find_surplus(const struct pass *p, struct surplus *s)
{
	for (size_t i = 0; i < p->old.folders_n; i++) {
		const struct mail_folder *f = &p->old.folders[i];

		for (size_t k = 0; k < f->n; k++) {
			if (known_find(&p->known, f->name, f->rows[k].base))
				continue;
			ARRAY_GROW(s->rows, s->n, s->room);
			s->rows[s->n++] = (struct mailbox_wanted){ f->name, &f->rows[k] };
		}
	}
}

/* A base is "UID-GUID"; the UID may be another one, when the other side gave it out meanwhile. */
static const char *guid_of(const char *base)
{
	return base + strcspn(base, "-");
}

static bool has(const struct mail_listing *l, const struct mailbox_wanted *wanted)
{
	const struct mail_folder *f = mail_listing_find(l, wanted->folder);

	if (!f)
		return false;
	if (mail_folder_find(f, wanted->m->base))
		return true;
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(guid_of(f->rows[i].base), guid_of(wanted->m->base)))
			return true;
	return false;
}

static size_t missing(const struct surplus *s, const struct mail_listing *there)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += !has(there, &s->rows[i]);
	return n;
}

static void title(const struct mailbox_wanted *wanted, struct buf *words)
{
	mail_folder_title(wanted->folder, words);
	buf_add_char(words, '/');
	buf_add_printable(words, span_of(wanted->m->base));
}

static int merge(struct dsync *d, const struct surplus *s, struct error *err)
{
	struct pass *p = &d->pass;
	int status = DSYNC_AGAIN;

	for (int i = 0; i < RUNS_MAX && status == DSYNC_AGAIN; i++) {
		strings_fini(&d->words);
		if (dsync_run(d, "dovecot-merge", &status, err) < 0)
			return -1;
	}
	if (dovecot_list(p->new_host, p->account->to, &d->after, err) < 0)
		return -1;
	dsync_adopt_names(&p->old, &d->after);
	for (size_t i = 0; i < s->n; i++) {
		AUTO_BUF struct buf words = { 0 };

		if (has(&d->after, &s->rows[i]))
			continue;
		title(&s->rows[i], &words);
		buf_addf(&words, ": dsync has not brought it%s%s", d->words.n ? ": " : "",
		         d->words.n ? d->words.rows[0] : "");
		strings_add(&p->out->skipped, buf_text(&words));
	}
	return 0;
}

static int tell(struct pass *p, const struct surplus *s, struct strings *brought, struct error *err)
{
	struct transfer_digest *digests = xcalloc(s->n + 1, sizeof *digests);
	int result = dsync_digests(p->old_host, p->account->from, &p->old, s->rows, s->n, digests,
	                           err);

	for (size_t i = 0; i < s->n; i++) {
		AUTO_BUF struct buf words = { 0 };

		title(&s->rows[i], &words);
		if (digests[i].message_id && *digests[i].message_id) {
			buf_add_char(&words, ' ');
			buf_add_printable(&words, span_of(digests[i].message_id));
		}
		if (result == 0)
			strings_add(brought, buf_text(&words));
		free(digests[i].message_id);
	}
	free(digests);
	return result;
}

static int bring(struct dsync *d, struct surplus *s, struct strings *brought, struct error *err)
{
	struct pass *p = &d->pass;
	size_t to_bring;

	if (dovecot_list(p->old_host, p->account->from, &p->old, err) < 0)
		return -1;
	find_surplus(p, s);
	if (!s->n)
		return 0;
	if (dovecot_list(p->new_host, p->account->to, &p->new, err) < 0)
		return -1;
	dsync_adopt_names(&p->old, &p->new);
	to_bring = missing(s, &p->new);
	if (to_bring && merge(d, s, err) < 0)
		return -1;
	p->out->unchanged += s->n - to_bring;
	p->out->copied += to_bring - (to_bring ? missing(s, &d->after) : 0);
	return tell(p, s, brought, err);
}

int dsync_bring(struct pass *p, struct strings *brought, struct error *err)
{
	struct dsync d = { .pass = *p };
	struct surplus s = { 0 };
	int result = bring(&d, &s, brought, err);

	free(s.rows);
	/* what it has read belongs to the caller's pass */
	*p = d.pass;
	mail_listing_fini(&d.after);
	strings_fini(&d.words);
	return result;
}
