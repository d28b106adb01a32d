/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "spool/spool.h"
#include "unit/files.h"
#include "unit/spool/letters.h"
#include "unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/mailhaul-spool-XXXXXX";

static void fresh_folder(void)
{
	files_remove(folder);
	memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
}

static unsigned told_n;
static char told_last[512];

static void told(void *context, const char *what)
{
	told_n++;
	snprintf(told_last, sizeof told_last, "%s", what);
}

static struct spool_options options(void)
{
	return (struct spool_options){ .path = folder, .segment_size = 1u << 20, .told = told };
}

static struct spool *must_open(void)
{
	struct spool_options o = options();
	struct spool *s = NULL;
	struct error err = { 0 };

	told_n = 0;
	assert_good(spool_open(&s, &o, &err), &err);
	return s;
}

/* ── waiting for one call ────────────────────────────────────────────────────────────────────── */

struct answer {
	unsigned n;
	enum spool_outcome outcome;
	uint64_t id;
};

static void answered(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct answer *a = context;

	a->n++;
	a->outcome = outcome;
	a->id = id;
}

static uint64_t put(struct spool *s, unsigned number, unsigned recipients, uint64_t octets)
{
	struct answer a = { 0 };

	letter_send(s, number, recipients, octets, answered, &a);
	assert_int_equal(a.n, 0);
	while (!a.n)
		spool_wait(s);
	assert_int_equal(a.outcome, SPOOL_DURABLE);
	return a.id;
}

static void settle(struct spool *s, uint64_t id, uint32_t recipient, enum spool_state state,
                   const char *reply, int64_t delay_ms)
{
	struct spool_result r = { recipient, state, span_of(reply) };
	struct answer a = { 0 };

	spool_settle(s, id, &r, 1, delay_ms, answered, &a);
	while (!a.n)
		spool_wait(s);
	assert_int_equal(a.outcome, SPOOL_DURABLE);
}

static uint64_t messages(const struct spool *s)
{
	struct spool_usage u;

	spool_usage(s, &u);
	return u.messages;
}

/* ── tests ───────────────────────────────────────────────────────────────────────────────────── */

static void test_what_was_durable_is_there_after_an_open(void **state)
{
	static const uint64_t sizes[] = {
		0, 1, 2000, 4096, 262143, 262144, 262145, 524288, 5000000
	};
	uint64_t ids[ROWS(sizes)];

	fresh_folder();
	struct spool *s = must_open();
	for (unsigned i = 0; i < ROWS(sizes); i++)
		ids[i] = put(s, i, 1 + 5 * i, sizes[i]);
	for (unsigned i = 0; i < ROWS(sizes); i++)
		assert_int_equal(letter_check(s, ids[i]), i);
	spool_close(s);
	s = must_open();
	assert_int_equal(told_n, 0);
	assert_int_equal(messages(s), ROWS(sizes));
	for (unsigned i = 0; i < ROWS(sizes); i++)
		assert_int_equal(letter_check(s, ids[i]), i);
	spool_close(s);
}

static void test_messages_are_due_in_the_order_of_arrival(void **state)
{
	struct spool_due due;
	uint64_t ids[5];

	fresh_folder();
	struct spool *s = must_open();
	for (unsigned i = 0; i < 5; i++)
		ids[i] = put(s, i, 1, 100);
	spool_close(s);
	s = must_open();
	for (unsigned i = 0; i < 5; i++) {
		assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
		assert_int_equal(due.id, ids[i]);
	}
	assert_false(spool_take_due(s, clock_monotonic_ms(), &due));
	assert_int_equal(spool_next_due_ms(s), INT64_MAX);
	spool_put_back(s, ids[3]);
	spool_put_back(s, ids[1]);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	assert_int_equal(due.id, ids[1]);
	spool_close(s);
}

static void test_a_deferred_message_comes_back_when_its_time_has_come(void **state)
{
	struct spool_due due;
	struct spool_item item;
	int64_t now;

	fresh_folder();
	struct spool *s = must_open();
	uint64_t id = put(s, 1, 2, 100);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	settle(s, id, 0, SPOOL_PENDING, "450 4.2.0 Greylisted", 1000000);
	spool_close(s);
	s = must_open();
	now = clock_monotonic_ms();
	assert_false(spool_take_due(s, now, &due));
	assert_true(spool_find(s, id, &item));
	assert_true(item.delay_ms > 900000 && item.delay_ms <= 1000000);
	assert_true(spool_next_due_ms(s) > now + 900000);
	assert_true(spool_take_due(s, now + 1000001, &due));
	assert_int_equal(due.attempts, 1);
	assert_int_equal(due.pending, 2);
	spool_close(s);
}

