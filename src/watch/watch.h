/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * watch -- sees the world change over: what every authoritative name server of every name, and every
 * listed resolver, says about where mail goes, until all say the new place and no cache can hold the
 * old one any longer.
 *
 * A table has a row for each server and a column for each name. judge.c decides what it means, and
 * touches nothing; look.c asks; show.c prints; run.c goes round.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "config/config.h"
#include "dns/dns.h"
#include "watch/stragglers.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* ── what is watched ─────────────────────────────────────────────────────────────────────────── */

struct watch_plan {
	struct strings domains;                      /* their MX, and the addresses behind */
	struct strings hosts;                        /* their addresses */
	struct strings old_addresses, new_addresses; /* as inet_ntop(3) writes them */
	/* Of a switch in two steps: where nobody answers, and the names that lead there between the steps. */
	struct strings closed_addresses, closed_hosts;
	struct dns_servers resolvers; /* watched, and asked for where the zones are */
	struct dns_server primary;    /* watched even if no NS names it; address NULL: none */
	uint32_t interval_s;
	int64_t switched_ms; /* wall clock; 0: not yet, or not known */
	uint32_t old_ttl_s;  /* what the old records had; 0: not known */
	int64_t old_until_ms; /* wall clock; till then they may be held for another reason; 0: none */
	uint32_t quiet_s; /* so long must nobody come to the old address at the end; 0: not asked */
	const char *keep; /* borrowed; the file that a watch started again goes on from; or NULL */
};
#define AUTO_WATCH_PLAN __attribute__((cleanup(watch_plan_fini)))
void watch_plan_fini(struct watch_plan *p);

/*
 * Fills in a plan: hosts, addresses, resolvers, primary and interval from the configuration.
 *
 *   domains  borrowed; used when the configuration lists none; may be NULL
 *   back     the way back is watched: old and new change places
 *   errors   no resolver, or (ERROR_RETRY_PERSON) nothing that says what is old and what is new
 */
int watch_plan_make(struct watch_plan *out, const struct config *config,
                    const struct strings *domains, bool back, struct error *err) MUST_CHECK;

/* ── what was seen ───────────────────────────────────────────────────────────────────────────── */

enum watch_look {
	WATCH_UNASKED, /* this server has no say about this name */
	WATCH_SILENT,  /* no answer */
	WATCH_NO_WAY,  /* no route to it from here (no IPv6, say): it does not count */
	WATCH_UNCLEAR, /* it answered, but told nothing: REFUSED, SERVFAIL, a referral */
	WATCH_OTHER,   /* none of the addresses that are known */
	WATCH_CLOSED,  /* the closed address, between the two steps of a switch */
	WATCH_OLD,
	WATCH_MIXED, /* more than one of old, closed and new */
	WATCH_NEW,
	WATCH_LOOKS, /* how many there are */
};
const char *watch_look_name(enum watch_look look); /* "old", "NEW", "no answer" ... */

struct watch_sight {
	enum watch_look look;
	uint32_t address_ttl; /* seconds; the longest that led to these addresses */
	uint32_t mail_ttl;    /* of the MX; 0 when there is none */
	uint64_t mail_hosts;  /* names the set of MX hosts: another set, another number */
};

struct watch_row {
	char *name;    /* owned; "ns1.example.org", or "resolver" */
	char *address; /* owned */
	uint16_t port;
	bool resolver;
};

struct watch_column {
	char *name;    /* owned */
	bool mail;     /* a domain; else a host */
	bool closed;   /* leads to a closed address between two steps, or may: it is a domain */
	char *problem; /* owned; why nobody could be asked, or NULL */
};

struct watch_table {
	const struct watch_row *rows; /* borrowed from the watch; more may be added at its end */
	const struct watch_column *columns; /* borrowed */
	size_t rows_n, columns_n;
	struct watch_sight *sights; /* owned; [row * columns_n + column] */
	int64_t at_ms;              /* wall clock */
};
#define AUTO_WATCH_TABLE __attribute__((cleanup(watch_table_fini)))
void watch_table_fini(struct watch_table *t);
const struct watch_sight *watch_sight_at(const struct watch_table *t, size_t row, size_t column);

