/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * record -- what stands in a segment. Format 1; numbers are little-endian.
 *
 * A segment is a file NUMBER-SALT.segment (8 and 16 hexadecimal digits). It is made of groups, each
 * of which begins at a multiple of GROUP_ALIGN and was written and synced as one; zeros up to
 * there. A group is a row of records, each at a multiple of RECORD_ALIGN:
 *
 *	 0  4  magic "MhS1"
 *	 4  1  kind
 *	 5  1  1: the last one of its group
 *	 6  2  0
 *	 8  8  the segment's salt
 *	16  8  id of the message that it speaks of, or 0
 *	24  4  number of the group, from 0
 *	28  4  octets of the payload
 *	32  4  CRC-32C of the payload
 *	36  4  CRC-32C of octets 0 to 35
 *	40     payload, then zeros up to RECORD_ALIGN
 *
 * The salt is random and nobody outside knows it: a message whose octets look like a record is not
 * taken for one, where a damaged record makes the reader look for the next. It stands in the name
 * too, so that a damaged first record does not cost the others.
 *
 * Payloads (text: u8 0 for none, or 1 and span; span: u32 length and octets):
 *
 *	BEGIN    u32 format, i64 made (ms since 1970), u32 floor, u64 next id,
 *	         u32 n, n times (u32 segment, u64 offset)
 *	         Segments below `floor` are gone, also where their files have come back. The listed
 *	         ones count up to that offset only.
 *	MESSAGE  i64 arrived, u64 octets, u32 attempts, u32 recipients, u32 n, n times PIECE's place
 *	         (u32 segment, u32 offset, u32 octets), u32 n, n spans with a SETTLE payload each,
 *	         span envelope, then the message's octets, when it has no pieces. A later one with
 *	         the same id takes its place.
 *	PIECE    octets of a message
 *	SETTLE   i64 at (ms since 1970), i64 delay (ms), u8 1 when it was an attempt,
 *	         u32 segment, u32 offset of the SETTLE record before of that message (0, 0: none),
 *	         u32 n, n times (u32 recipient, u8 enum spool_state, span reply)
 *	END      nothing; the segment was ended in good order
 */

#include "base/text.h"
#include "spool/pack.h"
#include "spool/spool.h"

#define RECORD_HEADER 40u
#define RECORD_ALIGN 8u
#define GROUP_ALIGN 4096u
#define RECORD_FORMAT 1u
/* Octets of a payload: an envelope, results for each recipient, and what was gathered. */
#define RECORD_PAYLOAD_MAX (32u << 20)

enum record_kind {
	RECORD_BEGIN = 1,
	RECORD_MESSAGE,
	RECORD_PIECE,
	RECORD_SETTLE,
	RECORD_END,
};

struct record {
	enum record_kind kind;
	bool last;
	uint64_t id;
	uint32_t group;
	uint32_t length; /* octets of the payload */
	uint32_t sum;    /* of the payload */
};

void record_put(unsigned char out[RECORD_HEADER], const struct record *r, uint64_t salt);
/* False: that is no header of this segment. */
bool record_get(const unsigned char in[RECORD_HEADER], uint64_t salt, struct record *out);
/* Octets from a record's beginning to the next one's. */
uint64_t record_extent(uint32_t length);
uint64_t group_extent(uint64_t octets);

/* NUMBER-SALT.segment */
#define SEGMENT_NAME_SIZE 34u
const char *segment_name(char out[SEGMENT_NAME_SIZE], uint32_t number, uint64_t salt);
bool segment_name_parse(const char *name, uint32_t *number, uint64_t *salt);

/* Where a record is. Segments are numbered from 1: {0, 0} is none. */
struct place {
	uint32_t segment, offset;
};

/* ── BEGIN ───────────────────────────────────────────────────────────────────────────────────── */

struct cut {
	uint32_t segment;
	uint64_t offset;
};
struct begin {
	uint32_t format;
	int64_t made_ms;
	uint32_t floor;
	uint64_t next_id;
	struct cut *cuts; /* owned */
	size_t cuts_n, cuts_room;
};
void begin_fini(struct begin *b);
#define AUTO_BEGIN __attribute__((cleanup(begin_fini)))
void begin_put(struct buf *out, const struct begin *b);
/* False: not to be understood; *out is empty then, but for the format. */
bool begin_get(struct span payload, struct begin *out);

/* ── MESSAGE ─────────────────────────────────────────────────────────────────────────────────── */

struct piece {
	struct place place;
	uint32_t octets; /* of its payload */
};
struct message {
	int64_t arrived_ms;
	uint64_t octets;
	uint32_t attempts, recipients;
	struct piece *pieces; /* owned */
	size_t pieces_n, pieces_room;
	struct span *settled; /* owned; each borrowed from the payload */
	size_t settled_n, settled_room;
	struct span envelope; /* borrowed from the payload */
	struct span body;     /* borrowed from the payload */
};
void message_fini(struct message *m);
#define AUTO_MESSAGE __attribute__((cleanup(message_fini)))
/* Everything but the body, which is to follow it. */
void message_put(struct buf *out, const struct message *m);
bool message_get(struct span payload, struct message *out);

/* What stands in `envelope` of a message: sender, recipients, and the client. */
void letter_put(struct buf *out, const struct smtp_envelope *e, const struct smtp_peer *peer);
/* Both are empty, and owned by the caller. False: not to be understood; both are empty again. */
bool letter_get(struct span in, struct smtp_envelope *e, struct smtp_peer *peer);

/* ── SETTLE ──────────────────────────────────────────────────────────────────────────────────── */

struct settlement {
	int64_t at_ms, delay_ms;
	bool attempt;
	struct place before;
	uint32_t n;
	struct unpack rows; /* borrowed; for settlement_next() */
};
void settlement_put(struct buf *out, const struct settlement *head,
                    const struct spool_result *results, size_t n);
bool settlement_get(struct span payload, struct settlement *out);
/* The next row; the reply is borrowed. False: that was the last one, or (`rows.bad`) it is none. */
bool settlement_next(struct settlement *s, struct spool_result *out);
