/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * end_files -- for ends whose lists are files: each list a directory below a folder of this machine.
 *
 * `work` of a plan has:
 *
 *	folder  the directory, a name, or two with a slash between
 *	dirs    names of directories that have to be in it
 *	files   {PATH: octets as end_octets() makes them}; what differs is written
 *	absent  paths of files that must not be there
 *	once    objects of what is brought once, and not again when it was dealt with there: thing (its name in
 *	        the record), path, octets, at (seconds: its time; 0: now), told (may be null).
 *	        "%s" in path and told is a word that nobody can guess, the same in both
 *
 * The record is FOLDER/mailhaul.brought. All is made by whoever owns the folder, whom we become for so long
 * where we are root: a directory of a list manager's is no place to write to as root.
 */

#include "base/error.h"
#include "lists/end.h"

/* A folder that is open. */
struct end_folder {
	int fd;        /* -1: not */
	bool is_other; /* our effective user and group are the folder's */
	char *path;
};
#define AUTO_END_FOLDER __attribute__((cleanup(end_folder_close)))
void end_folder_close(struct end_folder *f);
/* Errors: it is not there, or belongs to somebody whom we can't become. */
int end_folder_open(struct end_folder *f, const struct lists_end_place *place, struct error *err)
	MUST_CHECK;

/* A file of `work`, at `path` in the list's directory; NULL: it has to be absent. */
void end_file(struct json_t *work, const char *path, const struct buf *octets);

/* An answer of lists/end.h, with nothing in it. */
struct json_t *end_answer(const struct lists_end_plan *p);
void end_answer_add(struct json_t *answer, const char *part, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* For what had an error: it is told, and the rest goes on. */
void end_answer_failed(struct json_t *answer, const struct error *err);

/* The list's directory, open, the caller's; made where it is to be given. -2: it is not there, which a look tells. */
int end_files_open(const struct end_folder *f, enum lists_end_do what,
                   const struct lists_end_plan *p, struct json_t *answer, struct error *err)
	MUST_CHECK;
/* Does it for one list; `fd` is its directory. */
int end_files_give(int fd, enum lists_end_do what, const struct lists_end_plan *p,
                   struct json_t *answer, struct error *err) MUST_CHECK;
/* One file, `path` below `fd`: told in answer's `changed` where it differs, and written where it is to be. The new
 * one takes its place from `fd`, not from its own directory, where others read all there is. */
int end_files_put(int fd, enum lists_end_do what, const char *path, struct span octets,
                  struct json_t *answer, struct error *err) MUST_CHECK;

/* What was put, taken away and made is on disk, places too. */
int end_files_sync(int fd, struct error *err) MUST_CHECK;

/* Octets of a text that end_octets() has made; appended. */
void end_octets_of(const struct json_t *text, struct buf *out);
