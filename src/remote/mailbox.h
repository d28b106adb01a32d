/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailbox -- mailboxes of a host: what is there, the messages themselves, changes. The near end of
 * wire/mailbox.h. All that comes from the host is checked before it is given on.
 */

#include "mail/agreed.h"
#include "mail/listing.h"
#include "mail/mboxstate.h"
#include "remote/host.h"
#include "store/sign.h"

#include <stdbool.h>

/* Lists an account. UIDs and keywords are resolved; sorted. A missing root: sys_errno ENOENT. */
int mailbox_scan(struct host *h, const struct mailbox_account *account, struct mail_listing *out,
                 struct error *err) MUST_CHECK;
/* What a Maildir account's folders were on that side: of them only what differs is told. A folder
 * whose `text` is longer does not fit in a request. */
#define MAILBOX_AGREED_MAX (3u << 20)
struct mailbox_agreed {
	const struct mail_agreed *folders; /* borrowed */
	size_t n;
	bool of_new; /* this host is the new one */
	bool same;   /* all are as they were: their messages are not looked at */
	/* a folder is told by a digest of its names, where that is possible; the host tells one that is
	 * not as that whole */
	bool by_names;
};
/*
 * The same in two halves, for several accounts ahead: at most HOST_AHEAD, collected in that order.
 *
 *   agreed  may be NULL. A folder that the host tells whole nevertheless (one of too many messages
 *           for a request, or with files of Courier) has no `as_known`
 */
int mailbox_scan_send(struct host *h, const struct mailbox_account *account,
                      const struct mailbox_agreed *agreed, struct error *err) MUST_CHECK;
int mailbox_scan_collect(struct host *h, const struct mailbox_account *account,
                         struct mail_listing *out, struct error *err) MUST_CHECK;

/* ── finding, and seeing that nothing changed: store/sign.h ─────────────────────────────────── */

struct mailbox_found {
	char *path; /* relative to where was looked; "" is that itself */
	enum mailbox_layout layout;
	uint32_t mode, uid, gid;
};
struct mailbox_found_list {
	struct mailbox_found *rows; /* owned; by path */
	size_t n, room;
};
#define AUTO_MAILBOX_FOUND __attribute__((cleanup(mailbox_found_fini)))
void mailbox_found_fini(struct mailbox_found_list *l);
/* Finds the Maildirs below `path`, at most `depth` levels down. */
int mailbox_find(struct host *h, const char *path, unsigned depth, struct mailbox_found_list *out,
                 struct error *err) MUST_CHECK;
/* The same in two halves. */
int mailbox_find_send(struct host *h, const char *path, unsigned depth, struct error *err)
	MUST_CHECK;
int mailbox_find_collect(struct host *h, struct mailbox_found_list *out, struct error *err)
	MUST_CHECK;

enum mailbox_sign_state {
	MAILBOX_SIGN_YOUNG, /* may change again and look the same */
	MAILBOX_SIGN_SETTLED,
	MAILBOX_SIGN_NONE,
	MAILBOX_SIGN_AS_OUTLINED, /* it looks as the outline that was asked with */
};
struct mailbox_sign {
	struct digest digest; /* of YOUNG and SETTLED */
	enum mailbox_sign_state state;
	struct store_outline outline; /* of SETTLED, or empty */
};
void mailbox_sign_fini(struct mailbox_sign *sign);
struct mailbox_signed {
	const struct mailbox_account *account; /* all borrowed */
	const struct strings *beside;          /* may be NULL */
	const struct store_outline *outline;   /* of an earlier look; may be NULL, or empty */
};
/* Asks for the signs of at most MAILBOX_SIGN_MAX accounts; collect reads them, in that order, into
 * rows that are empty. The caller ends each with mailbox_sign_fini(), also when collect fails. */
#define MAILBOX_SIGN_MAX 100u
int mailbox_sign_send(struct host *h, const struct mailbox_signed *accounts, size_t n,
                      struct error *err) MUST_CHECK;
int mailbox_sign_collect(struct host *h, struct mailbox_sign *out, size_t n, struct error *err)
	MUST_CHECK;

/*
 * Lists an mbox account whose files may be known from an earlier look (mail/mboxstate.h): of a
 * folder whose state has `from`, only the messages behind it are told. Not sorted.
 *
 *   utc     dates of messages in UTC, by old's zone, instead of as they stand in the From_ lines
 *   known   may be NULL
 *   states  one a folder, in the listing's order
 */
