/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * pack -- frames on a slow line. A part of wire/wire.h: after a HELLO with WIRE_FEATURE_ZSTD, each
 * direction is a row of blocks, and a block is
 *
 *	u8 WIRE_BLOCK_PLAIN or WIRE_BLOCK_ZSTD | u32 size | octets
 *
 * What the blocks hold, one after the other, is the row of frames; a frame may begin and end in any
 * place of a block. All ZSTD blocks of a direction are one zstd stream, flushed at each block's end;
 * each gives at most WIRE_BLOCK_MAX octets.
 *
 * The sender chooses, block by block, what is cheaper now. It measures, while it works,
 *
 *	line   octets a second that the line takes: those written, by the time that write(2) took
 *	pack   octets a second that zstd takes (level 1)
 *	ratio  octets out of zstd by octets into it
 *
 * One octet costs 1/line as it is, and 1/pack + ratio/line packed; so packing pays when
 * line < pack * (1 - ratio). The other programs of the machine want the processor too: it is done
 * when line < pack * (1 - ratio) / 2. A line that never makes write(2) wait (a pipe, a fast network)
 * has no cost that could be saved; mail of photographs has a ratio near 1: both stay plain.
 *
 * The line is looked at again after every WIRE_PACK_WINDOW octets. While packing, zstd may be slower
 * than the line, which then looks faster than it is: so the slowest figure counts, until a window is
 * sent plain after WIRE_PACK_TRUST octets. While plain, one block in WIRE_PACK_TRUST octets is packed
 * to learn pack and ratio, when the line is slow enough for it to matter.
 *
 * What makes write(2) wait may be the other end, which is busy with what came before: then packed
 * octets are not through any sooner. So a packed window in which less than half of the saving came
 * true (frames by the time of zstd and write(2), against those of the last plain window) ends the
 * packing for WIRE_PACK_TRUST octets. And the other end may say that it has no need to wait for the
 * line: wire_packer_hold().
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define WIRE_BLOCK_HEADER_SIZE 5u
#define WIRE_BLOCK_MAX (1u << 20) /* octets of frames in a block */
#define WIRE_PACK_WINDOW (4u << 20)
#define WIRE_PACK_TRUST (256u << 20)

enum wire_block { WIRE_BLOCK_PLAIN = 0, WIRE_BLOCK_ZSTD = 1 };

/* The rule above; all in octets a second, the ratio from 0 to a little more than 1. */
bool wire_pack_pays(double line, double pack, double ratio);

struct wire_packer;
struct wire_packer *wire_packer_new(void);
void wire_packer_free(struct wire_packer *p);
CLEANUP_DEFINE(struct wire_packer, wire_packer_free);
#define AUTO_WIRE_PACKER __attribute__((cleanup(wire_packer_free_at)))

/* While held, all is sent plain, and nothing is learned of the line: what makes write(2) wait is not
 * the line. */
void wire_packer_hold(struct wire_packer *p, bool held);

/* Appends blocks that hold `frames` to `out`. */
void wire_pack(struct wire_packer *p, struct span frames, struct buf *out);
/* Tells that `octets` of blocks went out, and that write(2) took `ns` nanoseconds for them. */
void wire_pack_sent(struct wire_packer *p, uint64_t octets, int64_t ns);

struct wire_unpacker;
struct wire_unpacker *wire_unpacker_new(void);
void wire_unpacker_free(struct wire_unpacker *u);
CLEANUP_DEFINE(struct wire_unpacker, wire_unpacker_free);
#define AUTO_WIRE_UNPACKER __attribute__((cleanup(wire_unpacker_free_at)))

/*
 * Takes the first block in `bytes`.
 *
 *   returns 1 what it holds was appended to *out and *used octets belong to it; 0 more is needed;
 *           -1 *err is set: it is no block, or gives more than WIRE_BLOCK_MAX
 */
int wire_unpack(struct wire_unpacker *u, struct span bytes, struct buf *out, size_t *used,
                struct error *err);
