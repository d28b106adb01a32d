/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * scan -- reads a segment's records from its first octet to its last, whatever is in it.
 *
 * Where a record is expected and none is, or one's sum is wrong, the next header of this segment is
 * looked for, octet for octet of RECORD_ALIGN. What lies between is damage when a later group is
 * there: then the group it belonged to had been synced. In the last group it is what was being
 * written when the machine stopped (or damage: the two can't be told apart; the other records of
 * that group are good in both cases).
 */

#include "spool/disk.h"
#include "spool/record.h"

struct scan_damage {
	uint64_t offset, octets;
	bool known; /* the header is good: `head` says what it was */
	struct record head;
	bool unfinished; /* in the last group that there is */
};

struct scan {
	struct spool_disk *disk;
	int fd;
	uint64_t salt;
	uint64_t limit; /* octets that count: the file's size, or a cut */
	/* Called for each good record, in their order; `payload` is borrowed during the call. */
	void (*record)(void *context, const struct record *r, uint64_t offset, struct span payload);
	/* Called for each damaged place, behind all calls of `record`. */
	void (*damage)(void *context, const struct scan_damage *d);
	void *context;
	/* Told at the end: */
	uint64_t end; /* behind the last good record's group; what follows can be cut off */
	uint64_t records;
	bool ended; /* there is an END */
};

void scan_run(struct scan *s);
