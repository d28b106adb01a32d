/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mta -- the mail transfer agent of a host: what it is configured to do, what it has in its queue,
 * how it is stopped and started.
 *
 * One kind of MTA is one `struct mta_ops` and one row in mta/registry.c; nothing else in the tree
 * knows its name. The functions below find the host's own kind and call it. Each operation may be
 * repeated: what is done already stays done and is no error.
 */

#include "base/error.h"
#include "base/text.h"
#include "mta/log_event.h"
#include "mta/passing.h"
#include "mta/reception.h"
#include "remote/host.h"
#include "state/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ── what it is configured to do ─────────────────────────────────────────────────────────────── */

struct mta_setting {
	char *name, *value; /* as the MTA prints it, $names not expanded */
	bool given;         /* stands in the configuration; else the program's own default */
};

struct mta_service {
	char *name;    /* as the configuration has it: "smtp", "127.0.0.1:10025", "submission" */
	char *type;    /* "inet", "unix", "pipe" ... */
	char *command; /* program and its options in one line */
	char *line;    /* all of it, as the configuration has it, in one line */
	unsigned port; /* of an inet service; 0 when the name is not known */
	bool chroot;
	bool disabled; /* by a setting that switches services off */
};

enum mta_domain_class {
	MTA_DOMAIN_LOCAL,           /* users of the system and aliases */
	MTA_DOMAIN_VIRTUAL_ALIAS,   /* only forwards */
	MTA_DOMAIN_VIRTUAL_MAILBOX, /* mailboxes without a system user */
	MTA_DOMAIN_RELAY,           /* goes on to another host */
};

struct mta_domain {
	char *name; /* lower case */
	enum mta_domain_class class;
	char *source; /* parameter or file that says so */
};

/* A file that the configuration rests on. To add a kind: here, a row in survey/classes.c. */
enum mta_file_kind {
	MTA_FILE_SETTINGS,    /* main.cf, master.cf */
	MTA_FILE_MAP,         /* source text of a lookup table */
	MTA_FILE_ALIASES,     /* source text of an alias table */
	MTA_FILE_INCLUDE,     /* named by :include: */
	MTA_FILE_PROGRAM,     /* a pipe of an alias */
	MTA_FILE_DESTINATION, /* mail is appended to it: an alias to /path */
	MTA_FILE_CERTIFICATE,
	MTA_FILE_KEY,
	MTA_FILE_DKIM_KEY,
	MTA_FILE_DKIM_SETTINGS, /* opendkim.conf, KeyTable, SigningTable ... */
	MTA_FILE_SASL,          /* credentials towards other servers */
	MTA_FILE_OTHER,         /* named by a value ("myorigin = /etc/mailname") */
};

struct mta_file {
	enum mta_file_kind kind;
	char *path;   /* absolute, as on that host */
	char *type;   /* of a map: "hash", "texthash", "regexp" ...; else NULL */
	char *source; /* who names it: "virtual_alias_maps", "/etc/aliases: tickets" */
	char *words;  /* as it stands there: "hash:/etc/postfix/virtual", "|/usr/local/bin/x -a" */
};

enum mta_alias_kind {
	MTA_ALIAS_ADDRESS, /* local or elsewhere */
	MTA_ALIAS_FILE,    /* /path */
	MTA_ALIAS_PIPE,    /* |command */
	MTA_ALIAS_INCLUDE, /* :include:/path */
};

struct mta_alias {
	char *name;   /* left side, as written */
	char *target; /* one of its targets, without quotes around it */
	enum mta_alias_kind kind;
	char *source; /* file */
};

