/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * standing -- how much there is of each list of an installation, and in its queues, told from
 * names, sizes and the post log alone: no pickle is read.
 */

#include "base/error.h"
#include "lists/paths.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lists_standing_list {
	char *name;              /* of its directory */
	uint64_t octets;         /* of LIST_DATA_DIR/NAME */
	uint64_t mbox_octets;    /* of its archive's mbox; 0: none */
	uint64_t held;           /* messages in DATA_DIR */
	uint64_t posts;          /* that the post log tells of */
	double posts_per_week;   /* -1: no log tells */
	uint32_t mode, uid, gid; /* of the directory */
	bool has_code;           /* extend.py: Python that Mailman runs */
	bool has_pages;          /* pages of its own, below a language's name */
	bool is_public;          /* a link in PUBLIC_ARCHIVE_FILE_DIR */
};

/* One queue: files by what they are. */
struct lists_standing_queue {
	enum lists_path which;
	uint64_t waiting; /* .pck, and .db of old releases */
	uint64_t in_work; /* .bak: being worked on, or left by a crash. They move too */
	uint64_t kept;    /* .psv: put aside */
	uint64_t unwhole; /* .tmp: never accepted */
	uint64_t others;  /* what Mailman would stumble over */
	bool is_there;
};

struct lists_standing {
	struct lists_standing_list *lists; /* owned; by name */
	size_t n, room;
	struct lists_standing_queue queues[LISTS_PATHS]; /* at the places of queues; else all 0 */
	double log_weeks;          /* that the post log spans; 0: it tells nothing */
	struct strings odd_names;  /* directories that no list can have */
	struct strings programs;   /* in BIN_DIR and SCRIPTS_DIR, that are none of Mailman's */
	struct strings unreadable; /* "PATH: why" */
};
#define AUTO_LISTS_STANDING __attribute__((cleanup(lists_standing_fini)))
void lists_standing_fini(struct lists_standing *s);

/* Looks. What can't be read is told in `unreadable`. -1: the host can't be reached. */
int lists_standing_read(struct host *h, const struct lists_paths *paths, struct lists_standing *out,
                        struct error *err) MUST_CHECK;

/* Only the names of the lists, sorted. */
int lists_standing_names(struct host *h, const struct lists_paths *paths, struct strings *out,
                         struct error *err) MUST_CHECK;

/* Letters, digits and "-+_.=", as ACCEPTABLE_LISTNAME_CHARACTERS says. */
bool lists_standing_name_good(struct span name);
/* Is it one of Mailman's own programs (bin/, scripts/)? */
bool lists_standing_is_own(const char *program);

/* Counts the lines "post to LIST from" of a post log. Pure.
 *
 *   first, last  seconds since 1970 of the oldest and the newest line; widened, never narrowed */
void lists_standing_count_posts(struct lists_standing *s, struct span log, int64_t *first,
                                int64_t *last);