int mailbox_mbox_scan_send(struct host *h, const struct mailbox_account *account, bool utc,
                           const struct mbox_states *known, struct error *err) MUST_CHECK;
int mailbox_mbox_scan_collect(struct host *h, const struct mailbox_account *account,
                              struct mail_listing *out, struct mbox_states *states,
                              struct error *err) MUST_CHECK;
/* Both. */
int mailbox_mbox_scan(struct host *h, const struct mailbox_account *account, bool utc,
                      const struct mbox_states *known, struct mail_listing *out,
                      struct mbox_states *states, struct error *err) MUST_CHECK;

/* ── reading messages ────────────────────────────────────────────────────────────────────────── */

struct mailbox_wanted {
	const char *folder;           /* borrowed */
	const struct mail_message *m; /* borrowed */
};

/* What a fetch gives, for each message: begin, bytes..., done; or failed, at any place. All is
 * borrowed during the call. -1 with *err set gives up the rest of the request. */
struct mailbox_reader {
	void *context;
	/* `now` is the message as it is by now; its base is that of the wanted one. */
	int (*begin)(void *context, size_t index, const struct mail_message *now,
	             struct span from_line, struct error *err);
	int (*bytes)(void *context, size_t index, struct span bytes, struct error *err);
	int (*done)(void *context, size_t index, const struct digest *digest,
	            struct span message_id, struct error *err);
	int (*failed)(void *context, size_t index, const struct error *why, struct error *err);
};

/* At most so many in one request. */
#define MAILBOX_FETCH_MAX 1000u

/* The records that ask for them. */
void mailbox_put_wanted(struct buf *body, const struct mailbox_wanted *wanted, size_t n);

/* Asks for messages; with `content` false only for their digests. mailbox_fetch_collect() then
 * reads the answers, in the order of asking: host_send() and host_collect() of remote/host.h. */
int mailbox_fetch_send(struct host *h, const struct mailbox_account *account, bool content,
                       const struct mailbox_wanted *wanted, size_t n, struct error *err) MUST_CHECK;
int mailbox_fetch_collect(struct host *h, const struct mailbox_wanted *wanted, size_t n,
                          const struct mailbox_reader *reader, struct error *err) MUST_CHECK;

/* The same for the octets [keep, was->size) of an mbox file; index is 0. ESTALE: what a scan told
 * of it in `was` is true no more. */
int mailbox_mbox_fetch(struct host *h, const struct mailbox_account *account,
                       const struct mbox_state *was, uint64_t keep,
                       const struct mailbox_reader *reader, struct error *err) MUST_CHECK;

/* ── writing (control) ───────────────────────────────────────────────────────────────────────── */

/*
 * Stores messages and files, sent ahead in large frames. Nothing is seen on the host before commit.
 * After any error the writer takes nothing more; what was not committed is not there.
 */
struct mailbox_writer;
struct mailbox_writer *mailbox_writer_new(struct host *h);
/* Gives up what was not committed. */
void mailbox_writer_free(struct mailbox_writer *w);
CLEANUP_DEFINE(struct mailbox_writer, mailbox_writer_free);
#define AUTO_MAILBOX_WRITER __attribute__((cleanup(mailbox_writer_free_at)))

/* `name` is the file name, with its suffix; mode, mtime_ns and in_new are those of `m`. */
int mailbox_put_message(struct mailbox_writer *w, const struct mailbox_account *account,
                        const char *folder, const char *name, const struct mail_message *m,
                        struct error *err) MUST_CHECK;
/*
 * Asks the writer's host to store messages of another account, which it reads itself: no content
 * comes by here. The answers are read by mailbox_fetch_collect() (no `bytes`), before the commit.
 *
 *   top  where the files of the host that `from` is on begin: host_seen_from()
 */
int mailbox_bring_send(struct mailbox_writer *w, const char *top,
                       const struct mailbox_account *from, const struct mailbox_account *to,
                       const struct mailbox_wanted *wanted, const char *const *as, size_t n,
                       struct error *err) MUST_CHECK;
struct mailbox_file {
	const char *root, *path; /* borrowed; the path is below the root */
	uint64_t keep;           /* octets of the file that is there which come first */
	uint32_t mode, uid, gid;
	int64_t mtime_ns;
};
int mailbox_put_file(struct mailbox_writer *w, const struct mailbox_file *file, struct error *err)
	MUST_CHECK;