struct mta_facts {
	const char *kind; /* "postfix"; static */
	char *version;
	char *config_dir, *queue_dir;
	struct mta_setting *settings;
	size_t settings_n, settings_room;
	struct mta_service *services;
	size_t services_n, services_room;
	struct mta_domain *domains;
	size_t domains_n, domains_room;
	struct mta_file *files;
	size_t files_n, files_room;
	struct mta_alias *aliases;
	size_t aliases_n, aliases_room;
	struct strings instances;  /* configuration directories of further instances */
	struct strings logs;       /* newest first, those that are there */
	struct strings filters;    /* "smtpd_milters inet:127.0.0.1:8891" */
	struct strings for_person; /* what can't be read here and has to be looked at */
};
#define AUTO_MTA_FACTS __attribute__((cleanup(mta_facts_fini)))
void mta_facts_fini(struct mta_facts *f);

/* Value of a setting, NULL when there is none; borrowed. */
const char *mta_setting(const struct mta_facts *f, const char *name);
/* The same with $name, ${name}, ${name?text}, ${name:text} filled in; the caller owns it. */
char *mta_setting_expanded(const struct mta_facts *f, const char *name);

/* ── what it has in hand ─────────────────────────────────────────────────────────────────────── */

struct mta_queued {
	char *queue; /* "incoming", "active", "deferred", "hold", "maildrop" */
	char *id;
	char *sender;              /* "" for a notification; NULL when it was not asked for */
	int64_t arrived_ms;        /* since 1970 UTC */
	uint64_t size;             /* octets */
	struct strings recipients; /* those that still wait; empty when read from a folder */
};
struct mta_queue {
	struct mta_queued *rows; /* owned */
	size_t n, room;
	uint64_t unfinished; /* files that were never acknowledged to anyone: not mail */
};
#define AUTO_MTA_QUEUE __attribute__((cleanup(mta_queue_fini)))
void mta_queue_fini(struct mta_queue *q);

/* How many messages lie in each queue. `unfinished`: as above. */
struct mta_counts {
	uint64_t incoming, active, deferred, hold, maildrop, unfinished;
};
/* All that is still to be delivered: everything but `unfinished`. */
uint64_t mta_counts_total(const struct mta_counts *c);

/* ── the functions ───────────────────────────────────────────────────────────────────────────── */

struct mta_ops {
	const char *name;    /* "postfix" */
	const char *summary; /* "Postfix" */
	/* Is it on this host? 1, 0, or -1 when the host can't be asked. */
	int (*found)(struct host *h, struct error *err);
	int (*facts)(struct host *h, struct mta_facts *out, struct error *err);
	int (*queue)(struct host *h, struct mta_queue *out, struct error *err);
	int (*counts)(struct host *h, struct mta_counts *out, struct error *err);
	int (*stop_accepting)(struct host *h, struct error *err);
	int (*resume_accepting)(struct host *h, struct error *err);
	int (*flush)(struct host *h, struct error *err);
	int (*stop)(struct host *h, struct error *err);
	int (*start)(struct host *h, struct error *err);
	int (*is_running)(struct host *h, bool *running, struct error *err);
	int (*hold_all)(struct host *h, struct state *s, struct error *err);
	int (*release_held)(struct host *h, struct state *s, struct error *err);
	int (*carry_queue)(struct host *from, struct host *to, struct state *s, uint64_t *carried,
	                   struct error *err);
	int (*set_aside)(struct host *h, struct state *s, const char *from, const char *to,
	                 uint64_t *moved, struct error *err);
	int (*reception)(struct host *h, const struct strings *more, struct mta_reception *out,
	                 struct error *err);
	int (*trust)(struct host *h, const struct strings *addresses, bool believe,
	             struct error *err);
	int (*find_untrusted)(struct host *h, const struct strings *addresses, struct strings *out,
	                      struct error *err);
	int (*pass_on)(struct host *h, const struct mta_passing *p, struct error *err);
	int (*log_line)(struct span line, int64_t near_ms, struct mta_log_event *out);
};

extern const struct mta_ops *const mta_registry[]; /* NULL-terminated */

/* The host's MTA; *out is NULL when it has none that is known here. */
int mta_find(struct host *h, const struct mta_ops **out, struct error *err) MUST_CHECK;

