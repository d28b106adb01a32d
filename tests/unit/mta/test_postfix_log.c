/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mta/postfix_log.h"

#include <string.h>

#define NEAR 1795374000000 /* 22 November 2026, 19:00 UTC */

static struct mta_log_event read_line(const char *line)
{
	struct mta_log_event e;

	if (postfix_log_line(span_of(line), NEAR, &e) != 1)
		fail_msg("no event: %s", line);
	return e;
}

/* Lines as Postfix 3.7 wrote them, with other names. */
static void each_kind_of_line_becomes_its_event(void **state)
{
	static const struct {
		const char *line;
		enum mta_log_kind kind;
		const char *id, *program;
	} rows[] = {
		{ "Nov 22 18:53:40 mail postfix/smtpd[23620]: connect from "
		  "mx.example.com[192.0.2.11]",
		  MTA_LOG_CONNECT, "", "smtpd" },
		{ "Nov 22 18:53:40 mail postfix/smtpd[23620]: disconnect from "
		  "mx.example.com[192.0.2.11] ehlo=1 mail=1 quit=1 commands=3",
		  MTA_LOG_DISCONNECT, "", "smtpd" },
		{ "2026-11-22T18:53:40.123456+00:00 mail postfix/submission/smtpd[2]: 921032CEBF: "
		  "client=pc[192.0.2.5], sasl_method=PLAIN, sasl_username=alice",
		  MTA_LOG_CLIENT, "921032CEBF", "smtpd" },
		{ "Nov 22 19:03:25 mail postfix/pickup[141]: 7CBC211D3: uid=1001 "
		  "from=<alice@example.org>",
		  MTA_LOG_PICKUP, "7CBC211D3", "pickup" },
		{ "Nov 22 18:53:40 mail postfix/cleanup[12620]: 921032CEBF: "
		  "message-id=<a,b c@example.com>",
		  MTA_LOG_MESSAGE_ID, "921032CEBF", "cleanup" },
		{ "Nov 22 18:53:40 mail postfix/qmgr[412]: 4jXYkc6qsqz1d2YY: "
		  "from=<s6@example.com>, size=24717, nrcpt=2 (queue active)",
		  MTA_LOG_QUEUED, "4jXYkc6qsqz1d2YY", "qmgr" },
		{ "Nov 22 18:53:40 mail postfix/qmgr[412]: 921032CEBF: from=<a@example.com>, "
		  "status=expired, returned to sender",
		  MTA_LOG_EXPIRED, "921032CEBF", "qmgr" },
		{ "Nov 22 18:53:40 mail postfix/qmgr[412]: 921032CEBF: removed", MTA_LOG_REMOVED,
		  "921032CEBF", "qmgr" },
		{ "Nov 22 18:53:40 mail postfix/bounce[4]: 921032CEBF: sender non-delivery "
		  "notification: A00112233",
		  MTA_LOG_NOTICE, "921032CEBF", "bounce" },
		{ "Nov 22 19:03:25 mail postfix/postsuper[227]: 82854FDA: placed on hold",
		  MTA_LOG_HELD, "82854FDA", "postsuper" },
		{ "Nov 22 19:03:25 mail postfix/postsuper[227]: 82854FDA: removed", MTA_LOG_REMOVED,
		  "82854FDA", "postsuper" },
		{ "Nov 22 19:03:20 mail postfix/master[140]: daemon started -- version 3.7.11, "
		  "configuration /etc/postfix",
		  MTA_LOG_START, "", "master" },
		{ "Nov 22 19:03:20 mail postfix/master[140]: terminating on signal 15",
		  MTA_LOG_STOP, "", "master" },
		{ "Nov 22 19:03:20 mail postfix/smtpd[1]: NOQUEUE: reject: RCPT from "
		  "unknown[192.0.2.9]: 550 5.1.1 <x@example.org>: Recipient address rejected: "
		  "User unknown; from=<s@example.com> to=<x@example.org> proto=ESMTP helo=<h>",
		  MTA_LOG_REJECTED, "", "smtpd" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct mta_log_event e = read_line(rows[i].line);

		assert_int_equal(e.kind, rows[i].kind);
		assert_true(span_is(e.id, rows[i].id));
		assert_true(span_is(e.program, rows[i].program));
	}
}

static void a_delivery_tells_all(void **state)
{
	struct mta_log_event e = read_line(
		"Nov 22 19:03:25 mail postfix/smtp[214]: 7CBC211D3: to=<b@example.com>, "
		"orig_to=<list@example.org>, relay=mx.example.com[192.0.2.1]:25, conn_use=2, "
		"delay=0.18, delays=0.06/0.13/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued "
		"as 4F2A, or so)");

	(void)state;
	assert_int_equal(e.kind, MTA_LOG_DELIVERY);
	assert_int_equal(e.status, MTA_STATUS_SENT);
	assert_true(span_is(e.to, "b@example.com") && span_is(e.orig_to, "list@example.org"));
	assert_true(span_is(e.relay, "mx.example.com[192.0.2.1]:25") && span_is(e.dsn, "2.0.0"));
	assert_true(span_is(e.text, "250 2.0.0 Ok: queued as 4F2A, or so"));
	assert_true(span_is(e.queued_as, "4F2A"));
	assert_int_equal(e.pid, 214);
	assert_true(span_is(e.service, "postfix"));
}

static void addresses_with_commas_do_not_cut_the_line(void **state)
{
	struct mta_log_event e = read_line("Nov 22 19:03:25 m postfix/lmtp[2]: 7CBC211D3: to=<\"a, "
	                                   "status=bounced\"@example.org>, "
	                                   "relay=h[private/dovecot-lmtp], delay=1, dsn=4.2.0, "
	                                   "status=deferred (host said: 451 x)");

	(void)state;
	assert_int_equal(e.status, MTA_STATUS_DEFERRED);
	assert_true(span_is(e.to, "\"a, status=bounced\"@example.org"));
	assert_true(span_is(e.text, "host said: 451 x"));
}

static void fields_of_the_sender_are_read(void **state)
{
	struct mta_log_event e = read_line("Nov 22 18:53:40 mail postfix/qmgr[412]: 921032CEBF: "
	                                   "from=<>, size=24717, nrcpt=2 (queue active)");

	(void)state;
	assert_int_equal(e.size, 24717);
	assert_int_equal(e.recipients, 2);
	assert_int_equal(e.from.n, 0);
	e = read_line("Nov 22 19:03:25 mail postfix/pickup[141]: 7CBC211D3: uid=1001 from=<root>");
	assert_true(span_is(e.from, "root") && e.size == 1001);
	e = read_line("2026-11-22T18:53:40+00:00 mail postfix/submission/smtpd[2]: 921032CEBF: "
	              "client=pc[192.0.2.5], sasl_method=PLAIN, sasl_username=alice");
	assert_true(span_is(e.client, "pc[192.0.2.5]") && span_is(e.login, "alice"));
	assert_true(span_is(e.service, "postfix/submission"));
	assert_int_equal(e.at_ms, 1795373620000);
}

static void other_lines_are_no_events(void **state)
{
	static const char *const lines[] = {
		"",
		"Nov 22 19:03:25",
		"Nov 22 19:03:25 mail postfix/smtp[214]: connect to x[192.0.2.1]:25: refused",
		"Nov 22 19:03:25 mail postfix/smtpd[214]: warning: 7CBC211D3: to=<x>, status=sent",
		"Nov 22 19:03:25 mail dovecot: lmtp(1): Connect from local",
		"Nov 22 19:03:25 mail sshd[1]: 7CBC211D3: to=<x>, status=sent (y)",
		"Nov 22 19:03:25 mail postfix/smtp[214]: 7CBC211D3: to=<x>, relay=none",
		"Nov 22 19:03:25 mail postfix/qmgr[1]: warning: removed",
	};
	struct mta_log_event e;

	(void)state;
	for (size_t i = 0; i < ROWS(lines); i++)
		assert_int_equal(postfix_log_line(span_of(lines[i]), NEAR, &e), 0);
}

static void a_line_cut_at_every_octet_is_read(void **state)
{
	static const char line[] =
		"2026-11-22T18:53:40.5+00:00 mail postfix/submission/smtp[214]: 7CBC211D3: "
		"to=<\"b,c\"@example.com>, orig_to=<l@example.org>, relay=mx[192.0.2.1]:25, "
		"dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F2A)";
	struct mta_log_event e;

	(void)state;
	for (size_t n = 0; n < sizeof line; n++) {
		/* a copy of exactly n octets, so that a look behind its end is seen */
		AUTO_FREE char *copy = xmalloc(n + 1);

		memcpy(copy, line, n);
		(void)postfix_log_line((struct span){ copy, n }, NEAR, &e);
	}
}

UNIT_TESTS("mta/postfix_log", cmocka_unit_test(each_kind_of_line_becomes_its_event),
           cmocka_unit_test(a_delivery_tells_all),
           cmocka_unit_test(addresses_with_commas_do_not_cut_the_line),
           cmocka_unit_test(fields_of_the_sender_are_read),
           cmocka_unit_test(other_lines_are_no_events),
           cmocka_unit_test(a_line_cut_at_every_octet_is_read));
