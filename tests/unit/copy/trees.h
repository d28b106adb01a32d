/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* trees -- a file tree in old/src that is to be one in new/dst, and words for what is in them. */

#include "copy/sites.h"
#include "copy/tree.h"

#include <sys/xattr.h>
#include <time.h>

#define OLD "old/src/"
#define NEW "new/dst/"

static inline struct copy_tree_options trees_options(void)
{
	return (struct copy_tree_options){ .from_root = "/src", .to_root = "/dst" };
}

static inline void trees_begin(struct sites *s)
{
	sites_begin(s, MAILBOX_MAILDIR);
	sites_make(s, "old/src");
	sites_make(s, "outside");
}

/* What was changed a moment ago may change again unseen, and is looked at again: tree_read(). */
static inline void trees_grow_old(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
}

static inline void trees_pass_with(struct sites *s, const struct copy_tree_options *o,
                                   struct copy_tree_result *r)
{
	struct error err = { 0 };

	copy_tree_result_fini(r);
	assert_good(copy_tree(s->old, s->new, o, s->state, r, &err), &err);
}

static inline void trees_pass(struct sites *s, struct copy_tree_result *r)
{
	const struct copy_tree_options o = trees_options();

	trees_grow_old();
	trees_pass_with(s, &o, r);
}

static inline struct stat trees_stat(const struct sites *s, const char *path)
{
	AUTO_FREE char *whole = sites_path(s, path);
	struct stat st;

	if (lstat(whole, &st) < 0)
		fail_msg("%s is not there", path);
	return st;
}

static inline void trees_time(const struct sites *s, const char *path, time_t seconds, long ns)
{
	AUTO_FREE char *whole = sites_path(s, path);
	struct timespec times[2] = { { .tv_sec = seconds, .tv_nsec = ns },
		                     { .tv_sec = seconds, .tv_nsec = ns } };

	assert_int_equal(utimensat(AT_FDCWD, whole, times, AT_SYMLINK_NOFOLLOW), 0);
}

static inline void trees_link(const struct sites *s, const char *target, const char *path)
{
	AUTO_FREE char *whole = sites_path(s, path);

	assert_int_equal(symlink(target, whole), 0);
}

static inline void trees_hard(const struct sites *s, const char *from, const char *path)
{
	AUTO_FREE char *a = sites_path(s, from);
	AUTO_FREE char *b = sites_path(s, path);

	assert_int_equal(link(a, b), 0);
}

static inline void trees_mode(const struct sites *s, const char *path, mode_t mode)
{
	AUTO_FREE char *whole = sites_path(s, path);

	assert_int_equal(chmod(whole, mode), 0);
}

static inline void assert_file(const struct sites *s, const char *path, const char *text)
{
	AUTO_FREE char *got = sites_read(s, path);

	assert_string_equal(got, text);
}

static inline void assert_link(const struct sites *s, const char *path, const char *target)
{
	AUTO_FREE char *whole = sites_path(s, path);
	char got[4096] = "";

	assert_true(readlink(whole, got, sizeof got - 1) > 0);
	assert_string_equal(got, target);
}

/* Kind, mode, owner, size and mtime are the same on both sides. */
static inline void assert_same(const struct sites *s, const char *path)
{
	AUTO_FREE char *a = xasprintf(OLD "%s", path);
	AUTO_FREE char *b = xasprintf(NEW "%s", path);
	struct stat x = trees_stat(s, a), y = trees_stat(s, b);

	if (x.st_mode != y.st_mode || x.st_uid != y.st_uid || x.st_gid != y.st_gid ||
	    (!S_ISDIR(x.st_mode) && x.st_size != y.st_size) ||
	    x.st_mtim.tv_sec != y.st_mtim.tv_sec || x.st_mtim.tv_nsec != y.st_mtim.tv_nsec)
		fail_msg("%s differs: mode %o %o, owner %u %u, size %lld %lld, mtime %lld.%09ld "
		         "%lld.%09ld",
		         path, x.st_mode, y.st_mode, x.st_uid, y.st_uid, (long long)x.st_size,
		         (long long)y.st_size, (long long)x.st_mtim.tv_sec, x.st_mtim.tv_nsec,
		         (long long)y.st_mtim.tv_sec, y.st_mtim.tv_nsec);
}

/* A line of the list begins with these words. */
static inline void assert_told(const struct strings *list, const char *words)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strncmp(list->rows[i], words, strlen(words)))
			return;
	for (size_t i = 0; i < list->n; i++)
		print_message("# told: %s\n", list->rows[i]);
	fail_msg("nothing was told of \"%s\"", words);
}

static inline void assert_nothing_done(const struct copy_tree_result *r)
{
	if (r->created || r->updated || r->attributes || r->removed || r->failed || r->bytes_sent)
		fail_msg("created %llu, updated %llu, attributes %llu, removed %llu, failed %llu, "
		         "sent %llu",
		         (unsigned long long)r->created, (unsigned long long)r->updated,
		         (unsigned long long)r->attributes, (unsigned long long)r->removed,
		         (unsigned long long)r->failed, (unsigned long long)r->bytes_sent);
}
