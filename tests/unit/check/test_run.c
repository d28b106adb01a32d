/* SPDX-License-Identifier: BSD-2-Clause */

/* Servers, resolvers and hosts that answer slowly, falsely or not at all. */

#include "base/clock.h"
#include "check/check.h"
#include "unit/check/fake.h"

#define STEP_MS 3000 /* a machine under load answers within that, too */
#define HERE 1u      /* from 127.0.0.1 to there is from itself to itself */
#define THERE 2u

static uint16_t port;
static struct config config;
static const struct check_limits limits = { .step_ms = STEP_MS, .whole_ms = 8 * STEP_MS };

static int open_nothing(void *context, unsigned through, struct host *hosts[2], struct move *m,
                        struct error *err)
{
	return 0;
}

static struct check_site site_at(unsigned last)
{
	struct check_site s = {
		.config = &config, .step_ms = STEP_MS, .port = port, .window = CHECK_AFTER
	};

	strings_addf(&s.addresses[CHECK_OLD], "127.0.0.%u", last);
	strings_addf(&s.addresses[CHECK_NEW], "127.0.0.%u", last);
	strings_add(&s.domains, "example.org");
	strings_add(&s.recipients, "people@example.org");
	return s;
}

/* Asks all SMTP questions of a server of this kind; the answers as "takes unknown relay greeting". */
static void expect(enum fake_kind kind, unsigned last, const char *expected, const char *why)
{
	static const struct check_question questions[] = {
		{ .id = "takes", .ask = check_takes, .through = CHECK_BY_NET },
		{ .id = "unknown", .ask = check_refuses_unknown, .through = CHECK_BY_NET },
		{ .id = "relay", .ask = check_refuses_relay, .through = CHECK_BY_NET },
		{ .id = "greeting", .ask = check_greeting, .through = CHECK_BY_NET },
		{ .id = "starttls", .ask = check_starttls, .through = CHECK_BY_NET },
	};
	static const char letters[] = { 'Y', 'N', '?', '-' };
	pid_t pid = fake_start_any(kind, last, &port);
	AUTO_CHECK_SITE struct check_site site = site_at(last);
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	AUTO_BUF struct buf got = { 0 }, seen = { 0 };
	struct error err = { 0 };

	for (size_t i = 0; i < ROWS(questions); i++)
		check_steps_add(&steps, &questions[i], CHECK_NEW);
	assert_good(check_run(&steps, &site, &limits, open_nothing, NULL, &err), &err);
	fake_end(pid);
	for (size_t i = 0; i < steps.n; i++) {
		assert_true(steps.rows[i].done);
		buf_add_char(&got, letters[steps.rows[i].answer]);
		buf_addf(&seen, "%s: %s\n", steps.rows[i].question->id,
		         buf_text(&steps.rows[i].seen));
	}
	if (strcmp(buf_text(&got), expected) != 0)
		fail_msg("%s instead of %s:\n%s", buf_text(&got), expected, buf_text(&seen));
	if (!strstr(buf_text(&seen), why))
		fail_msg("\"%s\" is not in:\n%s", why, buf_text(&seen));
}

static void test_a_good_server_passes(void **state)
{
	expect(FAKE_GOOD, THERE, "YYYYN", "offers no STARTTLS");
}

static void test_one_that_takes_everything_is_an_open_relay(void **state)
{
	expect(FAKE_OPEN, THERE, "YNNYN", "250 2.1.5 ok");
}

static void test_what_it_relays_for_itself_says_nothing(void **state)
{
	expect(FAKE_OPEN, HERE, "YN?YN", "asked from the host itself");
}

static void test_one_that_lets_all_wait_is_not_known(void **state)
{
	/* whom it lets wait, it does not relay for */
	expect(FAKE_GREY, THERE, "??YYN", "450 4.7.1 later");
}

static void test_one_that_says_nothing_is_not_known(void **state)
{
	expect(FAKE_SILENT, THERE, "?????", "the server says nothing");
}

static void test_one_that_falls_silent_is_not_known(void **state)
{
	expect(FAKE_MIDWAY, THERE, "???YN", "the server says nothing");
}

static void test_one_that_resets_is_not_known(void **state)
{
	expect(FAKE_RESET, THERE, "?????", "Connection reset");
}

static void test_one_that_speaks_no_smtp_is_not_known(void **state)
{
	expect(FAKE_NOT_SMTP, THERE, "?????", "port");
}

static void test_one_that_never_ends_its_line_is_not_known(void **state)
{
	expect(FAKE_ENDLESS, THERE, "?????", "port");
}

