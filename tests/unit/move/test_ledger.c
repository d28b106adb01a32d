/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/ledger.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* A message with at most one delivery; all text is borrowed. */
struct entry {
	const char *id, *message_id;
	enum mta_log_status status; /* MTA_STATUS_NONE: no delivery */
	const char *relay, *text;
	bool removed;
};

static struct logs logs_of(const struct entry *entries, size_t n)
{
	struct logs l = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &entries[i];
		struct mta_log_event event = { .kind = MTA_LOG_CLIENT,
			                       .id = span_of(e->id),
			                       .message_id = span_of(e->message_id),
			                       .to = SPAN("a@example.org"),
			                       .relay = span_of(e->relay),
			                       .text = span_of(e->text),
			                       .status = e->status,
			                       .at_ms = 1 };

		logs_add(&l, &event);
		event.kind = MTA_LOG_MESSAGE_ID;
		logs_add(&l, &event);
		event.kind = MTA_LOG_DELIVERY;
		if (e->status != MTA_STATUS_NONE)
			logs_add(&l, &event);
		event.kind = MTA_LOG_REMOVED;
		if (e->removed)
			logs_add(&l, &event);
	}
	return l;
}

#define QUEUE_MS 1000000 /* long after all of these came */

static void sum(const struct logs *old, const struct logs *new, struct ledger_mailboxes *mailboxes,
                const struct ledger_carried *carried, size_t carried_n, const struct strings *queue,
                struct ledger *out)
{
	ledger_sum(&(struct ledger_sources){ old, new, mailboxes, carried, carried_n, queue,
	                                     QUEUE_MS, 0 },
	           out);
}

#define LMTP "mail.example.org[private/dovecot-lmtp]"
#define SENT MTA_STATUS_SENT
#define DEFERRED MTA_STATUS_DEFERRED

struct sum {
	uint64_t in_mailbox, passed_on, to_program, in_queue, bounced, unaccounted;
};

/* One message in each case: on the old side, or on the new one. */
static void each_delivery_is_accounted_for_by_what_is_seen(void **state)
{
	static const struct {
		struct entry e;
		const char *in_mailboxes; /* a Message-ID that is there, or NULL */
		const char *queued;
		struct sum want;
	} rows[] = {
		{ { "A", "<1>", SENT, LMTP, "250 saved", true }, "<1>", NULL, { .in_mailbox = 1 } },
		{ { "A", "<1>", SENT, LMTP, "250 saved", true }, NULL, NULL, { .unaccounted = 1 } },
		{ { "A", "<1>", SENT, LMTP, "250 saved", true },
		  "<2>",
		  NULL,
		  { .unaccounted = 1 } },
		{ { "A", "<1>", SENT, "mx.example.com[192.0.2.1]:25", "250 ok", true },
		  NULL,
		  NULL,
		  { .passed_on = 1 } },
		{ { "A", "<1>", SENT, "local", "delivered to command: /bin/x", true },
		  NULL,
		  NULL,
		  { .to_program = 1 } },
		/* a deliverer is a program too, and what it stored is in a mailbox */
		{ { "A", "<1>", SENT, "local", "delivered to command: lda", true },
		  "<1>",
		  NULL,
		  { .in_mailbox = 1 } },
		{ { "A", "<1>", DEFERRED, "none", "refused", false },
		  NULL,
		  "A",
		  { .in_queue = 1 } },
		{ { "A", "<1>", DEFERRED, "none", "refused", false },
		  NULL,
		  NULL,
		  { .unaccounted = 1 } },
		{ { "A", "<1>", MTA_STATUS_BOUNCED, "none", "no", true },
		  NULL,
		  NULL,
		  { .bounced = 1 } },
		{ { "A", "<1>", MTA_STATUS_NONE, "", "", false },
		  NULL,
		  NULL,
		  { .unaccounted = 1 } },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_LOGS struct logs none = { 0 }, new = logs_of(&rows[i].e, 1);
		AUTO_LEDGER struct ledger l = { 0 };
		AUTO_STRINGS struct strings queue = { 0 };
		struct ledger_mailboxes *b = ledger_mailboxes_new();

		if (rows[i].in_mailboxes)
			ledger_mailboxes_add(b, rows[i].in_mailboxes, 1);
		if (rows[i].queued)
			strings_add(&queue, rows[i].queued);
		sum(&none, &new, b, NULL, 0, &queue, &l);
		ledger_mailboxes_free(b);
		struct sum got = { l.in_mailbox, l.passed_on, l.to_program,
			           l.in_queue,   l.bounced,   l.unaccounted };
		if (memcmp(&got, &rows[i].want, sizeof got) != 0)
			fail_msg("row %zu: %s", i, buf_text(&l.names));
		assert_int_equal(l.accepted_new, 1);
	}
}