int mta_facts(struct host *h, struct mta_facts *out, struct error *err) MUST_CHECK;
int mta_queue(struct host *h, struct mta_queue *out, struct error *err) MUST_CHECK;
/* Cheap: counts files, asks no daemon. */
int mta_queue_length(struct host *h, struct mta_counts *out, struct error *err) MUST_CHECK;

/* Control. Nothing comes in by SMTP any more (25, 465, 587, and every other inet service of smtpd):
 * new connections are refused, open sessions are cut before their next command, what was
 * acknowledged goes on to be delivered. */
int mta_stop_accepting(struct host *h, struct error *err) MUST_CHECK;
/* Control. As it was before mta_stop_accepting(). */
int mta_resume_accepting(struct host *h, struct error *err) MUST_CHECK;
/* Control. Everything in the queue is tried now, whatever its next time was. */
int mta_flush(struct host *h, struct error *err) MUST_CHECK;
/* Control. Returns when no process of it is left; fails with ERROR_RETRY_LATER after 60 s. */
int mta_stop(struct host *h, struct error *err) MUST_CHECK;
/* Control. Returns when it runs. */
int mta_start(struct host *h, struct error *err) MUST_CHECK;
int mta_is_running(struct host *h, bool *running, struct error *err) MUST_CHECK;

/* Control. Everything in the queue is put on hold; which messages a person had on hold before is
 * kept in the state, so that mta_release_held() leaves those. What was submitted on the host and not
 * taken in yet (maildrop) waits in QUEUE_DIRECTORY/mailhaul-maildrop; for that, and to be sure of
 * all, the MTA should be stopped. */
int mta_hold_all(struct host *h, struct state *s, struct error *err) MUST_CHECK;
int mta_release_held(struct host *h, struct state *s, struct error *err) MUST_CHECK;

/*
 * Control on `to`. Makes the new MTA's queue hold what the old one's holds: envelope, recipients
 * already done, arrival time, time of the next attempt, and hold. Both must be stopped (a folder
 * is). Nothing on `from` is changed; so before `from` ever runs again, mta_set_aside() takes what was
 * carried out of its queue (or mta_hold_all() keeps it there).
 *
 *   s        remembers each message that was carried (by id and size, in whichever queue it lies
 *            now), so that a second run doubles nothing, also after the first was cut anywhere
 *   carried  messages that this call brought over; may be NULL
 *   errors   ERROR_RETRY_PERSON when either side still runs
 */
int mta_carry_queue(struct host *from, struct host *to, struct state *s, uint64_t *carried,
                    struct error *err) MUST_CHECK;

/*
 * Control on `h`, which must be stopped. Takes out of h's queue what was carried from the host named
 * `from` to the one named `to`, so that it can never be delivered twice. `h` is either of the two:
 *
 *	from	the originals: to be done before the old MTA starts again after the new one has run
 *	to	the copies: to be done when the new MTA never ran
 *
 * They go to QUEUE_DIRECTORY/mailhaul-aside, nothing is deleted; mta_carried_load() knows them still.
 * May be done right after mta_carry_queue(), and repeated. `moved` may be NULL.
 */
int mta_set_aside(struct host *h, struct state *s, const char *from, const char *to,
                  uint64_t *moved, struct error *err) MUST_CHECK;

/* A message that was carried, and what it is called now. Queue ids change on the way. */
struct mta_carried {
	char *queue;  /* it lay in, on `from` */
	char *id;     /* there */
	char *new_id; /* on `to`; "" until all of it is done */
};
struct mta_carried_list {
	struct mta_carried *rows; /* owned; messages only, by id */
	size_t n, room;
};
#define AUTO_MTA_CARRIED __attribute__((cleanup(mta_carried_fini)))
void mta_carried_fini(struct mta_carried_list *l);
int mta_carried_load(struct state *s, const char *from, const char *to,
                     struct mta_carried_list *out, struct error *err) MUST_CHECK;
