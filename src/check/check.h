/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * check -- questions about the old and the new server, each with its source and its remedy, asked of
 * both so that the new one can be told to be *not worse than* the old one.
 *
 * Every question is asked in a process of its own (or, of one host, in one that they share), which is
 * ended when its time is over: a host, a resolver or a library that hangs costs its own question,
 * answered "unknown" with the reason, and no other.
 *
 * Nothing here changes a host, and no message is sent: SMTP sessions end before DATA. But where a person
 * has said so (may_send, may_restore), a few messages go to an address that he has named, and a backup
 * is brought back into a place that he has named.
 */

#include "base/error.h"
#include "base/text.h"
#include "config/config.h"
#include "dns/dns.h"
#include "move/checks.h"
#include "state/answers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of whom an answer tells. */
enum check_of { CHECK_OLD, CHECK_NEW, CHECK_WHOLE, CHECK_OFS };
const char *check_of_name(enum check_of of); /* "old", "new", "both" */

/* When a question has its answer; bits. */
enum check_window {
	CHECK_PRE = 1 << 0,    /* before the cut-over */
	CHECK_FROZEN = 1 << 1, /* while neither side serves */
	CHECK_OPEN = 1 << 2,   /* the new side serves */
	CHECK_AFTER = 1 << 3,  /* the same, when all is done */
	CHECK_EVER = 15,
};
void check_window_add(struct buf *out, unsigned windows); /* "pre", "open, after" */

/* Who has to be asked to know; bits. */
enum check_through {
	CHECK_BY_OLD = 1 << 0, /* the old host's agent */
	CHECK_BY_NEW = 1 << 1,
	CHECK_BY_SIDE = 1 << 2, /* the agent of the host that it is asked of */
	CHECK_BY_NET = 1 << 3,  /* servers on the network, from here */
	CHECK_BY_PERSON = 1 << 4,
	CHECK_BY_STATE = 1 << 5, /* what the move knows */
	CHECK_ALONE = 1 << 6,    /* when all others have their answers: it is in their way */
	CHECK_CHANGES = 1 << 7,  /* the agent of the side has to be allowed to change something */
};

/* What is known of both sides before anybody is asked; owned. */
struct check_site {
	const struct config *config; /* borrowed */
	struct strings domains;      /* that move */
	struct strings addresses[2]; /* where the mail service of each side is, and will be */
	struct strings recipients;   /* legitimate addresses */
	struct strings mailman3;     /* NAME@HOST of lists that are in a Mailman 3 of new */
	struct strings outside;      /* domains elsewhere whose servers may be knocked at */
	struct dns_servers resolvers;
	const char *ca_file; /* borrowed; NULL: the system's certificates */
	unsigned port;       /* 25 */
	int step_ms;         /* that one question may take */
	unsigned window;     /* that the move is in now */
	bool may_send;       /* a person has said that mail may be sent */
	bool may_restore;    /* ... that a backup may be restored, into a scratch place */
	/* Since 1970 UTC: since when earlier runs have been told to wait, by side; 0: they were not. */
	int64_t waits_since_ms[CHECK_WHOLE];
};
void check_site_fini(struct check_site *s);
#define AUTO_CHECK_SITE __attribute__((cleanup(check_site_fini)))
/* Domains, recipients and, where move.yaml has them, addresses. Asks nobody.
 *   s  the move's state; NULL: only move.yaml is read */
int check_site_read(struct check_site *out, const struct config *c, struct state *s,
                    struct error *err) MUST_CHECK;

struct check_asking {
	const struct check_site *site;
	enum check_of of;
	struct host *host; /* of CHECK_BY_SIDE */
	struct move *move; /* of the cut-over's own questions */
};
/* Puts the evidence into `seen`; whoever can't be asked: CHECK_UNKNOWN, with the reason there. */
typedef enum check_answer check_ask_fn(const struct check_asking *a, struct buf *seen);

struct check_question {
	const char *id;    /* stable; "smtp.relay" */
	const char *topic; /* the part in front of the dot */
	const char *words; /* the question */
	const char *remedy;
	const char *source; /* "RFC 5321 4.5.1", or whose experience it is */
	unsigned windows;   /* enum check_window */
	enum check_weight weight;
	unsigned ofs;     /* bits: 1 << CHECK_OLD ... */
	unsigned through; /* enum check_through */
	check_ask_fn *ask;
	const struct check_row *row; /* of the cut-over's own; then `ask` is NULL */
};
struct check_questions {
	struct check_question *rows; /* owned; what they point to is static */
	size_t n, room;
};
void check_questions_fini(struct check_questions *q);
#define AUTO_CHECK_QUESTIONS __attribute__((cleanup(check_questions_fini)))
/* All of them: those of the cut-over (move/checks.c), those of check/questions.c. */
void check_questions_all(struct check_questions *out);
/* Not shown: "the addresses of the new host", as evidence, with blanks between. */
extern const struct check_question check_addresses_question;
const struct check_question *check_question_find(const struct check_questions *q, const char *id);

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

