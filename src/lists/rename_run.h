/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* rename_run -- what the files of a rename share that asks a host. */

#include "lists/rename.h"
#include "lists/rename_values.h"

struct rename_run {
	const struct lists_rename_options *o;
	struct lists_rename_result *out;
	struct rename_words words;
	const char *now;  /* the name that the list's directory has now: words.list, or list_to */
	char *mail, *web; /* owned; what words' old hosts point to */
	char *path;       /* the same: of web_page_url */
	char *local, *local_to;    /* the same: in addresses */
	char *shown, *shown_to;    /* the same: the name that pages show */
	bool begun;                /* it was begun before, and not ended */
	struct host_listing lists; /* of LIST_DATA_DIR, three levels */
	struct strings archive; /* NAME/PATH of each file of the archive but attachments; sorted */
};

/* Files below the directory `root` whose content an edit changes. */
struct rename_group {
	const char *root;
	struct strings paths;
	rename_edit *edit;
	bool keep_mtime;
	bool must_read; /* one that can't be read is a failure, and no note */
	bool of_others; /* files of other lists, which stay */
};
int rename_files(struct rename_run *r, const struct rename_group *g, struct error *err) MUST_CHECK;
/* Another name for what is at `from`, unless that was done. */
int rename_path(struct rename_run *r, const char *from, const char *to, struct error *err)
	MUST_CHECK;

/* The value of a path variable; NULL: it is not known. */
const char *rename_root(const struct rename_run *r, enum lists_path which);
bool rename_has_new_name(const struct rename_run *r);
/* Whether it is one component of a path. */
bool rename_is_host_name(const char *name);

/* rename_places.c: contents; what is told of what other programs read. */
int rename_find_archive(struct rename_run *r, struct error *err) MUST_CHECK;
int rename_edit_all(struct rename_run *r, struct error *err) MUST_CHECK;
int rename_edit_last(struct rename_run *r, struct error *err) MUST_CHECK;
void rename_tell_rest(struct rename_run *r);
/* rename_templates.c: pages of the mail host, for the list to find them again. */
int rename_move_templates(struct rename_run *r, struct error *err) MUST_CHECK;
/* rename_moves.c: after all contents, the list's directory last. */
int rename_move_all(struct rename_run *r, struct error *err) MUST_CHECK;
