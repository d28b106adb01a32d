/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * site -- all lists of one Mailman: which there are, and what lies in places that they share, the
 * folder of held messages and the queues.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "lists/finding.h"
#include "lists/paths.h"
#include "lists/settings.h"
#include "pickle/read.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stdint.h>

/* How a file of a queue stands: its extension. */
enum lists_queue_state {
	LISTS_QUEUE_WAITS = 1, /* .pck */
	LISTS_QUEUE_IN_WORK,   /* .bak: a runner has, or had it; it must not be lost */
	LISTS_QUEUE_KEPT,      /* .psv: put aside by a runner */
	LISTS_QUEUE_TORN,      /* .tmp: never accepted */
	LISTS_QUEUE_OLD,       /* .db, .msg: of 2.0 to 2.1.4, in two files */
	LISTS_QUEUE_FOREIGN,   /* Mailman does not look at it, or breaks on it */
};
const char *lists_queue_state_name(enum lists_queue_state state);

/* One file of a queue. All strings are owned; NULL where the file does not say it. */
struct lists_queued {
	enum lists_path queue; /* LISTS_INQUEUE_DIR ... */
	char *name;            /* of the file */
	enum lists_queue_state state;
	uint64_t size; /* octets */
	double at;     /* seconds since 1970 UTC: when Mailman first took it; from the name */
	char *list;    /* NULL: the site list's, by Mailman's rule */
	char *message_id, *sender, *subject;
	char *goes_back; /* whichq: the path of the queue that could not deal with it */
	size_t recipients;
	bool is_text;  /* as it came from the MTA */
	char *problem; /* one sentence: why Mailman cannot deal with it as it is */
};

/* A bounce that nobody has counted yet: lists/events.h. All strings are owned, none is NULL. */
struct lists_event {
	char *file; /* in DATA_DIR */
	char *list, *address;
	char date[16]; /* "2026-11-22"; "": not known */
};

struct lists_site {
	struct host *h;                  /* borrowed */
	struct lists_ahead *ahead;       /* owned: answers, asked for before they are wanted */
	const struct lists_paths *paths; /* borrowed */
	const struct lists_settings *settings; /* borrowed; NULL: not known */
	struct strings names;                  /* of the lists, sorted */
	struct host_listing lists;             /* LIST_DATA_DIR, three levels */
	struct host_listing data;              /* DATA_DIR, one level */
	struct host_listing public_links;      /* PUBLIC_ARCHIVE_FILE_DIR, one level */
	struct lists_queued *queue;            /* owned; by queue, then by name */
	size_t queue_n, queue_room;
	struct lists_event *events; /* owned; in the order of the files */
	size_t events_n, events_room;
	struct lists_findings findings; /* of no list */
};
#define AUTO_LISTS_SITE __attribute__((cleanup(lists_site_fini)))
void lists_site_fini(struct lists_site *s);

/*
 * Looks at a site. A directory that is not there is empty, and a finding.
 *
 *   h, paths  borrowed as long as *out lives
 *   settings  the same; what the site says of charsets; NULL: as Mailman comes from its makers
 *   queues    read the queues' files, and bounces that nobody has counted, too
 *   returns   -1 when the host can't be reached, or there is no LIST_DATA_DIR
 */
int lists_site_read(struct lists_site *out, struct host *h, const struct lists_paths *paths,
                    const struct lists_settings *settings, bool queues, struct error *err)
	MUST_CHECK;

/* The charset of a language there: what add_language() of the settings says, else the makers'. */
const char *lists_site_charset(const struct lists_site *s, struct span language,
                               int64_t data_version);

/* Whether a directory of that name can be a list: what Mailman itself would take. */
bool lists_name_is_good(struct span name);

/* Reads a pickle or marshal file of the host; see value_file_read(). */
int lists_file_read(struct host *h, const char *path, struct value_file *out, struct error *err)
	MUST_CHECK;
/* The same of octets that were read; they are taken. */
int lists_file_parse(struct buf *octets, struct value_file *out, struct error *err) MUST_CHECK;
/* host_list(), but a link that stands at `path` is followed: directories of a Mailman are often linked
 * to another disk. */
int lists_listing(struct host *h, const char *path, unsigned depth, struct host_listing *out,
                  struct error *err) MUST_CHECK;
/* The same two of a site, which may have been asked for before: lists_foresee(). */
int lists_site_file(const struct lists_site *s, const char *path, struct value_file *out,
                    struct error *err) MUST_CHECK;
int lists_site_listing(const struct lists_site *s, const char *path, unsigned depth,
                       struct host_listing *out, struct error *err) MUST_CHECK;
#define LISTS_FILE_MAX (1ull << 30) /* octets of a file of values */
/* Whether a failure concerns the host, and not one file. */
bool lists_is_unreached(const struct error *err);
/* The row of a path in a listing; NULL when there is none. */
const struct host_entry *lists_entry(const struct host_listing *l, const char *path);
/* The first row whose path is not before `path`: rows that begin with it stand from there on. */
size_t lists_entry_at(const struct host_listing *l, const char *path);