/* ── what it means; pure ─────────────────────────────────────────────────────────────────────── */

/* An address that is both old and new counts as new. Addresses on none of the plan's lists don't matter
 * beside one that is (a backup MX elsewhere). */
enum watch_look watch_classify(const struct strings *addresses, const struct watch_plan *plan);

/* What all tables so far tell about one name. Wall clock, milliseconds; 0: never. */
struct watch_past_column {
	int64_t address_until, mail_until; /* until then a cache may hold the old address, old MX */
	int64_t said_until;                /* the same by authoritative servers alone */
	int64_t last_old_ms;               /* when one of them last gave the old address */
	uint32_t address_ttl, mail_ttl;    /* the greatest TTLs that they gave with it; seconds */
	uint64_t old_hosts, new_hosts;     /* mail_hosts of the last old and new sight */
	int64_t closed_until;              /* until then a cache may hold the closed address */
	uint32_t closed_ttl; /* the greatest TTL that authoritative servers gave with it; seconds */
	int64_t new_ms; /* since when one of them gives the new address: the second step is made */
};
/* Since when a server says what it says. */
struct watch_since {
	char *server; /* owned; its address */
	uint16_t port;
	size_t column;
	enum watch_look look;
	bool gave_old;        /* its last answer was old or mixed; silence changes nothing */
	bool gave_closed;     /* the same of the closed address */
	int64_t since_ms;     /* wall clock */
	int64_t stretched_ms; /* when a cache was first seen to hold it for longer than its TTL; or 0 */
};
struct watch_past {
	struct watch_past_column *columns; /* owned */
	size_t n;
	struct watch_since *since; /* owned */
	size_t since_n, since_room;
	struct watch_stragglers stragglers;
	int64_t begun_ms, looked_ms; /* wall clock, of the first look and the last; 0: none */
	bool looking;     /* a look was begun and has not ended: when it asked last, nobody knows */
	int64_t floor_ms; /* switched_ms + old TTL, when both are known */
	int64_t switched_ms; /* of the plan, as is the next */
	uint32_t old_ttl_s;
};
#define AUTO_WATCH_PAST __attribute__((cleanup(watch_past_fini)))
void watch_past_fini(struct watch_past *p);
void watch_past_init(struct watch_past *p, const struct watch_plan *plan);

/* The row of this server and column, made when there is none. */
struct watch_since *watch_since_put(struct watch_past *past, const char *server, uint16_t port,
                                    size_t column);
/* NULL: it was not seen yet. */
const struct watch_since *watch_since_of(const struct watch_past *past, const struct watch_row *row,
                                         size_t column);
/* Caches exist that hold everything for at least so long; dnsmasq allows no more with --min-cache-ttl. */
#define WATCH_STRETCH_S 3600u
/* Until when a cache that was asked just before the change may say "old" at worst, by those that stretch
 * small TTLs. Wall clock; 0: not known. */
int64_t watch_worst_ms(const struct watch_past *past, size_t column);

/*
 * Takes a table into account. An authoritative server that still said "old" may just then have been
 * asked by any cache of the world, which keeps that for the whole TTL; so it may until the moment of the
 * look at which it first says something else. A resolver keeps it for what is left of it. The MX's TTL
 * counts once the MX itself is seen to have changed.
 */
void watch_remember(struct watch_past *past, const struct watch_table *t);

/* Seconds until this server can say something new; 0 when it does not say "old" or "mixed". */
uint32_t watch_seconds_left(const struct watch_past *past, const struct watch_table *t, size_t row,
                            size_t column);

