/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* sites -- two folders that stand for the old and the new host, each with a real agent. */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "copy/copy.h"
#include "copy/verify.h"
#include "remote/host.h"
#include "state/messages.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the folders are made; a test that makes many of them takes a place without a disk. */
static const char *sites_place = "/tmp";

struct sites {
	char dir[64];
	struct host *old, *new;
	struct state *state;
	struct mailbox_account from, to;
	struct strings beside;
	bool here; /* see sites_here() */
};

/* noinline: gcc 12 takes dir for NULL, where it sees the zeroing of *s */
static __attribute__((noinline, unused)) char *sites_path(const struct sites *s, const char *path)
{
	return xasprintf("%s/%s", s->dir, path);
}

static inline void sites_make(const struct sites *s, const char *path)
{
	AUTO_FREE char *whole = sites_path(s, path);

	for (char *p = whole + strlen(s->dir) + 1; *p; p++) {
		if (*p == '/') {
			*p = 0;
			(void)mkdir(whole, 0700);
			*p = '/';
		}
	}
	(void)mkdir(whole, 0700);
}

/* An empty folder of a Maildir; the path ends in a slash. */
static inline void sites_maildir(const struct sites *s, const char *path)
{
	static const char *const parts[] = { "cur", "new", "tmp" };

	for (size_t i = 0; i < ROWS(parts); i++) {
		AUTO_FREE char *whole = xasprintf("%s%s", path, parts[i]);

		sites_make(s, whole);
	}
}

static inline void sites_write(const struct sites *s, const char *path, const char *text)
{
	AUTO_FREE char *whole = sites_path(s, path);
	AUTO_FILE FILE *f = fopen(whole, "w");

	assert_non_null(f);
	fputs(text, f);
}

/* A message with its date. */
static inline void sites_message(const struct sites *s, const char *path, const char *text,
                                 time_t mtime)
{
	AUTO_FREE char *whole = sites_path(s, path);
	struct timespec times[2] = { { .tv_sec = mtime, .tv_nsec = 123456789 },
		                     { .tv_sec = mtime, .tv_nsec = 123456789 } };

	sites_write(s, path, text);
	assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

static inline bool sites_has(const struct sites *s, const char *path)
{
	AUTO_FREE char *whole = sites_path(s, path);
	struct stat st;

	return lstat(whole, &st) == 0;
}

static inline char *sites_read(const struct sites *s, const char *path)
{
	AUTO_FREE char *whole = sites_path(s, path);
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };

	assert_good(file_read(whole, 1 << 26, &text, &err), &err);
	return buf_take(&text);
}

static inline void sites_rename(const struct sites *s, const char *from, const char *to)
{
	AUTO_FREE char *a = sites_path(s, from);
	AUTO_FREE char *b = sites_path(s, to);

	assert_int_equal(rename(a, b), 0);
}

static inline void sites_remove(const struct sites *s, const char *path)
{
	AUTO_FREE char *whole = sites_path(s, path);

	assert_int_equal(unlink(whole), 0);
}

static inline unsigned sites_count(const struct sites *s, const char *path)
{
	AUTO_FREE char *whole = sites_path(s, path);

	return files_count(whole);
}

static inline int sites_open_host(const struct sites *s, const char *side, struct host **out,
                                  struct error *err)
{
	AUTO_FREE char *root = sites_path(s, side);
	struct host_place place = {
		.name = side, .reach = HOST_FOLDER, .target = root, .control = true
	};

	if (s->here && !strcmp(side, "new"))
		place.reach = HOST_LOCAL;
	return host_open(out, &place, err);
}

static inline void sites_open_hosts(struct sites *s)
{
	struct error err = { 0 };

	assert_good(sites_open_host(s, "old", &s->old, &err), &err);
	assert_good(sites_open_host(s, "new", &s->new, &err), &err);
}

/* From now on the new host is this machine, with its mailboxes in the folder new/: its agent can
 * read those of old by itself. */
