/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * response -- what a response of an IMAP server says (RFC 3501 section 7). Pure.
 *
 * Real servers are forgiving of themselves: unknown responses, data items and codes are stepped
 * over, NIL may stand anywhere, atoms may hold more than the grammar lets them.
 */

#include "imap/reader.h"

#include <stdbool.h>
#include <stdint.h>

enum imap_kind {
	IMAP_OTHER, /* nothing that anybody here asks for */
	IMAP_TAGGED,
	IMAP_CONTINUE,
	IMAP_WORDS, /* untagged OK, NO, BAD, BYE, PREAUTH */
	IMAP_CAPABILITY,
	IMAP_ENABLED,
	IMAP_NAMESPACE,
	IMAP_LIST,
	IMAP_LSUB,
	IMAP_FOLDER, /* STATUS */
	IMAP_EXISTS,
	IMAP_EXPUNGE,
	IMAP_VANISHED,
	IMAP_SEARCH,
	IMAP_FETCH,
};

enum imap_status { IMAP_STATUS_NONE, IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH };

/* Of one folder: its STATUS, or codes of a SELECT. 0: was not told. */
struct imap_numbers {
	uint32_t uidvalidity, uidnext, messages;
	uint64_t modseq;
	bool nomodseq, readable; /* `readable`: UIDVALIDITY or another number was there at all */
};

enum imap_content {
	IMAP_CONTENT_NONE, /* the response has no BODY[] */
	IMAP_CONTENT_NIL,
	IMAP_CONTENT_THERE, /* in the reader's body */
	IMAP_CONTENT_TEXT,  /* a quoted string: `text` */
};

struct imap_response {
	enum imap_kind kind;
	enum imap_status status;
	struct span tag;
	struct span code;      /* "UIDVALIDITY", or "" */
	struct span code_rest; /* what follows it up to ']' */
	struct span words;     /* for people; of CAPABILITY, ENABLED, SEARCH, VANISHED: the rest */
	struct imap_numbers numbers;
	/* LIST, LSUB, STATUS, NAMESPACE (the first personal one: its prefix) */
	struct buf name;
	struct span attributes;
	char separator; /* 0: NIL */
	bool has_namespace;
	struct buf
		others; /* NAMESPACE: prefixes of the namespaces that are not personal, in lines */
	/* EXISTS, EXPUNGE, FETCH */
	uint32_t number;
	uint32_t uid;
	bool has_flags, has_date, has_size;
	struct span flags; /* "\Seen $Forwarded": between the parentheses */
	int64_t date;      /* INTERNALDATE, seconds since 1970 UTC */
	uint64_t size;     /* RFC822.SIZE */
	enum imap_content content;
	struct buf text;
	/* VANISHED (EARLIER); SEARCH: it was ESEARCH, `words` is the set of ALL */
	bool earlier, is_set;
};
void imap_response_fini(struct imap_response *p);

/* Reads r->text, which is whole; *out (zeroed before its first use) borrows from it until the next
 * imap_reader_feed(). What is no IMAP at all: -1. */
int imap_response_parse(const struct imap_reader *r, struct imap_response *out, struct error *err)
	MUST_CHECK;

/* Takes the first range off a set "3:9,12"; "9:3" is given as 3..9. False at its end, or where it is
 * no set. */
bool imap_set_next(struct span *set, uint32_t *first, uint32_t *last);

/* " 5-Mar-2026 12:34:56 +0100", RFC 3501 date-time. */
bool imap_date_parse(struct span text, int64_t *seconds);

/* Sorts flags into the letters of mail/flags.h ("FS"), and names of keywords with one blank between.
 * What has neither ("\Recent", flags of the server's own) is left out; the latter are added to
 * `strange` (may be NULL), each once. Both bufs are emptied first. */
void imap_flags_sort(struct span flags, struct buf *letters, struct buf *keywords,
                     struct strings *strange);
