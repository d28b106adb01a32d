/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* alike -- whether two Maildirs hold the same, looked at without anything of mailhaul's. */

#include "mail/digest.h"
#include "unit/copy/sites.h"

/* What is tried just now: stands in the words of a failure. */
static const char *alike_now = "";

static struct alike_walk {
	struct strings *out;
	size_t skip;
	unsigned leftovers;
} alike_walk;

static inline int alike_take(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	const char *below = path + alike_walk.skip;

	if (strstr(below, "mailhaul"))
		alike_walk.leftovers++;
	if (S_ISREG(st->st_mode) && (strstr(below, "/cur/") || strstr(below, "/new/")))
		strings_add(alike_walk.out, below);
	return 0;
}

/* Paths of all messages below `root` ("old/home/alice/Maildir"), sorted. Returns how many files of a
 * half-done copy lie about. */
static inline unsigned alike_messages(const struct sites *s, const char *root, struct strings *out)
{
	AUTO_FREE char *whole = sites_path(s, root);

	alike_walk = (struct alike_walk){ .out = out, .skip = strlen(whole) };
	(void)nftw(whole, alike_take, 32, FTW_PHYS);
	strings_sort(out);
	return alike_walk.leftovers;
}

static inline void alike_expect_file(const struct sites *s, const char *name)
{
	AUTO_FREE char *a = xasprintf("old/home/alice/Maildir%s", name);
	AUTO_FREE char *b = xasprintf("new/home/alice/Maildir%s", name);
	AUTO_FREE char *a_path = sites_path(s, a), *b_path = sites_path(s, b);
	AUTO_BUF struct buf x = { 0 }, y = { 0 };
	struct error err = { 0 };
	struct stat u, v;

	assert_good(file_read(a_path, 1 << 26, &x, &err), &err);
	assert_good(file_read(b_path, 1 << 26, &y, &err), &err);
	if (!span_equal(buf_span(&x), buf_span(&y)))
		fail_msg("%s differs", name);
	assert_int_equal(stat(a_path, &u), 0);
	assert_int_equal(stat(b_path, &v), 0);
	if (u.st_mtim.tv_sec != v.st_mtim.tv_sec || u.st_mtim.tv_nsec != v.st_mtim.tv_nsec)
		fail_msg("the date of %s differs", name);
}

/* Both sides hold the same messages, under the same names, and nothing of ours lies about. */
static inline void alike_expect_same(const struct sites *s)
{
	AUTO_STRINGS struct strings old = { 0 }, new = { 0 };

	alike_messages(s, "old/home/alice/Maildir", &old);
	assert_int_equal(alike_messages(s, "new/home/alice/Maildir", &new), 0);
	for (size_t i = 0; i < old.n && i < new.n; i++)
		if (strcmp(old.rows[i], new.rows[i]) != 0)
			fail_msg("%s: old has %s where new has %s", alike_now, old.rows[i],
			         new.rows[i]);
	if (old.n != new.n)
		fail_msg("%s: old has %zu messages, new %zu", alike_now, old.n, new.n);
	for (size_t i = 0; i < old.n; i++)
		alike_expect_file(s, old.rows[i]);
}

/* Whether a message of that folder and base name, in whatever directory and with whatever flags, is
 * among the names; its path then. */
static inline const char *alike_find(const struct strings *names, const char *folder,
                                     const char *base)
{
	AUTO_FREE char *dir = xasprintf("/%s%s", folder, *folder ? "/" : "");

	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->rows[i];
		size_t n = strlen(dir);

		if (strncmp(name, dir, n) != 0 ||
		    (strncmp(name + n, "cur/", 4) != 0 && strncmp(name + n, "new/", 4) != 0))
			continue;
		name += n + 4;
		if (!strncmp(name, base, strlen(base)) &&
		    (!name[strlen(base)] || name[strlen(base)] == ':'))
			return names->rows[i];
	}
	return NULL;
}

struct alike_ledger {
	const struct sites *s;
	struct strings old, new;
	unsigned rows;
};

static inline int alike_check_row(void *context, const struct message_record *m, struct error *err)
{
	struct alike_ledger *l = context;
	const char *path = alike_find(&l->new, m->folder, m->base);
	AUTO_BUF struct buf text = { 0 };
	struct digest digest;

	l->rows++;
	if (!alike_find(&l->old, m->folder, m->base))
		return 0; /* expunged on old meanwhile */
	if (!path)
		fail_msg("%s: the ledger has %s/%s, new has not", alike_now, m->folder, m->base);

	AUTO_FREE char *name = xasprintf("new/home/alice/Maildir%s", path);
	AUTO_FREE char *whole = sites_path(l->s, name);
	assert_good(file_read(whole, 1 << 26, &text, err), err);
	digest = digest_of(buf_span(&text));
	assert_true(digest_equal(&digest, &m->digest));
	return 0;
}

/* What the ledger calls copied, and old still has, is on new with those octets. Returns the number
 * of its rows. */
static inline unsigned alike_expect_true_ledger(const struct sites *s)
{
	struct alike_ledger l = { .s = s };
	struct error err = { 0 };

	alike_messages(s, "old/home/alice/Maildir", &l.old);
	alike_messages(s, "new/home/alice/Maildir", &l.new);
	assert_good(messages_walk(s->state, "alice", MESSAGES_PRESENT, alike_check_row, &l, &err),
	            &err);
	strings_fini(&l.old);
	strings_fini(&l.new);
	return l.rows;
}
