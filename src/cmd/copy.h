/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* copy -- what the files of `mailhaul copy` share. To add a kind: a function, a row in copy.c. */

#include "cmd/cmd.h"
#include "mail/mailbox.h"

#include <jansson.h>

struct copy {
	struct cmd_run *run; /* borrowed */
	char *from, *to;     /* absolute paths on their hosts */
	struct host *from_host, *to_host;
	struct state *state;
	struct progress *progress;
	bool delete_extra, look_everywhere;
	bool mbox_to_maildir;
	int64_t began_ms;
};

/* Each copies and prints what was done; an exit code, or -1 with *err set. With `found` false in the
 * end there is nothing of that kind in the source, and nothing was done. */
int copy_maildirs(struct copy *c, bool *found, struct error *err) MUST_CHECK;
/* Asks for the Maildirs in the source, before the state is opened; copy_maildirs() reads the answer. */
int copy_ask_for_maildirs(struct copy *c, struct error *err) MUST_CHECK;
int copy_a_tree(struct copy *c, struct error *err) MUST_CHECK;
/* `sure`: only if there is nothing but mboxes, else *found stays false. */
int copy_mboxes(struct copy *c, bool sure, bool *found, struct error *err) MUST_CHECK;
/* 1: SRC is one file, which is an mbox; 0: it is not; -1 */
int copy_is_mbox(struct copy *c, struct error *err) MUST_CHECK;

/* Mailboxes that were found, on both sides. */
struct copy_found {
	struct mailbox_account *accounts; /* owned; two for each mailbox: at SRC, at DST */
	size_t n, room;                   /* mailboxes */
};
void copy_found_fini(struct copy_found *found);
#define AUTO_COPY_FOUND __attribute__((cleanup(copy_found_fini)))
/* Two accounts to be filled in; valid until the next call. */
struct mailbox_account *copy_found_add(struct copy_found *found);

/* Brings them, and prints what was done; `kind` is what they are called: "Maildirs". An exit code, or
 * -1. */
int copy_mailboxes(struct copy *c, const char *kind, const struct copy_found *found,
                   struct error *err) MUST_CHECK;
/* PATH/BELOW, owned by the caller. */
char *copy_join(const char *path, const char *below);

/* What is said of a source that is an IMAP server; all borrowed, NULL for what was not said. */
struct copy_server_wishes {
	const char *password_file, *users, *master_user, *master_separator;
	const char *tls, *tls_pin, *ca_file, *connections, *layout, *owner;
	uint64_t rate; /* octets a second; 0: no limit */
};
bool copy_is_server(const char *place);
/* `place` is imap://[USER@]HOST[:PORT]/, or imaps://. */
int copy_a_server(struct copy *c, const char *place, const struct copy_server_wishes *wishes,
                  struct error *err) MUST_CHECK;

/* For their words: a list of strings, all of it as JSON, or the first of them in lines. */
json_t *copy_words_json(const struct strings *words);
void copy_print_words(const struct copy *c, const char *title, const struct strings *words);
/* Since began_ms. */
double copy_seconds(const struct copy *c);
