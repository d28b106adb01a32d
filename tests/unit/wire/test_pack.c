/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/pack.h"

#include "unit/unit.h"

#include <string.h>

#define FRAME (256u << 10)
#define MB 1000000.0

/* Two ends, and a line of so many octets a second between them. */
struct line {
	struct wire_packer *packer;
	struct wire_unpacker *unpacker;
	uint64_t plain, packed; /* blocks of each kind */
	bool busy;              /* the other end takes so many octets a second, however they come */
};

static int set_up(void **state)
{
	struct line *l = calloc(1, sizeof *l);

	l->packer = wire_packer_new();
	l->unpacker = wire_unpacker_new();
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	struct line *l = *state;

	wire_packer_free(l->packer);
	wire_unpacker_free(l->unpacker);
	free(l);
	return 0;
}

/* A frame's octets: words, or what zstd cannot shorten, also not by what it has just seen. */
static struct span make(bool words)
{
	static char pool[2][16 * FRAME];
	static uint64_t x = 88172645463325252;
	static unsigned next;
	struct span frame = { pool[words] + next++ % 16 * FRAME, FRAME };

	if (pool[words][0])
		return frame;
	for (size_t i = 0; i < sizeof pool[words]; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		pool[words][i] = words ? "mail from a list"[x >> 8 & 15] : (char)(x >> 8);
	}
	pool[words][0] = 'x';
	return frame;
}

/* Sends `n` frames and takes them at the other end. */
static void send_frames(struct line *l, unsigned n, bool words, double octets_per_s)
{
	AUTO_BUF struct buf blocks = { 0 }, got = { 0 };
	struct span frame;

	l->plain = l->packed = 0;
	for (unsigned i = 0; i < n; i++) {
		struct error err = { 0 };
		size_t used, at = 0;

		frame = make(words);
		buf_reset(&blocks);
		buf_reset(&got);
		wire_pack(l->packer, frame, &blocks);
		wire_pack_sent(
			l->packer, blocks.n,
			(int64_t)((double)(l->busy ? frame.n : blocks.n) * 1e9 / octets_per_s));
		while (at < blocks.n) {
			*(blocks.p[at] == WIRE_BLOCK_PLAIN ? &l->plain : &l->packed) += 1;
			assert_int_equal(wire_unpack(l->unpacker, span_from(buf_span(&blocks), at),
			                             &got, &used, &err),
			                 1);
			at += used;
		}
		assert_true(span_equal(frame, buf_span(&got)));
	}
}

static void packing_pays_on_lines_slower_than_half_of_what_it_saves(void **state)
{
	(void)state;
	assert_true(wire_pack_pays(12.5 * MB, 300 * MB, 0.5));  /* 100 Mbit/s */
	assert_true(wire_pack_pays(1 * MB, 50 * MB, 0.9));      /* little to gain, much time */
	assert_false(wire_pack_pays(125 * MB, 300 * MB, 0.5));  /* 1 Gbit/s */
	assert_false(wire_pack_pays(1000 * MB, 300 * MB, 0.1)); /* a pipe */
	assert_false(wire_pack_pays(12.5 * MB, 300 * MB, 0.95));
	assert_false(wire_pack_pays(0.001 * MB, 300 * MB, 1.01));
}

static void a_fast_line_stays_plain(void **state)
{
	struct line *l = *state;

	send_frames(l, 64, true, 5000 * MB);
	assert_int_equal(l->packed, 0);
}

static void a_slow_line_is_packed_after_a_window(void **state)
{
	struct line *l = *state;

	send_frames(l, 16, true, 1 * MB);
	assert_int_equal(l->packed, 0);
	/* the first of these is the sample; the window in which it lies ends before packing begins */
	send_frames(l, 17, true, 1 * MB);
	send_frames(l, 64, true, 1 * MB);
	assert_int_equal(l->plain, 0);
}

static void a_line_that_becomes_fast_is_plain_again_in_the_end(void **state)
{
	struct line *l = *state;

	send_frames(l, 64, true, 1 * MB);
	send_frames(l, 2500, true, 5000 * MB);
	send_frames(l, 16, true, 5000 * MB);
	assert_int_equal(l->packed, 0);
}

static void a_slow_reader_is_not_helped_by_packing(void **state)
{
	struct line *l = *state;

	l->busy = true;
	send_frames(l, 128, true, 1 * MB);
	/* one window is tried; the next trial is far away */
	send_frames(l, 512, true, 1 * MB);
	assert_int_equal(l->packed, 0);
	/* and when it is the line after all, that is found out */
	l->busy = false;
	send_frames(l, 1024, true, 1 * MB);
	send_frames(l, 64, true, 1 * MB);
	assert_int_equal(l->plain, 0);
}

static void a_line_that_nobody_waits_for_is_left_plain(void **state)
{
	struct line *l = *state;

	send_frames(l, 64, true, 1 * MB);
	wire_packer_hold(l->packer, true);
	send_frames(l, 1200, true, 1 * MB);
	assert_int_equal(l->packed, 0);
	/* it is known as before when it is waited for again */
	wire_packer_hold(l->packer, false);
	send_frames(l, 16, true, 1 * MB);
	assert_int_not_equal(l->packed, 0);
}

