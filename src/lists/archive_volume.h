/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_volume -- one volume (mostly a month) of a pipermail archive as its five index files have it, in
 * database/VOLUME-{article,thread,subject,author,date}: read, a message taken out or put in, written.
 *
 * All that is not changed is written as it was read. Files of Mailman's ports to Python 3 are refused: what
 * stands in them would have to be text there.
 *
 * Source: Mailman/Archiver of 2.1.39.
 */

#include "base/cleanup.h"
#include "lists/archive_html.h"
#include "pickle/read.h"

#include <stdbool.h>

/* article is the file that the others refer to. */
#define ARCHIVE_FILES (ARCHIVE_KINDS + 1u)
#define ARCHIVE_ARTICLE ARCHIVE_KINDS

struct archive_article { /* of the article file; spans are borrowed from the volume */
	struct span id;  /* Message-ID as pipermail has it: without "<" and ">" */
	int64_t number;  /* -1: not known */
	struct span thread_key, date;
	struct buf subject, author; /* owned; UTF-8 as far as that can be known */
};

struct archive_volume {
	char *name;
	struct value_file files[ARCHIVE_FILES];
	struct archive_article *rows; /* owned; by number */
	size_t n, room;
	const struct archive_article **by_id; /* owned; the same */
	bool is_new;                          /* the archive did not have it */
	bool changed;                         /* since it was read */
};
void archive_volume_fini(struct archive_volume *v);

const char *archive_file_name(unsigned file); /* "article", "thread" ... */
/* Takes the octets of the five files (empty ones, all of them: a new volume). MAILBOX, NEVER: one can't be
 * read. */
int archive_volume_parse(struct archive_volume *v, const char *name,
                         struct buf octets[ARCHIVE_FILES], struct error *err) MUST_CHECK;

/* Whether the five have as many messages each; they have not after a crash in the middle of a post. */
int archive_volume_check(const struct archive_volume *v, struct error *err) MUST_CHECK;

const struct archive_article *archive_volume_find(const struct archive_volume *v, struct span id);
/* Out of all five. False: it has no such message. */
bool archive_volume_drop(struct archive_volume *v, struct span id);

struct archive_new {
	int64_t number;
	const struct archive_letter *letter;
	struct span prefix;          /* the list's subject_prefix; or empty */
	const char *list, *language; /* "en" */
};
/* Into all five; below the message that it answers, if the volume has that. */
int archive_volume_add(struct archive_volume *v, const struct archive_new *a, struct error *err)
	MUST_CHECK;

/* Rows of an index page in pipermail's order, borrowed from the volume; the caller frees. */
size_t archive_volume_order(const struct archive_volume *v, enum archive_kind kind,
                            struct archive_row **rows);
/* The octets of one file. */
int archive_volume_file(const struct archive_volume *v, unsigned file, struct buf *out,
                        struct error *err) MUST_CHECK;

/* The volume of a date (seconds since 1970, UTC) by archive_volume_frequency: "2026", "2026-March",
 * "2026q1", "Week-of-Mon-20260302", "20260302". */
void archive_volume_of(int64_t date, int64_t frequency, struct buf *out);
/* Whether it is a month's by a name of another locale, "2026-novembre": pipermail asks strftime(3). */
bool archive_volume_is_foreign_month(const char *name);
