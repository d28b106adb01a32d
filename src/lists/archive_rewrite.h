/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_rewrite -- an mbox of a host is written anew: stray From_ lines escaped, messages left out or
 * put at its end. The file is never in memory; the new one takes the old one's name when it is on disk, and
 * the old one is kept beside it if that is wanted.
 *
 * Every octet is accounted for: octets_after == octets - dropped_octets + escaped + blanks + appended.
 */

#include "base/cleanup.h"
#include "base/text.h"
#include "lists/paths.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stdint.h>

struct archive_rewrite_options {
	struct host *h;             /* borrowed; with control unless dry_run */
	const char *dir, *name;     /* borrowed; DIR/NAME is the mbox */
	bool escape;                /* stray From_ lines get ">", messages a blank line in front */
	const struct strings *drop; /* borrowed; Message-IDs with "<" and ">"; or NULL */
	struct span append;         /* an mbox that comes behind; or empty */
	bool keep;                  /* the old file as NAME.before-mailhaul */
	bool dry_run;
	bool all_lines; /* each line that changes is in the diff; else the first few */
};

struct archive_rewrite {
	uint64_t octets, octets_after, dropped_octets, escaped, blanks, appended;
	uint64_t from_lines; /* begin a message for pipermail: messages + strays */
	uint64_t messages; /* that begin by archive_split.h; `close` of them without a blank line */
	uint64_t close, strays, dropped;
	uint64_t preamble;   /* octets before the first message */
	struct strings diff; /* "line N:", "- ...", "+ ..."; all fit to print */
	uint64_t diff_more;  /* places that are not in it */
	struct strings dropped_ids;
	char *kept; /* owned; where the old one is; NULL: nothing was written, or it was not kept */
	bool changes;
};
#define AUTO_ARCHIVE_REWRITE __attribute__((cleanup(archive_rewrite_fini)))
void archive_rewrite_fini(struct archive_rewrite *r);

/*
 * Durable. `out` zeroed by the caller. Errors: the mbox is not there (sys_errno ENOENT); it was written to
 * meanwhile (LATER): nothing was changed then; what was written is not what had to be (NEVER): the old one
 * stands.
 */
int archive_rewrite(const struct archive_rewrite_options *o, struct archive_rewrite *out,
                    struct error *err) MUST_CHECK;

/* Fails while Mailman's runners, or somebody who has the list open, would write as well. */
int archive_check_stopped(struct host *h, const struct lists_paths *paths, const char *list,
                          struct error *err) MUST_CHECK;

/* Replaces a file below `dir`, durably; it keeps owner and mode of the one that is there. A new one gets
 * those of `like`. */
int archive_put(struct host *h, const char *dir, const char *path, const struct host_entry *like,
                struct span content, struct error *err) MUST_CHECK;
/* Makes a symbolic link, and takes a file away; durable. */
int archive_link(struct host *h, const char *dir, const char *path, const char *target,
                 const struct host_entry *like, struct error *err) MUST_CHECK;
int archive_remove(struct host *h, const char *dir, const char *path, struct error *err) MUST_CHECK;
