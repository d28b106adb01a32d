/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/remote/far.h"

#include "base/clock.h"

#define SIZE (24u << 20)

/* A file of SIZE octets on the far host: words, or octets that no zstd makes shorter. */
static char *make_file(bool words)
{
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };
	char *path = far_below("big");
	uint64_t x = 88172645463325252;

	while (text.n < SIZE) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (words)
			buf_addf(&text, "Received: from mx%u.example.org by mail.example.org\n",
			         (unsigned)(x % 1000));
		else
			buf_add(&text, &x, sizeof x);
	}
	assert_good(file_write_path_durable(path, 0600, (struct span){ text.p, SIZE }, &err), &err);
	return path;
}

/* Reads the file at so many octets a second; returns how many travelled. */
static uint64_t read_at(struct host *h, const char *path, uint64_t rate)
{
	const struct host_limit limit = { .octets_per_s = rate };
	uint64_t before = host_octets_read(h);
	AUTO_BUF struct buf far = { 0 }, here = { 0 };
	struct error err = { 0 };

	assert_good(host_set_limit(h, &limit, &err), &err);
	assert_good(host_read(h, path, SIZE, &far, &err), &err);
	assert_good(file_read(path, SIZE, &here, &err), &err);
	assert_true(span_equal(buf_span(&far), buf_span(&here)));
	return host_octets_read(h) - before;
}

static void a_slow_line_is_packed_and_a_fast_one_is_not(void **state)
{
	AUTO_FREE char *path = make_file(true);
	AUTO_HOST struct host *h = NULL;
	struct error err = { 0 };

	(void)state;
	assert_good(far_open(&h, &err), &err);
	assert_int_equal(host_hello(h)->features, WIRE_FEATURE_ZSTD);
	/* the limit is a slow line for the agent, which finds that out after the first 4 MB */
	assert_in_range(read_at(h, path, 8000000), SIZE / 50, SIZE / 2);
}

static void what_zstd_cannot_shorten_travels_as_it_is(void **state)
{
	AUTO_FREE char *path = make_file(false);
	AUTO_HOST struct host *h = NULL;
	struct error err = { 0 };

	(void)state;
	assert_good(far_open(&h, &err), &err);
	assert_in_range(read_at(h, path, 16000000), SIZE, SIZE + SIZE / 1000);
}

static void an_agent_of_this_machine_never_packs(void **state)
{
	const struct host_place place = { .name = "new", .reach = HOST_FOLDER, .target = far_top };
	AUTO_FREE char *path = make_file(true);
	AUTO_HOST struct host *h = NULL;
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_non_null(path);
	assert_good(host_open(&h, &place, &err), &err);
	assert_int_equal(host_hello(h)->features, 0);
	assert_good(host_read(h, "/big", SIZE, &out, &err), &err);
	assert_true(host_octets_read(h) > SIZE);
}

static void the_limit_is_kept(void **state)
{
	AUTO_FREE char *path = make_file(false);
	AUTO_HOST struct host *h = NULL;
	AUTO_BUF struct buf out = { 0 };
	const struct host_limit limit = { .octets_per_s = 4000000 };
	struct error err = { 0 };
	int64_t began;
	uint64_t size;

	(void)state;
	assert_good(far_open(&h, &err), &err);
	assert_good(host_set_limit(h, &limit, &err), &err);
	began = clock_monotonic_ms();
	assert_good(host_read_part(h, path, 0, 4000000, &out, &size, &err), &err);
	/* never faster; how much slower depends on the machine */
	assert_true(clock_monotonic_ms() - began >= 950);
	assert_good(host_set_limit(h, NULL, &err), &err);
	assert_good(host_read(h, path, SIZE, &out, &err), &err);
}

static void packing_goes_on_after_the_agent_was_lost(void **state)
{
	AUTO_FREE char *path = make_file(true);
	AUTO_HOST struct host *h = NULL;
	struct error err = { 0 };

	(void)state;
	assert_good(far_open(&h, &err), &err);
	assert_good(host_reopen(h, &err), &err);
	assert_in_range(read_at(h, path, 8000000), SIZE / 50, SIZE / 2);
}

/* ── resting ─────────────────────────────────────────────────────────────────────────────────── */

struct told {
	struct host *h;
	char *load_path;
	char why[200];
	unsigned times, ends;
};

static void write_load(const char *path, const char *load)
{
	AUTO_FREE char *text = xasprintf("%s 1.00 1.00 1/100 4711\n", load);
	struct error err = { 0 };

	assert_good(file_write_path_durable(path, 0644, span_of(text), &err), &err);
}

static void told(void *context, const char *why)
{
	struct told *t = context;

	if (!why) {
		t->ends++;
		return;
	}
	t->times++;
	snprintf(t->why, sizeof t->why, "%s", why);
	write_load(t->load_path, "1.50");
}

static int ignore_data(void *context, struct span body, struct error *err)
{
	return 0;
}

/* A scan of a mailbox on a host whose /proc/loadavg is ours to write. */
static void an_agent_rests_while_its_host_is_busy(void **state)
{
	AUTO_FREE char *proc = far_below("proc");
	AUTO_FREE char *cur = far_below("cur");
	AUTO_FREE char *load = far_below("proc/loadavg");
	const struct host_place place = { .name = "old", .reach = HOST_FOLDER, .target = far_top };
	struct told t = { .load_path = load };
	const struct host_limit limit = { .load = 400, .resting = told, .context = &t };
	AUTO_BUF struct buf body = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(mkdir(proc, 0755), 0);
	assert_int_equal(mkdir(cur, 0755), 0);
	write_load(load, "9.25");
	AUTO_HOST struct host *h = NULL;
	assert_good(host_open(&h, &place, &err), &err);
	assert_good(host_set_limit(h, &limit, &err), &err);
	/* user, home, root, inbox, format, layout: wire/mailbox.h */
	wire_put_text(&body, "alice");
	wire_put_text(&body, "/");
	wire_put_text(&body, "/");
	wire_put_text(&body, "");
	wire_put_u64(&body, 0);
	wire_put_u64(&body, 0);
	assert_good(
		host_call(h, (enum wire_kind)40, buf_span(&body), ignore_data, NULL, NULL, &err),
		&err);
	assert_int_equal(t.times, 1);
	assert_int_equal(t.ends, 1);
	assert_string_equal(t.why, "load average is 9.25, the bound is 4.00");
	/* what is not about reading mail never waits */
	write_load(load, "99.00");
	assert_true(host_has(h, "/cur"));
	assert_int_equal(t.times, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, far_set_up, far_tear_down)

UNIT_TESTS("remote/limit", TEST(a_slow_line_is_packed_and_a_fast_one_is_not),
           TEST(what_zstd_cannot_shorten_travels_as_it_is),
           TEST(an_agent_of_this_machine_never_packs), TEST(the_limit_is_kept),
           TEST(packing_goes_on_after_the_agent_was_lost),
           TEST(an_agent_rests_while_its_host_is_busy));