static void test_one_that_drips_is_not_waited_for(void **state)
{
	expect(FAKE_DRIP, THERE, "?????", "timed out");
}

static void test_one_that_greets_with_a_refusal_is_not_known(void **state)
{
	expect(FAKE_BANNER, THERE, "?????", "554 5.3.2");
}

static enum check_answer wait_of(enum fake_kind kind, int64_t since_ms, struct buf *seen)
{
	static const struct check_question q = { .id = "wait",
		                                 .ask = check_greylist,
		                                 .through = CHECK_BY_NET };
	pid_t pid = fake_start_any(kind, THERE, &port);
	AUTO_CHECK_SITE struct check_site site = site_at(THERE);
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	struct error err = { 0 };

	config.check.greylist = 3600;
	site.waits_since_ms[CHECK_OLD] = since_ms;
	check_steps_add(&steps, &q, CHECK_OLD);
	assert_good(check_run(&steps, &site, &limits, open_nothing, NULL, &err), &err);
	fake_end(pid);
	buf_reset(seen);
	buf_add_span(seen, buf_span(&steps.rows[0].seen));
	return steps.rows[0].answer;
}

static void test_one_that_lets_all_wait_is_not_known_until_it_is_for_ever(void **state)
{
	AUTO_BUF struct buf seen = { 0 };

	assert_int_equal(wait_of(FAKE_GREY, 0, &seen), CHECK_UNKNOWN);
	assert_non_null(strstr(buf_text(&seen), CHECK_TOLD_TO_WAIT));
	/* an earlier run was told so two hours ago */
	assert_int_equal(wait_of(FAKE_GREY, clock_wall_ms() - 7200000, &seen), CHECK_NO);
	assert_int_equal(wait_of(FAKE_GOOD, clock_wall_ms() - 7200000, &seen), CHECK_YES);
	assert_non_null(strstr(buf_text(&seen), "at the latest 2 h"));
	assert_int_equal(wait_of(FAKE_GOOD, 0, &seen), CHECK_YES);
	assert_non_null(strstr(buf_text(&seen), "at once"));
}

static void test_a_page_that_drips_is_not_waited_for(void **state)
{
	static const struct check_question q = { .id = "pages",
		                                 .ask = check_pages,
		                                 .through = CHECK_BY_NET };
	pid_t pid = fake_start_any(FAKE_WEB_DRIP, THERE, &port);
	AUTO_CHECK_SITE struct check_site site = site_at(THERE);
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	AUTO_FREE char *url = xasprintf("http://www.example.org:%u/", port);
	struct error err = { 0 };

	config.check.pages = &url;
	config.check.pages_count = 1;
	check_steps_add(&steps, &q, CHECK_OLD);
	assert_good(check_run(&steps, &site, &limits, open_nothing, NULL, &err), &err);
	fake_end(pid);
	config.check.pages_count = 0;
	assert_int_equal(steps.rows[0].answer, CHECK_UNKNOWN);
	assert_non_null(strstr(buf_text(&steps.rows[0].seen), "timed out"));
}

static void test_one_whose_tls_is_none_is_not_known(void **state)
{
	expect(FAKE_BAD_TLS, THERE, "YYYY?", "TLS handshake");
}

static void test_nobody_there_is_a_no_unless_it_is_still_to_come(void **state)
{
	static const struct check_question q = { .id = "greeting",
		                                 .ask = check_greeting,
		                                 .through = CHECK_BY_NET };
	pid_t pid = fake_start_any(FAKE_GOOD, HERE, &port); /* only the port is wanted */
	AUTO_CHECK_SITE struct check_site site = site_at(THERE);
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	struct error err = { 0 };

	site.window = CHECK_PRE;
	check_steps_add(&steps, &q, CHECK_OLD);
	check_steps_add(&steps, &q, CHECK_NEW);
	assert_good(check_run(&steps, &site, &limits, open_nothing, NULL, &err), &err);
	fake_end(pid);
	assert_int_equal(steps.rows[0].answer, CHECK_NO);
	assert_int_equal(steps.rows[1].answer, CHECK_SKIPPED);
}