static void test_a_message_is_gone_when_all_its_recipients_have_it(void **state)
{
	struct spool_due due;
	uint32_t n;

	fresh_folder();
	struct spool *s = must_open();
	uint64_t id = put(s, 1, 3, 100);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	settle(s, id, 1, SPOOL_DELIVERED, "250 2.0.0 Ok", 0);
	spool_close(s);
	s = must_open();
	assert_memory_equal(spool_states(s, id, &n), "\0\1\0", 3);
	assert_int_equal(n, 3);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	assert_int_equal(due.pending, 2);
	settle(s, id, 0, SPOOL_DELIVERED, "250 2.0.0 Ok", 0);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	settle(s, id, 2, SPOOL_HELD, "550 5.1.1 No such user", 0);
	assert_false(spool_take_due(s, clock_monotonic_ms(), &due));
	assert_int_equal(messages(s), 1);
	assert_true(spool_release(s, id, NULL, NULL));
	assert_false(spool_release(s, id, NULL, NULL));
	while (!spool_take_due(s, clock_monotonic_ms(), &due))
		spool_wait(s);
	settle(s, id, 2, SPOOL_DELIVERED, "250 2.0.0 Ok", 0);
	assert_int_equal(messages(s), 0);
	assert_null(spool_states(s, id, &n));
	spool_close(s);
	s = must_open();
	assert_int_equal(messages(s), 0);
	while (files_count(folder) > 2) /* the lock, and the newest segment */
		spool_wait(s);
	spool_close(s);
}

struct history {
	unsigned n;
	char text[1000];
};

static void see_event(void *context, const struct spool_event *e)
{
	struct history *h = context;
	size_t at = strlen(h->text);

	h->n++;
	snprintf(h->text + at, sizeof h->text - at, "%u %d %.*s; ", e->recipient, (int)e->state,
	         (int)e->reply.n, e->reply.p);
}

static void test_what_servers_have_said_is_on_record(void **state)
{
	struct history h = { 0 };
	struct error err = { 0 };
	struct spool_due due;

	fresh_folder();
	struct spool *s = must_open();
	uint64_t id = put(s, 1, 2, 100);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	settle(s, id, 0, SPOOL_PENDING, "450 4.2.0 later", 1);
	spool_close(s);
	s = must_open();
	while (!spool_take_due(s, clock_monotonic_ms(), &due))
		;
	settle(s, id, 0, SPOOL_HELD, "550 5.7.1 no", 0);
	assert_good(spool_history(s, id, see_event, &h, &err), &err);
	assert_string_equal(h.text, "0 2 550 5.7.1 no; 0 0 450 4.2.0 later; ");
	spool_close(s);
}

static void test_on_hold_nothing_is_due(void **state)
{
	struct spool_options o;
	struct spool_due due;
	struct spool *s = NULL;
	struct error err = { 0 };

	fresh_folder();
	o = options();
	o.hold = true;
	assert_good(spool_open(&s, &o, &err), &err);
	put(s, 1, 1, 100);
	assert_false(spool_take_due(s, clock_monotonic_ms(), &due));
	spool_set_hold(s, false);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	spool_close(s);
}

static void test_two_never_have_one_spool_but_one_may_look(void **state)
{
	struct spool_options o;
	struct spool *other = NULL;
	struct error err = { 0 };

	fresh_folder();
	o = options();
	struct spool *s = must_open();
	uint64_t id = put(s, 7, 1, 3000);
	assert_fails(spool_open(&other, &o, &err), &err, "another process");
	assert_int_equal(err.retry, ERROR_RETRY_LATER);
	assert_good(spool_view(&other, &o, &err), &err);
	assert_int_equal(messages(other), 1);
	assert_int_equal(letter_check(other, id), 7);
	assert_int_equal(told_n, 0);
	put(s, 8, 1, 100);
	spool_close(other);
	spool_close(s);
}

