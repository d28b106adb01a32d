/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/fingerprint.h"
#include "lists/settings.h"
#include "lists/vanished.h"
#include "lists/vanished_table.h"
#include "unit/lists/hosts.h"

#include <stdio.h>
#include <string.h>

#define POSTS 500u

/* Every post but each hundredth went all the way. */
static void write_logs(void)
{
	AUTO_BUF struct buf vette = { 0 }, post = { 0 };

	for (unsigned i = 0; i < POSTS; i++) {
		buf_addf(&vette,
		         "Nov 21 15:%02u:00 2020 (1) Talk post from a@x.example held, "
		         "message-id=<%u@x.example>: no\n"
		         "Nov 21 15:%02u:01 2020 (1) talk: held message approved, message-id: "
		         "<%u@x.example>\n",
		         i % 60, i, i % 60, i);
		if (i % 100 != 7)
			buf_addf(
				&post,
				"Nov 21 14:%02u:00 2020 (1) post to talk from a@x.example, size=1, "
				"message-id=<%u@x.example>, success\n",
				i % 60, i);
	}
	hosts_write("/m/logs/vette", buf_text(&vette));
	hosts_write("/m/logs/post", buf_text(&post));
	hosts_mkdir("/m/lists");
	hosts_mkdir("/m/data");
}

static void check(size_t most, unsigned passes)
{
	AUTO_LISTS_VANISHED struct lists_vanished v = { 0 };
	struct lists_installation mailman = { 0 };
	struct lists_site site = { 0 };
	struct error err = { 0 };
	const struct lists_trace_host host = {
		.name = "old", .h = hosts_host(false), .mailman = &mailman, .site = &site
	};

	lists_paths_default(&mailman.paths, "/m", NULL);
	assert_good(lists_vanished_read(&v, &host, &site, 1, most, &err), &err);
	assert_int_equal(v.n, POSTS / 100);
	assert_int_equal(v.approved, POSTS);
	assert_int_equal(v.held, POSTS);
	for (size_t i = 0; i < v.n; i++) {
		assert_int_equal(v.rows[i].kind, LISTS_VANISHED_APPROVED);
		assert_non_null(strstr(v.rows[i].id, "07@x.example") ?: strstr(v.rows[i].id, "7@"));
		assert_string_equal(v.rows[i].list, "talk");
		assert_string_equal(v.rows[i].sender, "a@x.example");
		assert_null(v.rows[i].doubt);
	}
	assert_true(v.passes == passes || (passes > 1 && v.passes > 1));
	lists_site_fini(&site);
	lists_paths_fini(&mailman.paths);
}

static void test_those_that_are_nowhere_are_found(void **state)
{
	write_logs();
	check(0, 1);
}

static void test_few_places_cost_passes_and_no_post(void **state)
{
	write_logs();
	check(POSTS / 10, 2);
	check(POSTS / 3, 2);
}

static void test_a_table_forgets_what_it_may(void **state)
{
	struct vanished_table t = { .most = 1000, .parts = 1, .forgets = true };

	for (uint64_t i = 1; i <= 100000; i++) {
		const struct vanished_entry e = { .id = i * 0x9e3779b97f4a7c15u,
			                          .list = 1,
			                          .kind = 1 };

		vanished_put(&t, &e);
		assert_non_null(vanished_get(&t, e.id, 1, NULL));
		if (i % 2000)
			vanished_found(&t, e.id, 0);
	}
	assert_false(t.is_full);
	assert_true(t.places <= 4096);
	for (uint64_t i = 2000; i <= 100000; i += 2000)
		assert_int_equal(vanished_get(&t, i * 0x9e3779b97f4a7c15u, 1, NULL)->kind, 1);
	vanished_table_fini(&t);
}

static void test_a_later_trace_takes_the_place_of_an_earlier_one(void **state)
{
	struct vanished_table t = { .most = 10, .parts = 1 };
	struct vanished_entry e = { .id = 5, .list = 1, .sender = 9, .kind = LISTS_VANISHED_HELD };

	vanished_put(&t, &e);
	e = (struct vanished_entry){ .id = 5, .list = 1, .kind = LISTS_VANISHED_ACCEPTED };
	vanished_put(&t, &e);
	assert_int_equal(vanished_get(&t, 5, 1, NULL)->kind, LISTS_VANISHED_HELD);
	e.kind = LISTS_VANISHED_APPROVED;
	vanished_put(&t, &e);
	assert_int_equal(vanished_get(&t, 5, 1, NULL)->kind, LISTS_VANISHED_APPROVED);
	assert_int_equal(vanished_get(&t, 5, 1, NULL)->sender, 9);
	e.list = 2;
	vanished_put(&t, &e);
	vanished_found(&t, 5, 2);
	assert_int_equal(vanished_get(&t, 5, 1, NULL)->kind, LISTS_VANISHED_APPROVED);
	vanished_found(&t, 5, 0);
	assert_int_equal(vanished_get(&t, 5, 1, NULL)->kind, 0);
	for (uint64_t i = 100; i < 120; i++)
		vanished_put(&t, &(struct vanished_entry){ .id = i, .list = 1, .kind = 1 });
	assert_true(t.is_full);
	vanished_table_fini(&t);
}

static void test_fingerprints_are_those_of_the_bare_id(void **state)
{
	struct vanished_table t = { .key = { 1, 2 }, .parts = 1 };
	/* SipHash-2-4's own first test vectors */
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };

	assert_int_equal(vanished_id(&t, SPAN(" <a@x> ")), vanished_id(&t, SPAN("a@x")));
	assert_int_equal(vanished_list(&t, SPAN("Talk")), vanished_list(&t, SPAN("talk")));
	assert_true(lists_fingerprint(key, SPAN("")) == 0x726fdb47dd0e0e31u);
	assert_true(lists_fingerprint(key, (struct span){ "\0\1\2\3\4\5\6\7", 8 }) ==
	            0x93f5f5799a932462u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOSTS_TEST(test_those_that_are_nowhere_are_found),
		HOSTS_TEST(test_few_places_cost_passes_and_no_post),
		cmocka_unit_test(test_a_table_forgets_what_it_may),
		cmocka_unit_test(test_a_later_trace_takes_the_place_of_an_earlier_one),
		cmocka_unit_test(test_fingerprints_are_those_of_the_bare_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
