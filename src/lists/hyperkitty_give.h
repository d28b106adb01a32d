/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * hyperkitty_give -- archives given to a HyperKitty of this machine.
 *
 * A program of ours runs inside it (lists/hyperkitty_web.py, by `mailman-web shell`), and puts messages in by HyperKitty's
 * own function: its REST takes one message a question, and knows no Date but the message's own. It is begun once
 * for all lists. A second one, which knows nothing but what was stored, looks at each archive afterwards, and reads
 * all of it again.
 *
 * An mbox is copied into a folder of this machine that only the archiver's user can read, octet for octet, for as
 * long as its list takes.
 */

#include "base/error.h"
#include "lists/hyperkitty_letters.h"
#include "remote/host.h"

struct json_t;

struct hyperkitty_web {
	const char *program; /* "mailman-web", or its path: Django's manage.py with its settings */
	const char *user;    /* whom it runs as, where we are root; NULL: it sees to that itself */
};

struct hyperkitty_run;
/* Nothing is changed if `looks`. */
int hyperkitty_begin(struct hyperkitty_run **out, const struct hyperkitty_web *web, bool looks,
                     struct error *err) MUST_CHECK;
void hyperkitty_end(struct hyperkitty_run *run);
CLEANUP_DEFINE(struct hyperkitty_run, hyperkitty_end);
#define AUTO_HYPERKITTY_RUN __attribute__((cleanup(hyperkitty_end_at)))

struct hyperkitty_archive {  /* all borrowed */
	struct host *h;      /* where its mbox is */
	const char *mbox;    /* its path there */
	const char *address; /* LIST@HOST, as Mailman 3 has it */
	const char *charset; /* of its language */
	bool is_private;
	bool index; /* the full-text index takes it in, too */
	void (*progress)(void *context, uint64_t done, uint64_t total, uint64_t octets);
	void *context;
};

enum hyperkitty_fate {
	HYPERKITTY_UNKNOWN = 0, /* nothing was said of it */
	HYPERKITTY_MISSING,     /* is not there */
	HYPERKITTY_REFUSED,
	HYPERKITTY_DIFFERS, /* is there, and not as it should be */
	HYPERKITTY_THERE,
};
const char *hyperkitty_fate_name(enum hyperkitty_fate fate);

/* A message that is worth a word. */
struct hyperkitty_word {
	size_t row;       /* of letters */
	char *what, *why; /* owned; UTF-8 */
};

struct hyperkitty_result {
	struct hyperkitty_letters letters;
	unsigned char
		*fates; /* owned; enum hyperkitty_fate of each row; of a copy its first one's */
	size_t there, new, refused, missing, differs; /* of letters but copies */
	uint64_t text, text_there, files,
		files_there;           /* octets of texts in UTF-8, of attachments */
	struct hyperkitty_word *words; /* owned; refused, differs, and what was altered and how */
	size_t words_n, words_room;
	struct strings told;
	char *error;   /* owned; why it was not brought to its end; NULL: it was */
	char *policy;  /* owned; of HyperKitty's archive; NULL: it has none */
	bool has_none; /* 2.1 has no archive of it */
};
#define AUTO_HYPERKITTY_RESULT __attribute__((cleanup(hyperkitty_result_fini)))
void hyperkitty_result_fini(struct hyperkitty_result *r);

/* One archive. -1: HyperKitty or the host is lost; what is wrong with this archive alone is in `r`. */
int hyperkitty_give(struct hyperkitty_run *run, const struct hyperkitty_archive *a,
                    struct hyperkitty_result *r, struct error *err) MUST_CHECK;