static void test_a_spool_that_is_full_takes_nothing(void **state)
{
	struct spool_options o;
	struct spool *s = NULL;
	struct error err = { 0 };

	fresh_folder();
	o = options();
	o.size_max = 200000;
	assert_good(spool_open(&s, &o, &err), &err);
	assert_int_equal(spool_may_take(s, 100000), SPOOL_DURABLE);
	assert_int_equal(spool_may_take(s, 300000), SPOOL_FULL);
	put(s, 1, 1, 150000);
	assert_int_equal(spool_may_take(s, 100000), SPOOL_FULL);
	struct spool_ticket *t = spool_begin(s);
	(void)spool_add(t, (struct span){ folder, 10 });
	assert_int_equal(spool_may_take(s, 0), SPOOL_DURABLE);
	for (int i = 0; i < 10000; i++)
		(void)spool_add(t, (struct span){ folder, 10 });
	assert_int_equal(spool_may_take(s, 0), SPOOL_FULL);
	spool_abandon(t);
	assert_int_equal(spool_may_take(s, 0), SPOOL_DURABLE);
	spool_close(s);
	o.size_max = 0;
	o.reserve = (uint64_t)1 << 60;
	assert_good(spool_open(&s, &o, &err), &err);
	assert_int_equal(spool_may_take(s, 1), SPOOL_FULL);
	spool_close(s);
}

static void test_a_small_spool_takes_again_what_was_given_out(void **state)
{
	struct spool_options o;
	struct spool *s = NULL;
	struct spool_due due;
	struct error err = { 0 };
	uint64_t held;

	fresh_folder();
	o = options();
	o.size_max = 4000000;
	assert_good(spool_open(&s, &o, &err), &err);
	held = put(s, 0, 1, 1000);
	assert_true(spool_hold(s, held, "a person", NULL, NULL));
	for (unsigned i = 1; i < 100; i++) {
		while (spool_may_take(s, 300000) != SPOOL_DURABLE)
			spool_wait(s);
		uint64_t id = put(s, i, 1, 300000);
		assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
		assert_int_equal(due.id, id);
		settle(s, id, 0, SPOOL_DELIVERED, "250 2.0.0 Ok", 0);
	}
	assert_int_equal(messages(s), 1);
	spool_close(s);
}

static void test_what_has_no_recipient_is_refused(void **state)
{
	struct smtp_envelope e = { 0 };
	struct smtp_peer peer = { 0 };
	struct answer a = { 0 };

	fresh_folder();
	struct spool *s = must_open();
	smtp_text_set(&e.sender, SPAN(""));
	spool_finish(spool_begin(s), &e, &peer, answered, &a);
	assert_int_equal(a.n, 0);
	while (!a.n)
		spool_wait(s);
	assert_int_equal(a.outcome, SPOOL_FAILED);
	assert_int_equal(messages(s), 0);
	smtp_envelope_fini(&e);
	spool_close(s);
}

static void test_a_forgotten_ticket_is_kept_and_tells_nobody(void **state)
{
	struct answer a = { 0 };

	fresh_folder();
	struct spool *s = must_open();
	letter_send(s, 3, 1, 700000, answered, &a);
	spool_forget(s, &a);
	spool_close(s);
	assert_int_equal(a.n, 0);
	s = must_open();
	assert_int_equal(messages(s), 1);
	spool_close(s);
}

static bool check_one(void *context, const struct spool_item *item)
{
	uint64_t *ids = context;

	while (*ids)
		ids++;
	*ids = item->due.id;
	return true;
}

static unsigned check_all(struct spool *s)
{
	uint64_t ids[64] = { 0 };
	unsigned n = 0;

	spool_each(s, check_one, ids);
	for (; ids[n]; n++)
		(void)letter_check(s, ids[n]);
	return n;
}