struct watch_verdict {
	int64_t at_ms;             /* wall clock, when it was judged */
	size_t looks[WATCH_LOOKS]; /* how many sights of each kind */
	size_t unplaced;           /* columns without anybody to ask */
	bool agree;                /* all who count say "new" */
	/* Between two steps: all who count say "closed", and no cache can hold the old answer any longer. */
	bool away;
	bool done; /* and no cache can hold the old answer any longer */
	/* Wall clock, when the last old answer ends; 0: not known. One that leads to the closed address
	 * is an old one, too, from the second step on. */
	int64_t old_until_ms;
	int64_t quiet_until_ms; /* when it has been quiet for long enough; 0: not asked for */
};

/* A resolver that does not answer counts only until old_until_ms, because after that it can't hold
 * anything old; an authoritative server that does not answer counts always: it may come back with
 * an old zone. */
struct watch_verdict watch_judge(const struct watch_table *t, const struct watch_past *past,
                                 int64_t now_ms);

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

struct watch; /* where the zones are; rows and columns */

/* Finds the authoritative servers of all names, and those that have come to them whenever the TTL of the
 * zone's NS has run out. A name whose zone is not found stays as a column with its problem, and is looked
 * for again with each look. `plan` is borrowed until watch_close(). */
int watch_open(struct watch **out, const struct watch_plan *plan, struct error *err) MUST_CHECK;
void watch_close(struct watch *w);
CLEANUP_DEFINE(struct watch, watch_close);
#define AUTO_WATCH __attribute__((cleanup(watch_close_at)))

/* Asks everybody everything. A server that does not answer costs one time-out, not one for each
 * name. `stopped` (may be NULL) is looked at between questions; then the rest stays unasked. */
void watch_look(struct watch *w, bool (*stopped)(void), struct watch_table *out);

/* ── going round ─────────────────────────────────────────────────────────────────────────────── */

enum watch_goal { WATCH_UNTIL_DONE, WATCH_UNTIL_AGREE, WATCH_UNTIL_AWAY, WATCH_ONCE };
enum watch_end { WATCH_REACHED, WATCH_DEADLINE, WATCH_STOPPED };

struct watch_round {
	const struct watch_table *now, *before; /* before: NULL the first time */
	const struct watch_past *past;
	struct watch_verdict verdict;
};

struct watch_hooks {
	void (*seen)(void *context, const struct watch_round *round); /* NULL: nobody listens */
	bool (*stopped)(void);                                        /* NULL: never */
	/* Reads on in the log of the old host; NULL: nobody does. */
	int (*gather)(void *context, struct watch_stragglers *s, struct error *err);
	void *context;
};

/*
 * Looks every plan->interval_s seconds, and never sooner, also when it is started again, until the
 * goal is reached (WATCH_ONCE: one look, reached when all is done), the deadline has passed, or
 * somebody stops it.
 *
 *   deadline_ms  clock_monotonic_ms(); 0: none. Not cut short by a slow server for more than its
 *                time-out
 *   verdict      of the last look
 */
int watch_until(const struct watch_plan *plan, enum watch_goal goal, int64_t deadline_ms,
                const struct watch_hooks *hooks, enum watch_end *end, struct watch_verdict *verdict,
                struct error *err) MUST_CHECK;

/* ── keeping ─────────────────────────────────────────────────────────────────────────────────── */

/* What another watch of the same plan has kept; *past stays as it is when there is nothing. */
void watch_keep_load(const char *path, const struct watch_plan *plan, struct watch_past *past);
int watch_keep_save(const char *path, const struct watch_plan *plan, const struct watch_past *past,
                    struct error *err) MUST_CHECK;

/* ── showing ─────────────────────────────────────────────────────────────────────────────────── */

/* The matrix, at most `width` columns wide (0: no limit): a table, or, when the names don't fit side
 * by side, what each server says with the names that are not new. Ends with the verdict's line. */
void watch_add_matrix(struct buf *out, const struct watch_round *round, unsigned width);
/* Only what has changed since the table before, one line each, and the verdict's line. */
void watch_add_lines(struct buf *out, const struct watch_round *round);
/* One JSON document. */
void watch_add_json(struct buf *out, const struct watch_round *round);
