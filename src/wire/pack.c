/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/pack.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <zstd.h>

#define LEVEL 1
#define WINDOW_LOG 19 /* what either end keeps of the stream: 512 KB */
/* A line of so many octets a second is never packed for: nothing packs twice as fast. */
#define LINE_FAST 1e9

struct wire_packer {
	ZSTD_CCtx *zstd;
	bool on, held;
	double line, pack, ratio; /* 0: not known */
	double plain;             /* frames' octets a second in the last plain window */
	uint64_t window_octets;   /* written since the line was looked at */
	uint64_t window_frames;   /* octets of frames in them */
	int64_t window_ns, window_pack_ns;
	uint64_t refused;      /* octets until packing may be tried again */
	uint64_t since_probe;  /* octets since a plain window */
	uint64_t since_sample; /* octets since pack and ratio were learned */
};

bool wire_pack_pays(double line, double pack, double ratio)
{
	return ratio < 1 && line < pack * (1 - ratio) / 2;
}

struct wire_packer *wire_packer_new(void)
{
	struct wire_packer *p = xcalloc(1, sizeof *p);

	p->zstd = ZSTD_createCCtx();
	if (!p->zstd)
		abort(); /* no memory */
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_windowLog, WINDOW_LOG);
	p->since_sample = WIRE_PACK_TRUST;
	return p;
}

void wire_packer_free(struct wire_packer *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->zstd);
	free(p);
}

void wire_packer_hold(struct wire_packer *p, bool held)
{
	p->held = held;
}

static void put_header(char *at, enum wire_block kind, size_t n)
{
	at[0] = (char)kind;
	for (size_t i = 0; i < 4; i++)
		at[1 + i] = (char)(n >> (8 * i));
}

static void add_plain(struct span frames, struct buf *out)
{
	char header[WIRE_BLOCK_HEADER_SIZE];

	put_header(header, WIRE_BLOCK_PLAIN, frames.n);
	buf_add(out, header, sizeof header);
	buf_add_span(out, frames);
}

static void add_packed(struct wire_packer *p, struct span frames, struct buf *out)
{
	int64_t began = clock_monotonic_ns(), ns;
	size_t room = WIRE_BLOCK_HEADER_SIZE + ZSTD_compressBound(frames.n) + 64, left;
	char *at = buf_room(out, room);
	ZSTD_inBuffer from = { frames.p, frames.n, 0 };
	ZSTD_outBuffer to = { at + WIRE_BLOCK_HEADER_SIZE, room - WIRE_BLOCK_HEADER_SIZE, 0 };

	/* there is room for all of it, so one call does it; what can fail is memory alone */
	left = ZSTD_compressStream2(p->zstd, &to, &from, ZSTD_e_flush);
	if (left != 0)
		abort();
	put_header(at, WIRE_BLOCK_ZSTD, to.pos);
	buf_grown(out, WIRE_BLOCK_HEADER_SIZE + to.pos);

	ns = clock_monotonic_ns() - began;
	p->window_pack_ns += ns;
	/* an END of nine octets tells nothing of either */
	if (frames.n < 4096)
		return;
	p->pack = (double)frames.n * 1e9 / (double)(ns > 0 ? ns : 1);
	p->ratio = (double)to.pos / (double)frames.n;
	p->since_sample = 0;
}

void wire_pack(struct wire_packer *p, struct span frames, struct buf *out)
{
	while (frames.n) {
		struct span some = { frames.p,
			             frames.n < WIRE_BLOCK_MAX ? frames.n : WIRE_BLOCK_MAX };
		bool sample = !p->held && p->line > 0 && p->line < LINE_FAST && some.n >= 4096 &&
		              p->since_sample >= WIRE_PACK_TRUST;

		p->since_sample += some.n;
		p->since_probe += some.n;
		p->window_frames += some.n;
		p->refused -= p->refused < some.n ? p->refused : some.n;
		if ((p->on && !p->held) || sample)
			add_packed(p, some, out);
		else
			add_plain(some, out);
		frames = span_from(frames, some.n);
	}
}

static double rate(uint64_t octets, int64_t ns)
{
	return (double)octets * 1e9 / (double)(ns > 0 ? ns : 1);
}