/* Held mail alone would keep all segments; it is moved, and they go. */
static void test_a_held_message_keeps_no_other(void **state)
{
	struct spool_usage u;
	struct spool_due due;
	struct history h = { 0 };
	struct error err = { 0 };
	uint64_t held, large;

	fresh_folder();
	struct spool *s = must_open();
	held = put(s, 1000, 2, 100);
	large = put(s, 1001, 1, 600000);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	settle(s, held, 1, SPOOL_DELIVERED, "250 2.0.0 Ok", 0);
	assert_true(spool_hold(s, held, "a person", NULL, NULL));
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	assert_int_equal(due.id, large);
	settle(s, large, 0, SPOOL_PENDING, "450 4.0.0 later", 10000000);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t id = put(s, i, 1, 100000);

		assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
		assert_int_equal(due.id, id);
		settle(s, id, 0, SPOOL_DELIVERED, "250 2.0.0 Ok", 0);
	}
	spool_usage(s, &u);
	assert_true(u.segments <= 6);
	assert_int_equal(check_all(s), 2);
	assert_good(spool_history(s, held, see_event, &h, &err), &err);
	assert_string_equal(h.text, "0 2 a person; 1 1 250 2.0.0 Ok; ");
	spool_close(s);
	s = must_open();
	assert_int_equal(told_n, 0);
	assert_int_equal(check_all(s), 2);
	assert_false(spool_take_due(s, clock_monotonic_ms(), &due));
	assert_true(spool_take_due(s, clock_monotonic_ms() + 10000001, &due));
	assert_int_equal(due.id, large);
	assert_int_equal(due.attempts, 1);
	spool_close(s);
}

static void ready(void *context)
{
	(*(unsigned *)context)++;
}

static void test_a_message_is_fetched_without_waiting(void **state)
{
	const struct smtp_envelope *e;
	const struct smtp_peer *peer;
	struct error err = { 0 };
	struct span octets;
	uint64_t at = 0;
	unsigned n = 0;

	fresh_folder();
	struct spool *s = must_open();
	uint64_t id = put(s, 9, 1, 1000000);
	struct spool_reader *r = spool_reader_open(s, id);
	for (unsigned i = 1;; i++) {
		spool_fetch(r, ready, &n);
		while (n < i)
			spool_wait(s);
		if (i == 1)
			assert_int_equal(spool_read_envelope(r, false, &e, &peer, &err), SPOOL_OK);
		enum spool_read got = spool_read_next(r, false, &octets, &err);
		if (got == SPOOL_END)
			break;
		assert_int_equal(got, SPOOL_OK);
		at += octets.n;
	}
	assert_int_equal(at, 1000000);
	spool_reader_close(r);
	spool_close(s);
}

/* ── damage ──────────────────────────────────────────────────────────────────────────────────── */

/* The oldest segment that holds something. */
static char *first_segment(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char *best = NULL;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, ".segment") &&
		    (!best || strcmp(entry->d_name, best + strlen(folder) + 1) < 0)) {
			free(best);
			best = xasprintf("%s/%s", folder, entry->d_name);
		}
	closedir(dir);
	return best;
}

static void spoil(const char *path, uint64_t at, size_t n)
{
	int fd = open(path, O_RDWR);
	char bytes[512];

	assert_true(fd >= 0 && n <= sizeof bytes);
	assert_int_equal(pread(fd, bytes, n, (off_t)at), n);
	for (size_t i = 0; i < n; i++)
		bytes[i] ^= 0x5a;
	assert_int_equal(pwrite(fd, bytes, n, (off_t)at), n);
	close(fd);
}