static void expect_resolver(enum fake_kind kind)
{
	static const struct check_question questions[] = {
		{ .id = "mx", .ask = check_mx, .through = CHECK_BY_NET },
		{ .id = "agree", .ask = check_agree, .through = CHECK_BY_NET },
		{ .id = "spf", .ask = check_spf, .through = CHECK_BY_NET },
		{ .id = "spf-new", .ask = check_spf_new, .through = CHECK_BY_NET },
		{ .id = "dmarc", .ask = check_dmarc, .through = CHECK_BY_NET },
		{ .id = "ptr", .ask = check_ptr, .through = CHECK_BY_NET },
		{ .id = "negative", .ask = check_negative, .through = CHECK_BY_NET },
	};
	uint16_t dns_port;
	pid_t pid = fake_start_any(kind, THERE, &dns_port);
	AUTO_CHECK_SITE struct check_site site = site_at(THERE);
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	struct error err = { 0 };

	dns_servers_add(&site.resolvers, NULL, "127.0.0.2", dns_port);
	for (size_t i = 0; i < ROWS(questions); i++)
		check_steps_add(&steps, &questions[i], CHECK_NEW);
	assert_good(check_run(&steps, &site, &limits, open_nothing, NULL, &err), &err);
	fake_end(pid);
	for (size_t i = 0; i < steps.n; i++) {
		if (steps.rows[i].answer != CHECK_UNKNOWN || !steps.rows[i].seen.n)
			fail_msg("%s: %s (%s)", steps.rows[i].question->id,
			         check_answer_name(steps.rows[i].answer),
			         buf_text(&steps.rows[i].seen));
	}
}

static void test_a_resolver_that_is_silent_leaves_all_unknown(void **state)
{
	expect_resolver(FAKE_DNS_SILENT);
}

static void test_a_resolver_that_lies_leaves_all_unknown(void **state)
{
	expect_resolver(FAKE_DNS_LIES);
}

/* ── hosts ───────────────────────────────────────────────────────────────────────────────────── */

static enum check_answer good(const struct check_asking *a, struct buf *seen)
{
	buf_add_text(seen, "fine");
	return CHECK_YES;
}

static enum check_answer hang(const struct check_asking *a, struct buf *seen)
{
	for (;;)
		pause();
	return CHECK_YES;
}

static enum check_answer die(const struct check_asking *a, struct buf *seen)
{
	raise(SIGKILL);
	return CHECK_YES;
}

static const struct check_question good_host = { .id = "good",
	                                         .ask = good,
	                                         .through = CHECK_BY_SIDE };
static const struct check_question hanging = { .id = "hang",
	                                       .ask = hang,
	                                       .through = CHECK_BY_SIDE };
static const struct check_question dying = { .id = "die", .ask = die, .through = CHECK_BY_SIDE };

/* The old host can't be opened: its ssh hangs. */
static int open_new_only(void *context, unsigned through, struct host *hosts[2], struct move *m,
                         struct error *err)
{
	while (through & CHECK_BY_OLD)
		pause();
	return 0;
}

static int open_fails(void *context, unsigned through, struct host *hosts[2], struct move *m,
                      struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0, "no route to it");
}

static void run(struct check_steps *steps, check_open_fn *open, int whole_ms)
{
	const struct check_limits short_ones = { .step_ms = STEP_MS, .whole_ms = whole_ms };
	AUTO_CHECK_SITE struct check_site site = site_at(THERE);
	struct error err = { 0 };

	assert_good(check_run(steps, &site, &short_ones, open, NULL, &err), &err);
	for (size_t i = 0; i < steps->n; i++)
		assert_true(steps->rows[i].done);
}

static void expect_unknown(const struct check_step *s, const char *why)
{
	assert_int_equal(s->answer, CHECK_UNKNOWN);
	if (!strstr(buf_text(&s->seen), why))
		fail_msg("\"%s\" is not in \"%s\"", why, buf_text(&s->seen));
}

static void test_a_host_that_hangs_holds_no_other(void **state)
{
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };

	check_steps_add(&steps, &good_host, CHECK_OLD);
	check_steps_add(&steps, &good_host, CHECK_OLD);
	check_steps_add(&steps, &good_host, CHECK_NEW);
	run(&steps, open_new_only, 20 * STEP_MS);
	expect_unknown(&steps.rows[0], "the host can't be opened");
	expect_unknown(&steps.rows[1], "the host can't be opened");
	assert_int_equal(steps.rows[2].answer, CHECK_YES);
}

static void test_a_host_that_fails_to_open_tells_why_for_each_question(void **state)
{
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };

	check_steps_add(&steps, &good_host, CHECK_OLD);
	check_steps_add(&steps, &good_host, CHECK_OLD);
	run(&steps, open_fails, 20 * STEP_MS);
	expect_unknown(&steps.rows[0], "no route to it");
	expect_unknown(&steps.rows[1], "no route to it");
}