static void a_second_delivery_needs_a_second_copy(void **state)
{
	const struct entry two[] = { { "A", "<1>", SENT, LMTP, "250", true },
		                     { "B", "<1>", SENT, LMTP, "250", true } };
	AUTO_LOGS struct logs none = { 0 }, new = logs_of(two, 2);
	AUTO_LEDGER struct ledger l = { 0 };
	struct strings queue = { 0 };
	struct ledger_mailboxes *b = ledger_mailboxes_new();

	(void)state;
	ledger_mailboxes_add(b, "<1>", 1);
	sum(&none, &new, b, NULL, 0, &queue, &l);
	ledger_mailboxes_free(b);
	assert_int_equal(l.in_mailbox, 1);
	assert_int_equal(l.unaccounted, 1);
	assert_non_null(strstr(buf_text(&l.names), "B <1>"));
}

static void a_carried_message_goes_on_under_its_new_id(void **state)
{
	const struct entry before[] = { { "OLD", "<1>", DEFERRED, "none", "later", false } };
	/* no cleanup(8), so no Message-ID in the new log */
	const struct entry after[] = { { "NEW", "", SENT, LMTP, "250", true } };
	const struct ledger_carried carried[] = { { "OLD", "NEW" } };
	AUTO_LOGS struct logs old = logs_of(before, 1), new = logs_of(after, 1), none = { 0 };
	AUTO_LEDGER struct ledger l = { 0 }, lost = { 0 };
	struct strings queue = { 0 };
	struct ledger_mailboxes *b = ledger_mailboxes_new();

	(void)state;
	ledger_mailboxes_add(b, "<1>", 1);
	sum(&old, &new, b, carried, 1, &queue, &l);
	assert_int_equal(l.accepted_old, 1);
	assert_int_equal(l.accepted_new, 0);
	assert_int_equal(l.carried, 1);
	assert_int_equal(l.in_mailbox, 1);
	assert_int_equal(l.unaccounted, 0);

	sum(&old, &none, b, carried, 1, &queue, &lost);
	ledger_mailboxes_free(b);
	assert_int_equal(lost.unaccounted, 1);
}

/* Short queue ids come again, for another message, once the first has left the queue. */
static void an_id_that_comes_again_is_another_message(void **state)
{
	const struct entry twice[] = { { "A", "<1>", SENT, LMTP, "250", true },
		                       { "A", "<2>", DEFERRED, "none", "later", false } };
	AUTO_LOGS struct logs l = logs_of(twice, 2);

	(void)state;
	assert_int_equal(l.n, 2);
	assert_string_equal(l.rows[0].message_id, "<1>");
	assert_string_equal(logs_find(&l, "A")->message_id, "<2>");
	assert_null(logs_find(&l, "B"));
}

static void ten_thousand_messages_are_found_again(void **state)
{
	AUTO_LOGS struct logs l = { 0 };
	char id[16];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(id, sizeof id, "Q%d", i);
		logs_add(&l, &(struct mta_log_event){ .kind = MTA_LOG_CLIENT, .id = span_of(id) });
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(id, sizeof id, "Q%d", i);
		assert_string_equal(logs_find(&l, id)->id, id);
	}
}

#define BEGAN_MS 100000000000
#define DAY_MS 86400000LL

static void tell(struct logs *l, enum mta_log_kind kind, int64_t at_ms, enum mta_log_status status)
{
	logs_add(l, &(struct mta_log_event){ .kind = kind,
	                                     .id = SPAN("A"),
	                                     .message_id = SPAN("<1>"),
	                                     .to = status == SENT ? SPAN("a@example.org")
	                                                          : SPAN("b@example.org"),
	                                     .relay = SPAN(LMTP),
	                                     .status = status,
	                                     .at_ms = at_ms });
}

