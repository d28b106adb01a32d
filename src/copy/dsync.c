/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/dsync.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ── names ───────────────────────────────────────────────────────────────────────────────────── */

/* "INBOX.Work.A" and "Work/A" are one place in two namespaces. */
static bool same_place(const char *a, const char *b)
{
	if (!strncmp(a, "INBOX.", 6) || !strncmp(a, "INBOX/", 6))
		a += 6;
	if (!strncmp(b, "INBOX.", 6) || !strncmp(b, "INBOX/", 6))
		b += 6;
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("./", *a) && strchr("./", *b)))
			return false;
	return *a == *b;
}

static int guid_order(const void *a, const void *b)
{
	return strcmp((*(const struct mail_folder *const *)a)->guid,
	              (*(const struct mail_folder *const *)b)->guid);
}

void dsync_adopt_names(const struct mail_listing *old, struct mail_listing *new)
{
	AUTO_FREE const struct mail_folder **sorted = xcalloc(old->folders_n + 1, sizeof *sorted);

	for (size_t i = 0; i < old->folders_n; i++)
		sorted[i] = &old->folders[i];
	qsort(sorted, old->folders_n, sizeof *sorted, guid_order);
	for (size_t i = 0; i < new->folders_n; i++) {
		const struct mail_folder *key = &new->folders[i];
		const struct mail_folder **found = bsearch(&key, sorted, old->folders_n,
		                                           sizeof *sorted, guid_order);

		if (!found || !strcmp(key->name, (*found)->name) || !*key->name ||
		    !same_place((*found)->name, key->name))
			continue;
		free(new->folders[i].name);
		new->folders[i].name = xstrdup((*found)->name);
	}
	mail_listing_sort(new);
}

/* ── differences ─────────────────────────────────────────────────────────────────────────────── */

/* Appends what of a message is not the same; nothing when all is. */
static void compare(const struct mail_message *was, const struct mail_message *is, struct buf *out)
{
	if (strcmp(was->suffix, is->suffix) != 0)
		buf_addf(out, "%sflags \"%s\" instead of \"%s\"", out->n ? ", " : "",
		         is->suffix + strlen(":2,"), was->suffix + strlen(":2,"));
	if (strcmp(was->keywords, is->keywords) != 0)
		buf_addf(out, "%skeywords \"%s\" instead of \"%s\"", out->n ? ", " : "",
		         is->keywords, was->keywords);
	if (was->size != is->size)
		buf_addf(out, "%s%llu octets instead of %llu", out->n ? ", " : "",
		         (unsigned long long)is->size, (unsigned long long)was->size);
	if (was->mtime_ns != is->mtime_ns)
		buf_addf(out, "%sanother date", out->n ? ", " : "");
}

static bool is_same(const struct mail_message *a, const struct mail_message *b)
{
	AUTO_BUF struct buf words = { 0 };

	compare(a, b, &words);
	return !words.n;
}

static const struct mail_message *find(const struct mail_listing *l, const char *folder,
                                       const char *base)
{
	const struct mail_folder *f = mail_listing_find(l, folder);

	return f ? mail_folder_find(f, base) : NULL;
}

void dsync_count(struct pass *p, const struct mail_listing *after)
{
	for (size_t i = 0; i < after->folders_n; i++) {
		const struct mail_folder *f = &after->folders[i];

		p->out->folders_made += !mail_listing_find(&p->new, f->name);
		for (size_t k = 0; k < f->n; k++) {
			const struct mail_message *m = &f->rows[k],
						  *was = find(&p->new, f->name, m->base);

			if (!was) {
				p->out->copied++;
				p->out->copied_octets += m->size;
			} else if (is_same(was, m)) {
				p->out->unchanged++;
			} else {
				p->out->renamed++;
			}
		}
	}
	for (size_t i = 0; i < p->new.folders_n; i++) {
		const struct mail_folder *f = &p->new.folders[i];

		p->out->folders_removed += !mail_listing_find(after, f->name);
		for (size_t k = 0; k < f->n; k++)
			p->out->removed += !find(after, f->name, f->rows[k].base);
	}
}

/* ── the check ───────────────────────────────────────────────────────────────────────────────── */

struct check {
	struct dsync *d;
	struct mail_listing now; /* old, looked at again because something differs */
	bool looked;
};

