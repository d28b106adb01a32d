/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/copy.h"

#include "base/memory.h"

#include <stdlib.h>

void copy_result_fini(struct copy_result *r)
{
	strings_fini(&r->skipped);
	strings_fini(&r->extra);
	strings_fini(&r->notes);
	*r = (struct copy_result){ 0 };
}

static void take_words(struct strings *to, struct strings *from)
{
	for (size_t i = 0; i < from->n; i++) {
		ARRAY_GROW(to->rows, to->n, to->room);
		to->rows[to->n++] = from->rows[i];
	}
	free(from->rows);
	*from = (struct strings){ 0 };
}

void copy_result_add(struct copy_result *sum, struct copy_result *from)
{
	sum->old_messages += from->old_messages;
	sum->old_octets += from->old_octets;
	sum->copied += from->copied;
	sum->copied_octets += from->copied_octets;
	sum->here_octets += from->here_octets;
	sum->renamed += from->renamed;
	sum->removed += from->removed;
	sum->unchanged += from->unchanged;
	sum->vanished += from->vanished;
	sum->folders_made += from->folders_made;
	sum->folders_removed += from->folders_removed;
	sum->files += from->files;
	sum->seconds += from->seconds;
	take_words(&sum->skipped, &from->skipped);
	take_words(&sum->extra, &from->extra);
	take_words(&sum->notes, &from->notes);
}

bool copy_result_changed(const struct copy_result *r)
{
	return r->copied || r->renamed || r->removed || r->folders_made || r->folders_removed ||
	       r->files;
}
