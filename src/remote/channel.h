/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * channel -- frames to and from one agent over a pair of pipes: packed when both agreed, at a limited
 * pace, and never waited for without end.
 *
 * An agent may be hostile, or stand behind a line that hangs. It has to bring CHANNEL_OCTETS_LEAST
 * octets, or the end of its answer, in every `silence_ms`; and has to take what is sent in that time.
 */

#include "base/error.h"
#include "base/text.h"
#include "remote/pace.h"
#include "wire/pack.h"
#include "wire/wire.h"

#include <stdint.h>

/* In each period of silence: far below what a telephone line brings, far above a trickle. */
#define CHANNEL_OCTETS_LEAST 4096u

struct channel {
	int tofd, fromfd; /* owned; -1: closed */
	int silence_ms;
	struct buf blocks, frames;      /* read and not yet taken */
	struct buf ahead;               /* read while a frame did not fit into the pipe */
	struct buf packed;              /* the blocks that were sent last; kept for the next */
	size_t frames_used;             /* octets of `frames` that were taken */
	struct wire_packer *packer;     /* owned; NULL: frames travel as they are */
	struct wire_unpacker *unpacker; /* owned */
	struct pace pace;               /* of what is read */
	int64_t period_ms;              /* when this period began */
	uint64_t period_octets;         /* that came in it */
	int64_t waited_ns, looked_ns;   /* for what comes in; channel_waits() looked last */
	bool unwaited;                  /* what that found */
	uint64_t octets_in, octets_out; /* since the channel was opened, as they travelled */
};

/* Takes the descriptors. `silence_ms` 0: three minutes. */
void channel_open(struct channel *c, int tofd, int fromfd, int silence_ms);
/* The same, and so much longer. */
void channel_set_silence(struct channel *c, int silence_ms, int more_ms);
void channel_close(struct channel *c);

/* From the next frame on, both ways, blocks of wire/pack.h. Nothing may be under way. */
void channel_pack(struct channel *c);
void channel_limit(struct channel *c, uint64_t octets_per_s);

/* -1 with errno: EPIPE and others of write(2); ETIMEDOUT: it does not read. */
int channel_send(struct channel *c, struct span frame);

/* Something was read and not yet taken: not all of a frame, perhaps. */
bool channel_has(const struct channel *c);

/* Whether a good part of the time since this was asked last went by waiting for what comes in: if not,
 * a faster line would be of no use. True at first. */
bool channel_waits(struct channel *c);

/* A new answer is waited for, or the agent said that it rests: the time counts from here. */
void channel_period(struct channel *c);
/*
 * Waits for a frame; its body is borrowed until the next call.
 *
 *   errors  sys_errno ETIMEDOUT: too little came; 0: the agent is gone, or what came is malformed
 */
int channel_next(struct channel *c, struct wire_frame *frame, struct error *err) MUST_CHECK;