static inline void sites_here(struct sites *s)
{
	host_close(s->old);
	host_close(s->new);
	s->here = true;
	s->to.home = xasprintf("%s/new%s", s->dir, s->from.home);
	s->to.root = xasprintf("%s/new%s", s->dir, s->from.root);
	sites_open_hosts(s);
}

static inline void sites_begin(struct sites *s, enum mailbox_format format)
{
	struct error err = { 0 };
	bool mbox = format == MAILBOX_MBOX;

	*s = (struct sites){ 0 };
	snprintf(s->dir, sizeof s->dir, "%s/mailhaul-test.XXXXXX", sites_place);
	assert_non_null(mkdtemp(s->dir));
	sites_make(s, "old/home/alice");
	sites_make(s, "new/home");
	sites_make(s, "old/var/mail");
	sites_make(s, "new/var/mail");
	sites_make(s, "move");
	sites_open_hosts(s);
	AUTO_FREE char *move = sites_path(s, "move");
	assert_good(state_open(&s->state, move, &err), &err);
	s->from = (struct mailbox_account){
		.user = xstrdup("alice"),
		.home = xstrdup("/home/alice"),
		.root = xstrdup(mbox ? "/home/alice/mail" : "/home/alice/Maildir"),
		.inbox = mbox ? xstrdup("/var/mail/alice") : NULL,
		.format = format,
		.uid = getuid(),
		.gid = getgid(),
	};
	s->to = s->from;
}

/* An account of mbox files: that inbox, and a folder with one message. */
#define SITES_FROM "From alice@example.org Sun Mar  1 02:13:07 2026\n"
static inline void sites_begin_mboxes(struct sites *s, const char *inbox)
{
	sites_begin(s, MAILBOX_MBOX);
	sites_write(s, "old/var/mail/alice", inbox);
	sites_make(s, "old/home/alice/mail/Archive");
	sites_write(s, "old/home/alice/mail/Archive/2018", SITES_FROM "Subject: x\n\nx\n\n");
	sites_write(s, "old/home/alice/mail/.subscriptions", "Archive/2018\n");
}

static inline void sites_end(struct sites *s)
{
	host_close(s->old);
	host_close(s->new);
	state_close(s->state);
	strings_fini(&s->beside);
	if (s->here) {
		free(s->to.home);
		free(s->to.root);
	}
	free(s->from.user);
	free(s->from.home);
	free(s->from.root);
	free(s->from.inbox);
	files_remove(s->dir);
}

/* One pass that must succeed; *out is emptied first. */
static inline void sites_pass(struct sites *s, struct copy_result *out)
{
	const struct copy_account account = { &s->from, &s->to, &s->beside };
	const struct copy_options options = { 0 };
	struct error err = { 0 };

	copy_result_fini(out);
	assert_good(copy_pass(s->old, s->new, &account, s->state, &options, out, &err), &err);
}

/* What new took after the freeze goes to old; both results are emptied first. */
static inline void sites_bring_back(struct sites *s, struct strings *brought,
                                    struct copy_result *out)
{
	const struct copy_account account = { &s->to, &s->from, NULL };
	struct error err = { 0 };

	strings_fini(brought);
	copy_result_fini(out);
	assert_good(copy_bring_back(s->new, s->old, &account, s->state, brought, out, &err), &err);
}

/* Verify finds that many differences, and one of them has those words. */
static inline void sites_differences(struct sites *s, bool deep, size_t n, const char *words)
{
	const struct copy_account account = { &s->from, &s->to, &s->beside };
	const struct verify_options options = { .deep = deep };
	AUTO_VERIFY_RESULT struct verify_result r = { 0 };
	struct error err = { 0 };

	assert_good(verify_account(s->old, s->new, &account, s->state, &options, &r, &err), &err);
	for (size_t i = 0; i < r.differences.n; i++)
		if (strstr(r.differences.rows[i], words))
			words = "";
	if (r.differences.n != n || *words)
		fail_msg("%zu differences, the first: %s", r.differences.n,
		         r.differences.n ? r.differences.rows[0] : "");
}