/* Old as it is now; only asked for when there is a difference to explain. */
static int look_again(struct check *c, struct error *err)
{
	struct pass *p = &c->d->pass;

	if (c->looked)
		return 0;
	c->looked = true;
	return dovecot_list(p->old_host, p->account->from, &c->now, err);
}

static int check_message(struct check *c, const struct mail_folder *f, const struct mail_message *m,
                         struct error *err)
{
	AUTO_BUF struct buf words = { 0 };
	const struct mail_message *there = find(&c->d->after, f->name, m->base), *now;

	if (there)
		compare(m, there, &words);
	else
		buf_add_text(&words, "not on the new host after dsync has run");
	if (!words.n)
		return 0;
	if (look_again(c, err) < 0)
		return -1;
	now = find(&c->now, f->name, m->base);
	if (!now)
		c->d->pass.out->vanished++;
	else if (is_same(now, m))
		pass_skip(&c->d->pass, f->name, m->base, buf_text(&words));
	return 0;
}

static int check_folder(struct check *c, const struct mail_folder *f, struct error *err)
{
	const struct mail_folder *there = mail_listing_find(&c->d->after, f->name);
	AUTO_BUF struct buf words = { 0 };

	if (!there)
		buf_add_text(&words, "dsync has left out this folder");
	else if (there->uidvalidity != f->uidvalidity)
		buf_addf(&words, "UIDVALIDITY %u instead of %u", there->uidvalidity,
		         f->uidvalidity);
	else if (strcmp(there->guid, f->guid) != 0)
		buf_addf(&words, "mailbox GUID %s instead of %s", there->guid, f->guid);
	if (words.n) {
		if (look_again(c, err) < 0)
			return -1;
		if (mail_listing_find(&c->now, f->name))
			pass_skip(&c->d->pass, f->name, "", buf_text(&words));
		if (!there)
			return 0;
	}
	for (size_t i = 0; i < f->n; i++)
		if (check_message(c, f, &f->rows[i], err) < 0)
			return -1;
	return 0;
}

/* What new has and old had not. It may have come to old since. */
static int check_surplus(struct check *c, struct error *err)
{
	struct pass *p = &c->d->pass;

	for (size_t i = 0; i < c->d->after.folders_n; i++) {
		const struct mail_folder *f = &c->d->after.folders[i];

		for (size_t k = 0; k < f->n; k++) {
			if (find(&p->old, f->name, f->rows[k].base))
				continue;
			if (look_again(c, err) < 0)
				return -1;
			if (!find(&c->now, f->name, f->rows[k].base))
				pass_skip(p, f->name, f->rows[k].base,
				          "on the new host, and not on the old one");
		}
	}
	return 0;
}

static int check_subscriptions(struct check *c, struct error *err)
{
	AUTO_STRINGS struct strings old = { 0 }, new = { 0 };
	struct pass *p = &c->d->pass;

	if (dovecot_subscriptions(p->old_host, p->account->from, &old, err) < 0 ||
	    dovecot_subscriptions(p->new_host, p->account->to, &new, err) < 0)
		return -1;
	for (size_t i = 0; i < old.n; i++) {
		bool there = false;

		for (size_t k = 0; k < new.n && !there; k++)
			there = same_place(old.rows[i], new.rows[k]);
		if (!there)
			strings_addf(&p->out->skipped, "%s: the subscription of this folder",
			             old.rows[i]);
	}
	return 0;
}

static int check_all(struct check *c, struct error *err)
{
	struct dsync *d = c->d;
	size_t before = d->pass.out->skipped.n;

	for (size_t i = 0; i < d->pass.old.folders_n; i++)
		if (check_folder(c, &d->pass.old.folders[i], err) < 0)
			return -1;
	if (check_surplus(c, err) < 0 || check_subscriptions(c, err) < 0)
		return -1;
	for (size_t i = 0; i < d->after.troubles.n; i++)
		strings_addf(&d->pass.out->skipped, "new host: %s", d->after.troubles.rows[i]);
	/* its words explain what is missing; without a difference they are only odd */
	for (size_t i = 0; i < d->words.n; i++)
		strings_add(d->pass.out->skipped.n > before ? &d->pass.out->skipped
		                                            : &d->pass.out->notes,
		            d->words.rows[i]);
	return 0;
}

int dsync_check(struct dsync *d, struct error *err)
{
	struct check c = { .d = d };
	int result = check_all(&c, err);

	mail_listing_fini(&c.now);
	return result;
}