/* A message of before is in the account when it was in a queue as that began. */
static void the_account_begins_with_what_was_in_a_queue(void **state)
{
	static const struct {
		int64_t accepted, delivered, removed; /* before the account's begin; 0: never */
		enum mta_log_status status;
		uint64_t accepted_old, in_mailbox, before, bounced, unaccounted;
	} rows[] = {
		{ 9000, 8000, 7000, SENT, 0, 0, 0, 0, 0 },
		{ 9000, 8000, -7000, SENT, 1, 0, 1, 0, 0 }, /* b@ had to wait, say */
		{ 9000, -8000, -9000, SENT, 1, 1, 0, 0, 0 },
		{ 9000, -8000, -9000, MTA_STATUS_BOUNCED, 1, 0, 0, 1, 0 },
		{ 9000, 8000, 0, DEFERRED, 1, 0, 0, 0, 1 },
		{ 6 * DAY_MS, 5 * DAY_MS, 0, DEFERRED, 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_LOGS struct logs none = { 0 }, old = { 0 };
		AUTO_LEDGER struct ledger l = { 0 };
		struct ledger_mailboxes *b = ledger_mailboxes_new();
		struct strings queue = { 0 };

		ledger_mailboxes_add(b, "<1>", 1);
		tell(&old, MTA_LOG_MESSAGE_ID, BEGAN_MS - rows[i].accepted, MTA_STATUS_NONE);
		tell(&old, MTA_LOG_DELIVERY, BEGAN_MS - rows[i].delivered, rows[i].status);
		if (rows[i].removed)
			tell(&old, MTA_LOG_REMOVED, BEGAN_MS - rows[i].removed, MTA_STATUS_NONE);
		ledger_sum(&(struct ledger_sources){ .old = &old,
		                                     .new = &none,
		                                     .mailboxes = b,
		                                     .queue = &queue,
		                                     .queue_ms = BEGAN_MS + DAY_MS,
		                                     .began_ms = BEGAN_MS },
		           &l);
		ledger_mailboxes_free(b);
		if (l.accepted_old != rows[i].accepted_old || l.in_mailbox != rows[i].in_mailbox ||
		    l.before != rows[i].before || l.bounced != rows[i].bounced ||
		    l.unaccounted != rows[i].unaccounted)
			fail_msg("row %zu: %s", i, ledger_json(&l));
	}
}

/* The log that told of its Message-ID is rotated away. */
static void a_delivery_without_a_name_is_counted_as_one(void **state)
{
	const struct entry e[] = { { "A", "", SENT, LMTP, "250", true },
		                   { "B", "", SENT, "mx.example.com[192.0.2.1]:25", "250", true } };
	AUTO_LOGS struct logs none = { 0 }, old = logs_of(e, 2);
	AUTO_LEDGER struct ledger l = { 0 };
	struct ledger_mailboxes *b = ledger_mailboxes_new();
	struct strings queue = { 0 };

	(void)state;
	sum(&old, &none, b, NULL, 0, &queue, &l);
	ledger_mailboxes_free(b);
	assert_int_equal(l.unnamed, 1);
	assert_int_equal(l.passed_on, 1);
	assert_int_equal(l.unaccounted, 0);
	assert_non_null(strstr(buf_text(&l.names), "old: A"));
}

static void a_log_that_cannot_be_read_keeps_the_account_open(void **state)
{
	AUTO_LOGS struct logs old = { 0 }, new = { 0 };
	AUTO_LEDGER struct ledger l = { 0 };
	struct strings queue = { 0 };
	struct ledger_mailboxes *b = ledger_mailboxes_new();

	(void)state;
	buf_add_text(&old.words, "read /var/log/mail.log.1: Input/output error");
	sum(&old, &new, b, NULL, 0, &queue, &l);
	ledger_mailboxes_free(b);
	assert_int_equal(l.unaccounted, 1);
	assert_non_null(strstr(buf_text(&l.names), "old: a log that could not be read: read /var"));
}

static void who_only_asks_who_is_there_brings_no_message(void **state)
{
	AUTO_LOGS struct logs asked = { 0 }, brought = { 0 }, none = { 0 };
	AUTO_LEDGER struct ledger of_old = { 0 }, of_new = { 0 }, of_brought = { 0 };
	struct ledger_mailboxes *b = ledger_mailboxes_new();
	struct strings queue = { 0 };

	(void)state;
	tell(&asked, MTA_LOG_CLIENT, 1, MTA_STATUS_NONE);
	sum(&asked, &none, b, NULL, 0, &queue, &of_old);
	assert_int_equal(of_old.accepted_old + of_old.unaccounted, 0);
	sum(&none, &asked, b, NULL, 0, &queue, &of_new);
	assert_int_equal(of_new.accepted_new + of_new.unaccounted, 0);

	/* one whose Message-ID is empty is one */
	tell(&brought, MTA_LOG_CLIENT, 1, MTA_STATUS_NONE);
	tell(&brought, MTA_LOG_MESSAGE_ID, 1, MTA_STATUS_NONE);
	sum(&none, &brought, b, NULL, 0, &queue, &of_brought);
	assert_int_equal(of_brought.unaccounted, 1);
	ledger_mailboxes_free(b);
}

/* A message that came after the queue was looked at has not been lost. */
static void what_is_too_young_to_have_been_seen_is_under_way(void **state)
{
	AUTO_LOGS struct logs none = { 0 }, new = { 0 };
	AUTO_LEDGER struct ledger l = { 0 };
	struct strings queue = { 0 };
	struct ledger_mailboxes *b = ledger_mailboxes_new();

	(void)state;
	logs_add(&new, &(struct mta_log_event){
			       .kind = MTA_LOG_CLIENT, .id = SPAN("A"), .at_ms = QUEUE_MS });
	sum(&none, &new, b, NULL, 0, &queue, &l);
	ledger_mailboxes_free(b);
	assert_int_equal(l.in_queue, 1);
	assert_int_equal(l.unaccounted, 0);
}

UNIT_TESTS("move/ledger", cmocka_unit_test(each_delivery_is_accounted_for_by_what_is_seen),
           cmocka_unit_test(a_second_delivery_needs_a_second_copy),
           cmocka_unit_test(a_carried_message_goes_on_under_its_new_id),
           cmocka_unit_test(an_id_that_comes_again_is_another_message),
           cmocka_unit_test(ten_thousand_messages_are_found_again),
           cmocka_unit_test(the_account_begins_with_what_was_in_a_queue),
           cmocka_unit_test(a_delivery_without_a_name_is_counted_as_one),
           cmocka_unit_test(a_log_that_cannot_be_read_keeps_the_account_open),
           cmocka_unit_test(who_only_asks_who_is_there_brings_no_message),
           cmocka_unit_test(what_is_too_young_to_have_been_seen_is_under_way));