static void test_a_question_that_hangs_or_dies_costs_only_itself(void **state)
{
	const struct check_question *bad[] = { &hanging, &dying };

	for (size_t i = 0; i < ROWS(bad); i++) {
		AUTO_CHECK_STEPS struct check_steps steps = { 0 };

		check_steps_add(&steps, &good_host, CHECK_NEW);
		check_steps_add(&steps, bad[i], CHECK_NEW);
		check_steps_add(&steps, &good_host, CHECK_NEW);
		run(&steps, open_nothing, 20 * STEP_MS);
		assert_int_equal(steps.rows[0].answer, CHECK_YES);
		expect_unknown(&steps.rows[1], i ? "signal 9" : "no answer within");
		assert_int_equal(steps.rows[2].answer, CHECK_YES);
		assert_string_equal(buf_text(&steps.rows[2].seen), "fine");
	}
}

static enum check_answer slow(const struct check_asking *a, struct buf *seen)
{
	clock_sleep_ms(100);
	buf_addf(seen, "%lld", (long long)clock_monotonic_ms());
	return CHECK_YES;
}

static enum check_answer burden(const struct check_asking *a, struct buf *seen)
{
	buf_addf(seen, "%lld", (long long)clock_monotonic_ms());
	return CHECK_YES;
}

static void test_what_is_in_the_way_of_others_comes_behind_them(void **state)
{
	static const struct check_question alone = { .id = "burden",
		                                     .ask = burden,
		                                     .through = CHECK_BY_NET | CHECK_ALONE };
	static const struct check_question other = { .id = "slow",
		                                     .ask = slow,
		                                     .through = CHECK_BY_NET };
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };

	check_steps_add(&steps, &alone, CHECK_OLD);
	check_steps_add(&steps, &alone, CHECK_NEW);
	check_steps_add(&steps, &other, CHECK_OLD);
	run(&steps, open_nothing, 20 * STEP_MS);
	for (size_t i = 0; i < 2; i++)
		assert_true(atoll(buf_text(&steps.rows[i].seen)) >=
		            atoll(buf_text(&steps.rows[2].seen)));
}

static void test_the_whole_ends_in_its_time(void **state)
{
	static const struct check_question alone = { .id = "hang",
		                                     .ask = hang,
		                                     .through = CHECK_BY_NET };
	/* one by one, so that most never start */
	const struct check_limits one_by_one = { .step_ms = 1000, .whole_ms = 5000, .together = 1 };
	AUTO_CHECK_SITE struct check_site site = site_at(THERE);
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	struct error err = { 0 };

	for (int i = 0; i < 40; i++)
		check_steps_add(&steps, &alone, CHECK_NEW);
	assert_good(check_run(&steps, &site, &one_by_one, open_nothing, NULL, &err), &err);
	expect_unknown(&steps.rows[0], "no answer within");
	expect_unknown(&steps.rows[39], "the time for the whole check was over");
}

UNIT_TESTS("run", cmocka_unit_test(test_a_good_server_passes),
           cmocka_unit_test(test_one_that_takes_everything_is_an_open_relay),
           cmocka_unit_test(test_what_it_relays_for_itself_says_nothing),
           cmocka_unit_test(test_one_that_lets_all_wait_is_not_known),
           cmocka_unit_test(test_one_that_says_nothing_is_not_known),
           cmocka_unit_test(test_one_that_falls_silent_is_not_known),
           cmocka_unit_test(test_one_that_resets_is_not_known),
           cmocka_unit_test(test_one_that_speaks_no_smtp_is_not_known),
           cmocka_unit_test(test_one_that_never_ends_its_line_is_not_known),
           cmocka_unit_test(test_one_that_drips_is_not_waited_for),
           cmocka_unit_test(test_one_that_greets_with_a_refusal_is_not_known),
           cmocka_unit_test(test_one_that_lets_all_wait_is_not_known_until_it_is_for_ever),
           cmocka_unit_test(test_a_page_that_drips_is_not_waited_for),
           cmocka_unit_test(test_one_whose_tls_is_none_is_not_known),
           cmocka_unit_test(test_nobody_there_is_a_no_unless_it_is_still_to_come),
           cmocka_unit_test(test_a_resolver_that_is_silent_leaves_all_unknown),
           cmocka_unit_test(test_a_resolver_that_lies_leaves_all_unknown),
           cmocka_unit_test(test_a_host_that_hangs_holds_no_other),
           cmocka_unit_test(test_a_host_that_fails_to_open_tells_why_for_each_question),
           cmocka_unit_test(test_a_question_that_hangs_or_dies_costs_only_itself),
           cmocka_unit_test(test_what_is_in_the_way_of_others_comes_behind_them),
           cmocka_unit_test(test_the_whole_ends_in_its_time));
