/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* rename_inside -- what the files of a rename share. */

#include "lists/rename_values.h"
#include "pickle/value.h"

/* Values that one file may have walked. */
#define RENAME_VALUES_MAX 50000000u

struct rename_edit_run {
	const struct rename_words *w;
	struct rename_diff *diff;
	struct value_arena *arena;
	struct value_walk walk;
};

/* A change, for a person. */
void rename_tell(struct rename_diff *d, const char *place, struct span before, struct span after);
/* The lines that one text has and the other has not; one change. */
void rename_tell_lines(struct rename_diff *d, struct span before, struct span after);
/* A string of the kind that `v` is: str, or unicode. */
struct value rename_chars(struct rename_edit_run *r, struct value v, struct span text);
/* `v` with all texts in it as they are to be; lists and tuples are changed in their places. */
struct value rename_deep(struct rename_edit_run *r, struct value v, const char *place);
void rename_set_chars(struct rename_edit_run *r, struct value dict, const char *key,
                      struct span text);
void rename_set_key(struct rename_edit_run *r, struct value dict, const char *key,
                    struct value value);
/* Appends the pickle of `v`, in the protocol of `octets`, which it takes the place of. */
int rename_write(struct rename_edit_run *r, struct span octets, struct value v, struct buf *out,
                 struct error *err) MUST_CHECK;
/* The same as marshal. */
int rename_write_marshal(struct rename_edit_run *r, struct value v, struct buf *out,
                         struct error *err) MUST_CHECK;
/* A file that is one dict, as a pickle or as marshal. As a rename_edit. */
int rename_one_dict(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                    void (*change)(struct rename_edit_run *r, struct value dict),
                    struct error *err);