/* One question, of one side. */
struct check_step {
	const struct check_question *question; /* borrowed */
	enum check_of of;
	enum check_answer answer;
	struct buf seen; /* owned */
	int64_t at_ms;   /* since 1970 UTC */
	bool done;
};
struct check_steps {
	struct check_step *rows; /* owned */
	size_t n, room;
};
void check_steps_fini(struct check_steps *s);
#define AUTO_CHECK_STEPS __attribute__((cleanup(check_steps_fini)))
void check_steps_add(struct check_steps *s, const struct check_question *q, enum check_of of);

/* Opens what `through` says (CHECK_BY_OLD, CHECK_BY_NEW, CHECK_BY_STATE) in the process that asks:
 * into hosts[2] and *m. Nothing of it is closed: the process ends. */
typedef int check_open_fn(void *context, unsigned through, struct host *hosts[2], struct move *m,
                          struct error *err);
struct check_limits {
	int step_ms;       /* of one question */
	int whole_ms;      /* of all together */
	unsigned together; /* processes at a time; 0: 12 */
};
/*
 * Answers all steps; comes back in whole_ms (and the moment that ending processes takes) whatever
 * hangs. No SQLite file may be open in this process meanwhile (sqlite.org/howtocorrupt.html, 2.6).
 */
int check_run(struct check_steps *steps, const struct check_site *site,
              const struct check_limits *limits, check_open_fn *open, void *context,
              struct error *err) MUST_CHECK;

/* ── judging and showing ─────────────────────────────────────────────────────────────────────── */

/* What stands in the way: a must of the new side, or of the whole, that is no yes. */
bool check_step_is_bad(const struct check_step *s);
/* Whether an answer is worse than it was: a yes that is none any more, an unknown that became a no. */
bool check_is_worse(enum check_answer before, enum check_answer now);

struct check_verdict {
	unsigned asked, bad, worse;
	struct strings worse_ids; /* owned */
};
void check_verdict_fini(struct check_verdict *v);
#define AUTO_CHECK_VERDICT __attribute__((cleanup(check_verdict_fini)))
/*
 * Counts.
 *
 *   baseline  an earlier run's answers, or NULL: new is held against old of the same run
 */
void check_judge(const struct check_steps *steps, const struct answers *baseline,
                 struct check_verdict *out);

void check_add_table(struct buf *out, const struct check_steps *steps);
/* The caller owns it. */
char *check_json(const struct check_steps *steps, const struct check_verdict *v) MUST_CHECK;
void check_add_junit(struct buf *out, const struct check_steps *steps);

/* ── the questions' functions, by what they ask; rows in check/questions.c ───────────────────── */

check_ask_fn check_listeners, check_both_families, check_disk, check_inodes, check_memory,
	check_tls_key, check_helo, check_dkim, check_addresses, check_origin, check_tls_out;
check_ask_fn check_greeting, check_takes, check_postmaster, check_refuses_unknown,
	check_refuses_relay, check_starttls, check_sizes, check_out_v4, check_out_v6;
/* Stands in the evidence of who has not been let in yet. */
#define CHECK_TOLD_TO_WAIT "told to wait for"
check_ask_fn check_greylist, check_burst, check_flood, check_empty_body, check_big;
check_ask_fn check_lists_taken, check_lists_commands;
check_ask_fn check_pages, check_closed_pages, check_list_pages, check_admin_pages,
	check_list_archives, check_closed_archives, check_https, check_redirects, check_robots,
	check_redirect_map, check_one_hop, check_certificates, check_web_addresses;
check_ask_fn check_backup, check_restore;
check_ask_fn check_mx, check_agree, check_aaaa, check_ttl, check_negative, check_dmarc, check_spf,
	check_spf_lookups, check_spf_new, check_ptr, check_dnsbl, check_mta_sts, check_tls_rpt,
	check_tlsa, check_dnssec, check_early;

/* For those files: the answer for two things of which one was answered so, and one so; what does not
 * apply to one says nothing. */
enum check_answer check_worst(enum check_answer a, enum check_answer b);
/* For them too: the error's words as evidence. */
enum check_answer check_not_told(struct buf *seen, const struct error *err);