int mailbox_put_link(struct mailbox_writer *w, const struct mailbox_file *file, const char *target,
                     struct error *err) MUST_CHECK;
int mailbox_put_bytes(struct mailbox_writer *w, struct span bytes, struct error *err) MUST_CHECK;
/* The digest of all octets of this one. */
int mailbox_put_done(struct mailbox_writer *w, const struct digest *digest, struct error *err)
	MUST_CHECK;
/* Takes back what was begun. */
int mailbox_put_drop(struct mailbox_writer *w, struct error *err) MUST_CHECK;
/* Sends what is put so far, and reads the answers: then other calls to that host may come between. */
int mailbox_writer_settle(struct mailbox_writer *w, struct error *err) MUST_CHECK;
/* All put since the last commit is durable and in place; *n (may be NULL) of them, with those of a
 * mailbox_commit_ahead() before it. */
int mailbox_commit(struct mailbox_writer *w, uint64_t *n, struct error *err) MUST_CHECK;
/* Of the files that the last commit told of: the inode of the `at`th, in the order in which they were
 * put; 0: not known. */
uint64_t mailbox_placed_inode(const struct mailbox_writer *w, uint64_t at);
/* What was put before the last call of this is durable and in place, *n files. What was put since is
 * on its way there: the host works on it while more is put. */
int mailbox_commit_ahead(struct mailbox_writer *w, uint64_t *n, struct error *err) MUST_CHECK;

/* Small changes, collected and sent together. Each may fail by itself; `failed` is told. */
struct mailbox_changes {
	struct host *h;
	const struct mailbox_account *account; /* borrowed; uid and gid own new folders */
	void *context;
	void (*failed)(void *context, const char *what, const struct error *why);
	bool later; /* durable at the next mailbox_commit() on that host, not when they are sent */
	struct buf body;
	struct strings words; /* of the changes in the body, for `failed` */
	char *last;           /* owned; folder of the last message in the body, or NULL */
	bool under_way;
};
#define AUTO_MAILBOX_CHANGES __attribute__((cleanup(mailbox_changes_fini)))
void mailbox_changes_fini(struct mailbox_changes *c);
/* `m` is as it is on that host now. */
int mailbox_rename(struct mailbox_changes *c, const char *folder, const struct mail_message *m,
                   const char *suffix, bool in_new, int64_t mtime_ns, struct error *err) MUST_CHECK;
int mailbox_remove(struct mailbox_changes *c, const char *folder, const struct mail_message *m,
                   struct error *err) MUST_CHECK;
int mailbox_make_folder(struct mailbox_changes *c, const char *folder, uint32_t mode,
                        struct error *err) MUST_CHECK;
int mailbox_remove_folder(struct mailbox_changes *c, const char *folder, struct error *err)
	MUST_CHECK;
int mailbox_drop_indexes(struct mailbox_changes *c, const char *folder, struct error *err)
	MUST_CHECK;
int mailbox_remove_file(struct mailbox_changes *c, enum mail_place place, const char *path,
                        struct error *err) MUST_CHECK;
/* Sends what is collected; durable at return, unless `later`. */
int mailbox_changes_send(struct mailbox_changes *c, struct error *err) MUST_CHECK;
/* The same in two halves, for several ahead: at most HOST_AHEAD, finished in that order, and no other
 * call to that host before the last of them is. */
int mailbox_changes_begin(struct mailbox_changes *c, struct error *err) MUST_CHECK;
int mailbox_changes_finish(struct mailbox_changes *c, struct error *err) MUST_CHECK;

/* Puts the file `path` (below the root; it goes away) at the end of a folder's mbox file, which gets
 * the time mtime_ns; see store/mboxgrow.h. *now has no folder. ESTALE: it is not as in `was`. */
int mailbox_mbox_grow(struct host *h, const struct mailbox_account *account,
                      const struct mbox_state *was, const char *path, int64_t mtime_ns, bool undo,
                      struct mbox_state *now, struct error *err) MUST_CHECK;

/* Adds one message to an mbox file; its content was put at `path` below the account's root. False
 * in *appended: one with that content was there. */
struct mailbox_append {
	const char *folder, *path, *from_line, *flags, *keywords; /* borrowed */
	struct digest digest;
};
int mailbox_append(struct host *h, const struct mailbox_account *account,
                   const struct mailbox_append *m, bool *appended, struct error *err) MUST_CHECK;
