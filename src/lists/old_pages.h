/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * old_pages -- what pipermail has published of an archive: each address, and of which message it is.
 *
 * A page of a message says its Message-ID itself, in the link by which readers answer
 * (`<LINK REL="made" HREF="mailto:...&In-Reply-To=%3C...%3E">`). So nothing is guessed from numbers, which a
 * rebuild gives anew. Pages that an archiver has left out of its indexes are found too.
 *
 * Source: Mailman/Archiver/HyperArch.py and Handlers/Scrubber.py of 2.1.39.
 */

#include "remote/host.h"

enum old_page_kind {
	OLD_PAGE_OTHER = 0,  /* none of pipermail's */
	OLD_PAGE_CONTENTS,   /* index.html */
	OLD_PAGE_VOLUME,     /* VOLUME/thread.html ...; VOLUME/index.html is a link to it */
	OLD_PAGE_TEXT,       /* VOLUME.txt, VOLUME.txt.gz */
	OLD_PAGE_MESSAGE,    /* VOLUME/000042.html */
	OLD_PAGE_ATTACHMENT, /* attachments/YYYYMMDD/HHHHHHHH/attachment.ext */
};

struct old_page {
	const char *path; /* below the archive's folder; borrowed from `files` */
	enum old_page_kind kind;
	struct span volume; /* of a volume, text or message; borrowed */
	int64_t number;     /* of a message */
	char *id; /* of a message, owned: without "<", ">" and blanks; NULL: it says none */
};
struct old_pages {
	struct old_page *rows; /* owned; sorted by path */
	size_t n, room;
	struct host_listing files;
};
#define AUTO_OLD_PAGES __attribute__((cleanup(old_pages_fini)))
void old_pages_fini(struct old_pages *p);

/*
 * All that is published below `dir` of a host. What pipermail keeps for itself there is left out.
 * A missing folder: sys_errno ENOENT. A page that cannot be read is an error: no address is left out in
 * silence.
 */
int old_pages_read(struct old_pages *p, struct host *h, const char *dir, struct error *err)
	MUST_CHECK;

/* The Message-ID that the begin of a message's page says, as in `id` above; appended. False: none. Pure. */
bool old_page_id(struct span html, struct buf *out);

/* Whether an id has the form of those that Mailman makes: for its own mail, and for what came without one; the
 * mbox has only the former. */
bool old_page_is_made(const char *id);
/* Takes away the ids that Mailman made for messages that had none: no header has them. `mbox_ids` is sorted, with
 * "<" and ">". */
void old_pages_drop_made(struct old_pages *p, const struct strings *mbox_ids);

/* "HHHHHHHH" of attachments/YYYYMMDD/HHHHHHHH for a Message-ID without its brackets. */
#define OLD_PAGE_HASH_SIZE 8u
void old_page_hash(const char *id, char out[OLD_PAGE_HASH_SIZE + 1]);