static void what_cannot_be_shortened_goes_plain(void **state)
{
	struct line *l = *state;

	send_frames(l, 64, false, 1 * MB);
	send_frames(l, 64, false, 1 * MB);
	assert_in_range(l->packed, 0, 1);
	/* and mail that can, after photographs, is found out in the course of time */
	send_frames(l, 1024, true, 1 * MB);
	send_frames(l, 64, true, 1 * MB);
	assert_int_equal(l->plain, 0);
}

static void a_block_cut_at_any_octet_wants_more(void **state)
{
	struct line *l = *state;
	AUTO_BUF struct buf blocks = { 0 }, got = { 0 };
	struct error err = { 0 };
	size_t used;

	wire_pack(l->packer, SPAN("eighteen octets..."), &blocks);
	for (size_t n = 0; n < blocks.n; n++)
		assert_int_equal(
			wire_unpack(l->unpacker, (struct span){ blocks.p, n }, &got, &used, &err),
			0);
	assert_int_equal(wire_unpack(l->unpacker, buf_span(&blocks), &got, &used, &err), 1);
	assert_int_equal(used, blocks.n);
	assert_string_equal(buf_text(&got), "eighteen octets...");
}

static void bad_blocks_are_refused(void **state)
{
	static const struct span blocks[] = {
		SPAN("\2\1\0\0\0x"),                    /* of no kind */
		SPAN("\0\0\0\0\0"),                     /* of nothing */
		SPAN("\0\1\0\x10\0"),                   /* plain, longer than may be */
		SPAN("\1\xff\xff\xff\x7f"),             /* packed, longer than may be */
		SPAN("\1\4\0\0\0abcd"),                 /* no zstd */
		SPAN("\1\5\0\0\0\x28\xb5\x2f\xfd\xff"), /* a broken frame of it */
	};

	for (size_t i = 0; i < ROWS(blocks); i++) {
		AUTO_WIRE_UNPACKER struct wire_unpacker *u = wire_unpacker_new();
		AUTO_BUF struct buf got = { 0 };
		struct error err = { 0 };
		size_t used;
		int result = wire_unpack(u, blocks[i], &got, &used, &err);

		/* the last one may still become whole */
		assert_true(result == -1 || (i == 5 && got.n == 0));
	}
}

static void a_bomb_gives_one_block_and_no_more(void **state)
{
	AUTO_WIRE_PACKER struct wire_packer *p = wire_packer_new();
	AUTO_WIRE_UNPACKER struct wire_unpacker *u = wire_unpacker_new();
	AUTO_BUF struct buf zeros = { 0 }, blocks = { 0 }, both = { 0 }, got = { 0 };
	struct error err = { 0 };
	size_t used;

	memset(buf_room(&zeros, WIRE_BLOCK_MAX), 0, WIRE_BLOCK_MAX);
	buf_grown(&zeros, WIRE_BLOCK_MAX);
	/* a slow line, so that it packs */
	for (int i = 0; i < 12; i++) {
		buf_reset(&blocks);
		wire_pack(p, buf_span(&zeros), &blocks);
		wire_pack_sent(p, WIRE_PACK_WINDOW,
		               blocks.p[0] == WIRE_BLOCK_ZSTD ? 1000000000 : 10000000000);
		assert_int_equal(wire_unpack(u, buf_span(&blocks), &got, &used, &err), 1);
	}
	assert_int_equal(blocks.p[0], WIRE_BLOCK_ZSTD);
	/* two of them under one header */
	buf_add_span(&both, buf_span(&blocks));
	size_t first = both.n;
	wire_pack(p, buf_span(&zeros), &both);
	size_t second = both.n - first - WIRE_BLOCK_HEADER_SIZE;
	memmove(both.p + first, both.p + first + WIRE_BLOCK_HEADER_SIZE, second);
	size_t size = first - WIRE_BLOCK_HEADER_SIZE + second;
	both.p[1] = (char)size;
	both.p[2] = (char)(size >> 8);
	/* the first of both was taken before; a fresh stream would not know it */
	blocks.n = 0;
	buf_add(&blocks, both.p, WIRE_BLOCK_HEADER_SIZE + size);
	assert_int_equal(wire_unpack(u, buf_span(&blocks), &got, &used, &err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

UNIT_TESTS("wire/pack", TEST(packing_pays_on_lines_slower_than_half_of_what_it_saves),
           TEST(a_fast_line_stays_plain), TEST(a_slow_line_is_packed_after_a_window),
           TEST(a_line_that_becomes_fast_is_plain_again_in_the_end),
           TEST(what_cannot_be_shortened_goes_plain), TEST(a_slow_reader_is_not_helped_by_packing),
           TEST(a_line_that_nobody_waits_for_is_left_plain),
           TEST(a_block_cut_at_any_octet_wants_more), TEST(bad_blocks_are_refused),
           TEST(a_bomb_gives_one_block_and_no_more));
