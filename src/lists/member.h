/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * member -- the members of one list, put together from the ten dictionaries that hold something of
 * them, each by the lower-cased address.
 *
 * A member holds handles into the list's config.pck; what they say is asked of the functions below,
 * which know what to make of a value of the wrong type: nothing, and lists_members_check() tells.
 *
 * Source: Mailman/OldStyleMemberships.py, Bouncer.py and Defaults.py of 2.1.39.
 */

#include "base/text.h"
#include "lists/finding.h"
#include "pickle/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lists_member {
	struct value key; /* the address in lower case: a str, if all is well */
	/* Absent where a dictionary has nothing of the member. */
	struct value regular, digest; /* 0, or the address with the case that was typed */
	struct value name, password, language, options, status, bounces, topics, one_last_digest;
};
struct lists_members {
	struct lists_member *rows; /* owned; sorted by the octets of the address */
	size_t n, room;
	/* Entries of addresses that are no members: what is left of some who left. */
	struct lists_member *strangers; /* owned; sorted the same */
	size_t strangers_n, strangers_room;
};
void lists_members_fini(struct lists_members *m);

/* Takes them out of a config.pck's dict; the values stay where they are. Never fails: a dictionary
 * that is none has no entries. */
void lists_members_read(struct lists_members *out, struct value config);
/* Tells what cannot be: `config` for the topics' names; one finding for each thing of each member. */
void lists_members_check(const struct lists_members *m, struct value config,
                         struct lists_findings *findings);

/* The octets of an address; of a key that is no string, nothing. */
struct span lists_member_address(const struct lists_member *m);
/* The same as it was typed. */
struct span lists_member_as_typed(const struct lists_member *m);

/* ── options: Defaults.py, 3.4 of the facts ──────────────────────────────────────────────────── */

enum lists_option_bit {
	LISTS_OPTION_NOMAIL = 1,
	LISTS_OPTION_NOTMETOO = 2,
	LISTS_OPTION_ACK = 4,
	LISTS_OPTION_PLAIN = 8,
	LISTS_OPTION_HIDE = 16,
	LISTS_OPTION_NOREMIND = 32,
	LISTS_OPTION_NMTOPICS = 64,
	LISTS_OPTION_MOD = 128,
	LISTS_OPTION_NODUPES = 256,
};
struct lists_option {
	uint64_t bit;
	const char *name;  /* of Mailman's own pages: "nodupes" */
	const char *means; /* when set */
};
extern const struct lists_option lists_options[];
extern const size_t lists_options_n;
/* 0 where there is no entry, or none that is a number. */
uint64_t lists_member_options(const struct lists_member *m);
/* "ack nodupes", and "bit 4096" for one that has no name; nothing for 0. Appended. */
void lists_option_words(uint64_t bits, struct buf *out);

/* ── delivery ────────────────────────────────────────────────────────────────────────────────── */

enum lists_disabled {
	LISTS_ENABLED = 0,
	LISTS_DISABLED_UNKNOWN, /* before 2.1 nobody wrote down why */
	LISTS_DISABLED_USER,
	LISTS_DISABLED_ADMIN,
	LISTS_DISABLED_BOUNCES,
};
/* "unknown", "user", "admin", "bounces"; "" for enabled. */
const char *lists_disabled_name(enum lists_disabled why);
/* *since: seconds since 1970 UTC, 0 when it is not known. */
enum lists_disabled lists_member_disabled(const struct lists_member *m, double *since);

/* ── bounces ─────────────────────────────────────────────────────────────────────────────────── */

struct lists_bounces {
	double score;
	int64_t notices_left;
	char date[16], last_notice[16]; /* "2026-11-22", local to the list's host; "" if unknown */
	struct value cookie;            /* a str: key in pending.pck; absent: none */
};
/* A (year, month, day) as "2026-11-22"; false, and "", when it is none. */
bool lists_date(struct value v, char out[16]);
/* False when nothing is counted. */
bool lists_member_bounces(const struct lists_member *m, struct lists_bounces *out);
