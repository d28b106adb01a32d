/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * hyperkitty_give -- archives given to a HyperKitty of any host.
 *
 * A program of ours runs inside it (lists/hyperkitty_talk.h), and puts messages in by HyperKitty's own function: its
 * REST takes one message a question, and knows no Date but the message's own. It is begun once for all lists. A second
 * one, which knows nothing but what was stored, looks at each archive afterwards, and reads all of it again.
 *
 * An mbox is copied, octet for octet, into files without a name in /var/tmp, here and there, for as long as its list
 * takes.
 */

#include "base/error.h"
#include "lists/hyperkitty_letters.h"
#include "lists/list.h"
#include "remote/host.h"

struct json_t;

/* Where Debian's packages have it; elsewhere a program called mailman-web takes the same words. */
#define HYPERKITTY_PROGRAM "/usr/share/mailman3-web/manage.py"
#define HYPERKITTY_USER "www-data"

struct hyperkitty_web {      /* all borrowed */
	struct host *h;      /* where it is; needs control, for a program is run there */
	const char *program; /* a path that ends in /mailman-web or /manage.py; NULL: Debian's */
	const char *user;    /* whom it runs as; NULL: Debian's */
};

enum hyperkitty_do {
	HYPERKITTY_LOOK = 1, /* nothing is changed */
	HYPERKITTY_GIVE,     /* and a look behind it, which alone is believed */
	HYPERKITTY_PUT,      /* without that look: what is missing, nobody says */
	/* Messages of the mbox go again, whoever has brought them; and the page of a list that has none any more
	 * and that Mailman 3 does not have. Nobody looks behind it. */
	HYPERKITTY_REMOVE,
};

struct hyperkitty_run;
int hyperkitty_begin(struct hyperkitty_run **out, const struct hyperkitty_web *web,
                     enum hyperkitty_do what, struct error *err) MUST_CHECK;
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
	/* Mailman 3 does not run, and this is its archive_policy of the list; NULL: it is asked. */
	const char *rests;
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
	size_t there, new, refused, missing, differs, removed; /* of letters but copies */
	uint64_t text, text_there, files,
		files_there;           /* octets of texts in UTF-8, of attachments */
	struct hyperkitty_word *words; /* owned; refused, differs, and what was altered and how */
	size_t words_n, words_room;
	struct strings told;
	char *error;     /* owned; why it was not brought to its end; NULL: it was */
	char *policy;    /* owned; of HyperKitty's archive; NULL: it has none */
	bool has_none;   /* 2.1 has no archive of it */
	uint64_t others; /* messages that HyperKitty has beside these */
};
#define AUTO_HYPERKITTY_RESULT __attribute__((cleanup(hyperkitty_result_fini)))
void hyperkitty_result_fini(struct hyperkitty_result *r);

/* An archive of a site's list. */
struct hyperkitty_list {
	struct lists_list l; /* owned, as all else is */
	struct buf address;  /* LIST@HOST, as Mailman 3 has it */
	char *mbox;          /* NULL: it can have none */
	const char *policy;  /* as `lists convert` has made Mailman 3's archive_policy of it */
	struct hyperkitty_archive
		archive; /* of these: `index`, `rests` and progress are the caller's */
};
#define AUTO_HYPERKITTY_LIST __attribute__((cleanup(hyperkitty_list_fini)))
void hyperkitty_list_fini(struct hyperkitty_list *l);
/* `h`: its host. `mail_host`: the part behind the @, NULL: its own. */
int hyperkitty_list_read(struct hyperkitty_list *out, struct host *h, struct lists_site *site,
                         const char *name, const char *mail_host, struct error *err) MUST_CHECK;

/* What a person has to know of a HyperKitty before archives come to it; an object, owned by the caller:
 *
 *	version, sqlite, lists   how many it has
 *	known   whether it reads messages as ours is written for
 *	key     whether it has a key by which Mailman 3 archives
 *	rest    where it looks for Mailman 3's REST; core   its version; null: `why` it does not answer
 */
int hyperkitty_ask_about(const struct hyperkitty_web *web, struct json_t **about, struct error *err)
	MUST_CHECK;

/* All of it, as `--json` shows it; the caller owns the reference. */
struct json_t *hyperkitty_result_json(const char *list, const struct hyperkitty_result *r);
/* What a line of its answers says is put down; inside. */
void hyperkitty_take_given(struct hyperkitty_result *r, size_t row, struct json_t *answer);
void hyperkitty_take_looked(struct hyperkitty_result *r, size_t row, struct json_t *answer);
void hyperkitty_take_end(struct hyperkitty_result *r, struct json_t *answer);

/* One archive. -1: HyperKitty or the host is lost; what is wrong with this archive alone is in `r`. */
int hyperkitty_give(struct hyperkitty_run *run, const struct hyperkitty_archive *a,
                    struct hyperkitty_result *r, struct error *err) MUST_CHECK;