/* Looks back at the window that has just ended. */
static void judge(struct wire_packer *p)
{
	double frames = rate(p->window_frames, p->window_ns + p->window_pack_ns);

	if (!p->on && !p->window_pack_ns)
		p->plain = frames;
	else if (p->on && frames < p->plain * (1 + (1 - p->ratio) / 2))
		p->refused = WIRE_PACK_TRUST;
}

void wire_pack_sent(struct wire_packer *p, uint64_t octets, int64_t ns)
{
	double seen;

	if (p->held) {
		p->window_octets = p->window_frames = 0;
		p->window_ns = p->window_pack_ns = 0;
		return;
	}
	p->window_octets += octets;
	p->window_ns += ns > 0 ? ns : 0;
	if (p->window_octets < WIRE_PACK_WINDOW)
		return;
	judge(p);
	seen = rate(p->window_octets, p->window_ns);
	p->window_octets = p->window_frames = 0;
	p->window_ns = p->window_pack_ns = 0;
	if (!p->on || !(p->line > 0) || seen < p->line)
		p->line = seen;
	p->on = p->pack > 0 && !p->refused && wire_pack_pays(p->line, p->pack, p->ratio);
	if (p->on && p->since_probe >= WIRE_PACK_TRUST) {
		p->on = false;
		p->since_probe = 0;
	}
}

/* ── the other end ───────────────────────────────────────────────────────────────────────────── */

struct wire_unpacker {
	ZSTD_DCtx *zstd;
};

struct wire_unpacker *wire_unpacker_new(void)
{
	struct wire_unpacker *u = xcalloc(1, sizeof *u);

	u->zstd = ZSTD_createDCtx();
	if (!u->zstd)
		abort(); /* no memory */
	/* a stream that wants more memory than ours ever do is refused */
	ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
	return u;
}

void wire_unpacker_free(struct wire_unpacker *u)
{
	if (!u)
		return;
	ZSTD_freeDCtx(u->zstd);
	free(u);
}

static int bad_block(struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "malformed block on the wire");
}

static int unpack(struct wire_unpacker *u, struct span packed, struct buf *out, struct error *err)
{
	/* one octet more than may come, so that a block that gives too much is seen */
	size_t room = WIRE_BLOCK_MAX + 1;
	ZSTD_inBuffer from = { packed.p, packed.n, 0 };
	ZSTD_outBuffer to = { buf_room(out, room), room, 0 };

	for (;;) {
		size_t before_in = from.pos, before_out = to.pos;
		size_t result = ZSTD_decompressStream(u->zstd, &to, &from);

		if (ZSTD_isError(result) || to.pos > WIRE_BLOCK_MAX)
			return bad_block(err);
		if (from.pos == before_in && to.pos == before_out)
			break;
	}
	if (from.pos != from.size)
		return bad_block(err);
	buf_grown(out, to.pos);
	return 0;
}

int wire_unpack(struct wire_unpacker *u, struct span bytes, struct buf *out, size_t *used,
                struct error *err)
{
	struct span body;
	size_t size = 0, most;

	if (bytes.n < WIRE_BLOCK_HEADER_SIZE)
		return 0;
	for (size_t i = 0; i < 4; i++)
		size |= (size_t)(unsigned char)bytes.p[1 + i] << (8 * i);
	switch (bytes.p[0]) {
	case WIRE_BLOCK_PLAIN:
		most = WIRE_BLOCK_MAX;
		break;
	case WIRE_BLOCK_ZSTD:
		most = ZSTD_COMPRESSBOUND(WIRE_BLOCK_MAX) + 64;
		break;
	default:
		return bad_block(err);
	}
	if (!size || size > most)
		return bad_block(err);
	if (bytes.n - WIRE_BLOCK_HEADER_SIZE < size)
		return 0;
	*used = WIRE_BLOCK_HEADER_SIZE + size;
	body = (struct span){ bytes.p + WIRE_BLOCK_HEADER_SIZE, size };
	if (bytes.p[0] == WIRE_BLOCK_ZSTD)
		return unpack(u, body, out, err) < 0 ? -1 : 1;
	buf_add_span(out, body);
	return 1;
}
