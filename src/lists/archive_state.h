/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_state -- a list's whole archive as it is on a host: what pipermail.pck says, which pages and index
 * files there are, which messages the indexes have, and which the mbox has.
 */

#include "lists/archive_volume.h"
#include "lists/paths.h"
#include "remote/host.h"

/* A message of the indexes. */
struct archive_known {
	char *id; /* owned; without "<" and ">" */
	char *key; /* owned; as the indexes have it: of a header that is folded behind its name "\n <id>" */
	size_t volume; /* of archive_state.volumes */
	int64_t number;
};

struct archive_state {
	struct host *h; /* borrowed */
	const char *list;
	char *dir, *mbox_dir, *mbox_name; /* owned; the pages; the mbox */
	/* of config.pck; owned */
	char *real_name, *address, *info, *language, *prefix;
	int64_t frequency;
	bool obscure;              /* addresses in pages */
	struct host_listing files; /* of dir, two levels */
	struct value_file pck;
	int64_t sequence;       /* number of the next message */
	struct strings volumes; /* newest first, as pipermail.pck has them; then those it forgot */
	int64_t *last_dates;    /* owned; by volume: of its last message, 0 for none */
	struct archive_known *known; /* owned; by id */
	size_t known_n, known_room;
	struct strings mbox_ids; /* sorted; with "<" and ">" */
	uint64_t mbox_messages, mbox_without_id;
	struct strings troubles; /* "FILE: why": what could not be read */
};
#define AUTO_ARCHIVE_STATE __attribute__((cleanup(archive_state_fini)))
void archive_state_fini(struct archive_state *s);

/* `site` and `list` are borrowed. -1: the host can't be reached, or there is no archive with a
 * pipermail.pck that can be read. */
int archive_state_read(struct archive_state *s, struct host *h,
                       const struct lists_installation *site, const char *list, struct error *err)
	MUST_CHECK;

/* One volume; `*v` zeroed. One that is not there: a new one. */
int archive_state_volume(const struct archive_state *s, const char *name, struct archive_volume *v,
                         struct error *err) MUST_CHECK;
/* Appends the name of the volume that a message of that date belongs to: one of that month that is there by a
 * name of another locale, or else as pipermail calls it where there is none. */
void archive_state_volume_of(const struct archive_state *s, int64_t date, struct buf *out);
/* By id, without "<" and ">"; NULL: the indexes have none. Borrowed. */
const struct archive_known *archive_state_find(const struct archive_state *s, const char *id);
/* "VOLUME/000042.html", if it is a page of a message. */
bool archive_page_of(const char *path, struct span *volume, int64_t *number);

/* All Message-IDs of an mbox (with "<" and ">", sorted); one that is not there has none. */
int archive_mbox_ids(struct host *h, const char *dir, const char *name, struct strings *ids,
                     uint64_t *messages, uint64_t *without, struct error *err) MUST_CHECK;
bool archive_ids_have(const struct strings *sorted, const char *id);