/* Every place of a segment is spoiled in turn: at most one message is lost by that. */
static void test_a_damaged_record_costs_itself_only(void **state)
{
	AUTO_BUF struct buf good = { 0 };
	AUTO_FREE char *path = NULL;
	struct error err = { 0 };
	unsigned lost = 0;
	struct stat st;

	fresh_folder();
	struct spool *s = must_open();
	for (unsigned i = 0; i < 12; i++)
		put(s, i, 1, 100 + 300 * i);
	spool_close(s);
	path = first_segment();
	assert_good(file_read(path, 1u << 20, &good, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	for (uint64_t at = 0; at + 64 < good.n; at += 509) {
		AUTO_FREE char *damaged = xasprintf("%s/damaged", folder);
		unsigned n;

		files_remove(folder);
		assert_int_equal(mkdir(folder, 0700), 0);
		assert_good(file_write_path_durable(path, 0600, buf_span(&good), &err), &err);
		spoil(path, at, 16);
		s = must_open();
		n = check_all(s);
		assert_true(n == 12 || n == 11);
		lost += 12 - n;
		if (n == 11) {
			assert_int_equal(told_n, 1);
			assert_non_null(strstr(told_last, "damaged message"));
			assert_int_equal(files_count(damaged), 1);
		}
		spool_close(s);
	}
	assert_true(lost >= 12);
}

static void test_octets_that_look_like_a_record_are_none(void **state)
{
	AUTO_BUF struct buf whole = { 0 };
	AUTO_FREE char *path = NULL;
	struct smtp_envelope e = { 0 };
	struct smtp_peer peer = { 0 };
	struct answer a = { 0 };
	struct error err = { 0 };
	struct spool_ticket *t;

	/* a message whose octets are a segment with a message */
	fresh_folder();
	struct spool *s = must_open();
	put(s, 1, 1, 100);
	spool_close(s);
	path = first_segment();
	assert_good(file_read(path, 1u << 20, &whole, &err), &err);
	fresh_folder();
	s = must_open();
	letter_make(2, 1, &e, &peer);
	t = spool_begin(s);
	(void)spool_add(t, buf_span(&whole));
	spool_finish(t, &e, &peer, answered, &a);
	put(s, 3, 1, 100);
	spool_close(s);
	assert_int_equal(a.outcome, SPOOL_DURABLE);
	free(path);
	path = first_segment();
	spoil(path, 4096 + 8, 1); /* the header of that message */
	s = must_open();
	assert_int_equal(messages(s), 1);
	assert_int_equal(check_all(s), 1);
	spool_close(s);
	smtp_envelope_fini(&e);
	smtp_peer_fini(&peer);
}

static void test_a_message_with_a_damaged_result_is_held(void **state)
{
	AUTO_FREE char *path = NULL;
	struct spool_due due;
	struct spool_item item;

	fresh_folder();
	struct spool *s = must_open();
	uint64_t id = put(s, 1, 2, 100);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	settle(s, id, 0, SPOOL_DELIVERED, "250 2.0.0 Ok", 0);
	put(s, 2, 1, 100);
	spool_close(s);
	path = first_segment();
	spoil(path, 2 * 4096 + 40, 8); /* what the result says */
	s = must_open();
	assert_true(spool_find(s, id, &item));
	assert_int_equal(item.held, 2);
	assert_true(spool_take_due(s, clock_monotonic_ms(), &due));
	assert_int_not_equal(due.id, id);
	spool_close(s);
}

static void test_a_later_version_is_left_alone(void **state)
{
	AUTO_FREE char *path = NULL;
	struct spool_options o;
	struct spool *s;
	struct error err = { 0 };
	int fd;

	fresh_folder();
	o = options();
	s = must_open();
	put(s, 1, 1, 100);
	spool_close(s);
	path = first_segment();
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "MhS2", 4, 0), 4);
	close(fd);
	assert_fails(spool_open(&s, &o, &err), &err, "later version");
	assert_int_equal(err.retry, ERROR_RETRY_NEVER);
}

static int clean(void **state)
{
	files_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_durable_is_there_after_an_open),
		cmocka_unit_test(test_messages_are_due_in_the_order_of_arrival),
		cmocka_unit_test(test_a_deferred_message_comes_back_when_its_time_has_come),
		cmocka_unit_test(test_a_message_is_gone_when_all_its_recipients_have_it),
		cmocka_unit_test(test_what_servers_have_said_is_on_record),
		cmocka_unit_test(test_on_hold_nothing_is_due),
		cmocka_unit_test(test_two_never_have_one_spool_but_one_may_look),
		cmocka_unit_test(test_a_spool_that_is_full_takes_nothing),
		cmocka_unit_test(test_a_small_spool_takes_again_what_was_given_out),
		cmocka_unit_test(test_what_has_no_recipient_is_refused),
		cmocka_unit_test(test_a_forgotten_ticket_is_kept_and_tells_nobody),
		cmocka_unit_test(test_a_held_message_keeps_no_other),
		cmocka_unit_test(test_a_message_is_fetched_without_waiting),
		cmocka_unit_test(test_a_damaged_record_costs_itself_only),
		cmocka_unit_test(test_octets_that_look_like_a_record_are_none),
		cmocka_unit_test(test_a_message_with_a_damaged_result_is_held),
		cmocka_unit_test(test_a_later_version_is_left_alone),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, clean);
}
