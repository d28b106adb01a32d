/* SPDX-License-Identifier: BSD-2-Clause */

/* maildir_messages -- tells of the messages of one folder, or of those that are not as known. */

#include "store/maildir.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mail/agreed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOOKS_MAX 5

static int tell_message(const struct maildir_look *l, const struct maildir_scan *s,
                        const struct names_row *row, const struct stat *st, struct error *err)
{
	AUTO_FREE char *suffix = row->in_new ? NULL
	                                     : courier_suffix(l->courier, row->base, row->suffix);
	struct mail_message m = {
		.base = row->base,
		.suffix = suffix ? suffix : row->suffix,
		.in_new = row->in_new,
		.mode = st->st_mode & 07777,
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
		.mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
	};

	return s->sink->message(s->sink->context, &m, err);
}

/* A name that was given twice for one base name: both were there, and are two messages. */
static int tell_twin(const struct maildir_look *l, const struct maildir_scan *s,
                     const struct names_row *row, const struct stat *st, struct error *err)
{
	AUTO_FREE char *name = NULL;
	struct stat twin;

	if (!row->twin)
		return 0;
	name = xasprintf("%s%s", row->base, row->twin);
	if (fstatat(row->twin_in_new ? l->newfd : l->curfd, name, &twin, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : maildir_unreadable(s, l->folder, name, err);
	/* renamed while it was listed, or linked and not yet unlinked */
	if (twin.st_ino == st->st_ino && twin.st_dev == st->st_dev)
		return 0;
	/* Dovecot would move it over the other one, if that has no flags (see its maildir-sync.c) */
	return maildir_trouble(
		s, l->folder, name,
		"another message has the same name, and only that one is copied: give this "
		"one a name of its own (mv) before a mail client opens the folder",
		true, err);
}

/* 1: it is there and told of; 0: no file of that name; -1: error. */
static int look_at(const struct maildir_look *l, const struct maildir_scan *s,
                   const struct names_row *row, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s%s", row->base, row->suffix);
	struct stat st;

	if (fstatat(row->in_new ? l->newfd : l->curfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return maildir_unreadable(s, l->folder, name, err);
	}
	if (tell_twin(l, s, row, &st, err) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return maildir_trouble(s, l->folder, name, "not a regular file, left alone", true,
		                       err) < 0
		               ? -1
		               : 1;
	return tell_message(l, s, row, &st, err) < 0 ? -1 : 1;
}

/* ── what is as known ────────────────────────────────────────────────────────────────────────── */

void maildir_look_fini(struct maildir_look *l)
{
	names_fini(&l->names);
	free(TAKE(l->told));
}

static bool is_same(const struct names_row *row, const struct store_known_row *known)
{
	return row->inode && row->inode == known->inode && !row->twin &&
	       row->in_new == known->in_new && span_is(known->suffix, row->suffix);
}

static int by_base(const void *a, const void *b)
{
	return strcmp((*(const struct names_row *const *)a)->base,
	              (*(const struct names_row *const *)b)->base);
}

static bool are_names(const struct names *names, const struct digest *digest)
{
	AUTO_FREE const struct names_row **rows = xcalloc(names->n + 1, sizeof *rows);
	struct digest_state state;
	struct digest now;

	for (size_t i = 0; i < names->n; i++) {
		if (names->rows[i].twin)
			return false;
		rows[i] = &names->rows[i];
	}
	if (names->n)
		qsort(rows, names->n, sizeof *rows, by_base);
	digest_begin(&state);
	for (size_t i = 0; i < names->n; i++)
		mail_agreed_add_name(&state, span_of(rows[i]->base), span_of(rows[i]->suffix),
		                     rows[i]->in_new, rows[i]->inode);
	now = digest_end(&state);
	return digest_equal(&now, digest);
}

/* Where the names are as known, nothing is left to tell. */
static void compare_names(struct maildir_look *l)
{
	if (!are_names(&l->names, &l->known->names)) {
		l->known = NULL;
		return;
	}
	for (size_t i = 0; i < l->names.n; i++)
		l->told[i] = l->names.rows[i].known = true;
}

int maildir_look_begin(struct maildir_look *l, struct error *err)
{
	if (l->known && l->known->same)
		return 0;
	if (names_read(l->newfd, l->curfd, &l->names, err) < 0)
		return -1;
	l->told = xcalloc(l->names.n + 1, sizeof *l->told);
	if (l->known && l->known->by_names)
		compare_names(l);
	for (size_t i = 0; l->known && i < l->known->n; i++) {
		struct store_known_row *known = &l->known->rows[i];

		known->at = names_find(&l->names, known->base);
		known->same = known->at != SIZE_MAX && is_same(&l->names.rows[known->at], known);
		if (known->at != SIZE_MAX)
			l->names.rows[known->at].known = true;
		if (known->same)
			l->told[known->at] = true;
	}
	return 0;
}

bool maildir_look_adds_uids(const struct maildir_look *l, struct span uidlist)
{
	for (size_t i = 0; i < l->names.n; i++)
		if (!l->names.rows[i].known && span_find_text(uidlist, l->names.rows[i].base) >= 0)
			return true;
	return false;
}

static int tell_gone(const struct maildir_look *l, const struct maildir_scan *s, struct error *err)
{
	for (size_t i = 0; l->known && i < l->known->n; i++) {
		const struct store_known_row *known = &l->known->rows[i];
		/* it may have been seen since under another name */
		size_t at = known->at == SIZE_MAX ? names_find(&l->names, known->base) : known->at;

		if ((at == SIZE_MAX || !l->told[at]) &&
		    s->more->gone(s->sink->context, known->base, err) < 0)
			return -1;
	}
	return 0;
}

/* ── the messages ────────────────────────────────────────────────────────────────────────────── */

/* Once over all that are not told of yet; *all: there are no more. */
static int tell_some(struct maildir_look *l, const struct maildir_scan *s, bool again, bool *all,
                     struct error *err)
{
	*all = true;
	for (size_t i = 0; i < l->names.n; i++) {
		int found;

		if (l->told[i] || (again && l->names.rows[i].pass != l->names.passes))
			continue;
		found = look_at(l, s, &l->names.rows[i], err);
		if (found < 0)
			return -1;
		l->told[i] = found;
		*all = *all && found;
	}
	return 0;
}

/* Renamed since: where is it now? What came since is for the next scan. */
static int find_again(struct maildir_look *l, struct error *err)
{
	size_t n = l->names.n;

	if (names_read_again(l->newfd, l->curfd, &l->names, err) < 0)
		return -1;
	if (l->names.n == n)
		return 0;
	l->told = xrealloc(l->told, (l->names.n + 1) * sizeof *l->told);
	memset(l->told + n, 0, (l->names.n - n) * sizeof *l->told);
	return 0;
}

int maildir_look_tell(struct maildir_look *l, const struct maildir_scan *s, struct error *err)
{
	bool all = false;

	if (l->names.hidden &&
	    maildir_trouble(s, l->folder, "", "holds hidden files, which are no mail", false, err) <
	            0)
		return -1;
	for (int look = 0; !all && look < LOOKS_MAX; look++)
		if ((look && find_again(l, err) < 0) || tell_some(l, s, look, &all, err) < 0)
			return -1;
	return tell_gone(l, s, err);
}
