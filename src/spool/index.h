/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * index -- the messages of a spool, by id, by arrival, and by when they are due. In memory only,
 * and made from the segments at open. No thread but the loop's touches it.
 */

#include "spool/record.h"

#define ITEM_STATES_INSIDE 8u

/* Where an item waits for its turn. */
enum item_queue { ITEM_NOWHERE, ITEM_READY, ITEM_WAITING };

struct item {
	uint64_t id;
	uint64_t octets;
	uint64_t order; /* of arrival */
	int64_t arrived_ms;
	int64_t due_ms;              /* clock_monotonic_ms() */
	struct place place;          /* of its MESSAGE record */
	struct place last;           /* of its last SETTLE record */
	struct item *before, *after; /* in the order of arrival */
	uint32_t first_segment;      /* the oldest one that it needs */
	uint32_t length;             /* octets of its MESSAGE record's payload */
	uint32_t attempts;
	uint32_t recipients, pending, held;
	uint32_t heap_at;
	uint8_t queue;  /* enum item_queue */
	bool taken;     /* spool_take_due() has handed it out */
	bool recording; /* a record of it is under way */
	union {
		uint8_t inside[ITEM_STATES_INSIDE];
		uint8_t *outside; /* owned; more recipients than that */
	} states;
};

struct item_heap {
	struct item **rows; /* owned */
	size_t n, room;
	bool (*earlier)(const struct item *a, const struct item *b);
};

struct index {
	struct item **slots; /* owned; open addressing */
	size_t n, slots_n;
	struct item *first, *last;
	uint64_t order;
	uint64_t octets, held; /* of messages; how many have a recipient that is held */
	struct item_heap ready, waiting;
};

void index_init(struct index *x);
void index_fini(struct index *x);

/* The new item has all its recipients pending, and is the last one in the order of arrival. NULL:
 * there is one with that id. */
struct item *index_add(struct index *x, uint64_t id, uint32_t recipients);
struct item *index_find(const struct index *x, uint64_t id);
void index_remove(struct index *x, struct item *i);

uint8_t *item_states(struct item *i);
/* Sets what is on record for one recipient, and the sums that follow from it. */
void index_set_state(struct index *x, struct item *i, uint32_t recipient, enum spool_state state);
/* Nobody is pending or held any more. */
bool item_is_done(const struct item *i);

/* Puts the item where it belongs by what is known of it: to those that are ready, those that wait,
 * or nowhere (taken, being recorded, nothing pending). */
void index_queue(struct index *x, struct item *i);
/* The next one that is due; it stays where it is. */
struct item *index_due(struct index *x, int64_t now_ms);
/* When the next one is due; INT64_MAX: none waits. */
int64_t index_next_due_ms(const struct index *x);
