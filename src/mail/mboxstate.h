/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mboxstate -- what an mbox file was when it was read, so that the next look may be a short one.
 *
 *  - Same size, mtime, ctime and inode as then, and `settled`: it is the same file, and nobody
 *    reads it. Settled means that it was read later than two seconds (the coarsest clock of a file
 *    system that mail lies on) after its last change: one in the same tick could not be told from it
 *    (the rule of git's index). A file whose mtime was set back by hand, as ours on the new side, is
 *    settled: whoever writes to it sets another.
 *  - Else, when its first `size` octets still have the sum, only what was appended behind them is
 *    new; in place of being parsed, they are read once at the speed of memory. Flags that Dovecot
 *    writes into the middle of the file change the sum.
 *  - Else all of it is read.
 *
 * The sum is made to see what programs do to a mailbox, not to resist an enemy; what a copy brought
 * has its SHA-256, and `verify` reads all of the file, whatever is recorded here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MBOX_SUM_SIZE 16u
struct mbox_sum {
	unsigned char octets[MBOX_SUM_SIZE];
};

struct mbox_state {
	char *folder; /* owned by whoever owns the state */
	uint64_t size;
	int64_t mtime_ns, ctime_ns;
	uint64_t inode;
	bool settled;
	uint64_t from;       /* a scan told the messages behind this offset only: 0, all of them */
	struct mbox_sum sum; /* of all octets */
};

struct mbox_states {
	struct mbox_state *rows; /* owned */
	size_t n, room;
};
#define AUTO_MBOX_STATES __attribute__((cleanup(mbox_states_fini)))
void mbox_states_fini(struct mbox_states *s);
/* Copies *state. */
void mbox_states_add(struct mbox_states *s, const struct mbox_state *state);
/* NULL: none of that folder. */
struct mbox_state *mbox_states_find(const struct mbox_states *s, const char *folder);

/* Whether it is settled when it was looked at at `now_ns`. */
bool mbox_state_settles(const struct mbox_state *s, int64_t now_ns);
/* Size, times and inode. */
bool mbox_state_is_same(const struct mbox_state *a, const struct mbox_state *b);

/* ── the sum ─────────────────────────────────────────────────────────────────────────────────── */

/*
 * Of each megabyte a sum, and of those sums one: so that several processes can read a long file, each
 * its megabytes (store/mboxsum.c).
 */
#define MBOX_SUM_CHUNK (1u << 20)

struct mbox_chunk_summing {
	uint64_t lanes[4], n;
	unsigned char part[64];
};
struct mbox_summing {
	struct mbox_chunk_summing whole, chunk;
};
void mbox_sum_begin(struct mbox_summing *s);
void mbox_sum_add(struct mbox_summing *s, const void *octets, size_t n);
/* A whole chunk whose sum was made elsewhere; only between chunks. */
void mbox_sum_add_chunk(struct mbox_summing *s, const struct mbox_sum *chunk);
struct mbox_sum mbox_sum_end(const struct mbox_summing *s);
bool mbox_sum_equal(const struct mbox_sum *a, const struct mbox_sum *b);

void mbox_chunk_begin(struct mbox_chunk_summing *s);
void mbox_chunk_add(struct mbox_chunk_summing *s, const void *octets, size_t n);
struct mbox_sum mbox_chunk_end(const struct mbox_chunk_summing *s);
