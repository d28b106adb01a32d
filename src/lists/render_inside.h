/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* render_inside -- what the parts of render.c have in common. */

#include "lists/mbox_index.h"
#include "lists/render.h"

struct render_message {
	char *id, *subject, *author; /* owned; UTF-8; id without brackets, NULL: none */
	int64_t date;                /* seconds since 1970 UTC */
	int64_t number;
	uint32_t row;           /* of the index: its From_ line */
	uint32_t part_of;       /* a stray's: the message that it belongs to; RENDER_NONE */
	uint32_t volume;        /* of render_run.volumes */
	uint32_t parent;        /* the message that it answers, of the same volume; RENDER_NONE */
	uint32_t before, after; /* by thread; RENDER_NONE */
	uint64_t *refers; /* owned; fingerprints of Message-IDs: In-Reply-To, then References */
	uint16_t refers_n;
	bool answers;   /* the first is In-Reply-To's */
	bool as_before; /* its address is an old page's */
};

struct render_volume {
	char *name;         /* owned */
	uint32_t *messages; /* owned; numbers of render_run.messages; strays are not among them */
	unsigned *depths;   /* owned; by thread, beside `messages` while they are in that order */
	size_t n, room;
	int64_t last; /* date */
};

struct render_run {
	const struct render_options *o;
	struct render_result *r;
	int mbox; /* descriptor, owned */
	struct lists_mbox_index index;
	struct render_message *messages; /* owned; one a row of the index */
	size_t n;
	struct render_volume *volumes; /* owned; in the order of their names */
	size_t volumes_n, volumes_room;
	bool *old_used; /* owned; beside o->old->rows */
};
void render_run_fini(struct render_run *run);

/* Octets of the mbox; shorter only where it ends. */
int render_read(const struct render_run *run, uint64_t offset, size_t n, struct buf *out,
                struct error *err) MUST_CHECK;
/* Of a message with its strays, from its From_ line on. */
uint64_t render_octets(const struct render_run *run, size_t message);

/* Headers of all, numbers, volumes. */
int render_look(struct render_run *run, struct error *err) MUST_CHECK;
/* Numbers and old volumes, once each message has its id; `volumes` of those with an old page. */
void render_number(struct render_run *run);
/* Who answers whom. */
void render_thread(struct render_run *run);
/* The messages of a volume in an order. */
void render_sort(const struct render_run *run, struct render_volume *v, enum render_order order);

/* All pages, below an open directory. */
int render_write(struct render_run *run, int dir, struct error *err) MUST_CHECK;
/* Pages and attachments of the old archive that stay. */
int render_keep_old(struct render_run *run, int dir, struct error *err) MUST_CHECK;

uint32_t render_volume_of(struct render_run *run, struct span name);
