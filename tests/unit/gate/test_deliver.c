/* SPDX-License-Identifier: BSD-2-Clause */

/* A real spool, given out to a server that answers as the recipient's name says. */

#include "gate/deliver.h"
#include "unit/gate/deliver_server.h"
#include "unit/unit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "smtp/envelope.h"
#include "spool/spool.h"

#include <ftw.h>
#include <signal.h>

#define XCLIENT "250-XCLIENT NAME ADDR PORT PROTO HELO\r\n"

struct fixture {
	char dir[64];
	struct loop loop;
	struct spool *spool;
	struct deliver *deliver;
	struct deliver_options options;
	struct deliver_server server;
	uv_poll_t ready;
	uv_timer_t look;
	struct buf log;
	bool (*enough)(struct fixture *f);
	size_t durable;
	bool late;
	int64_t until_ms;
};

static void keep_line(void *context, struct span line)
{
	struct fixture *f = context;

	buf_add_span(&f->log, line);
	buf_add_char(&f->log, '\n');
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct fixture *f = poll->data;

	(void)status, (void)events;
	spool_ready(f->spool);
}

static void on_look(uv_timer_t *timer)
{
	struct fixture *f = timer->data;

	if (clock_monotonic_ms() > f->until_ms)
		f->late = true;
	if (f->late || f->enough(f))
		loop_stop(&f->loop);
}

static void open_all(struct fixture *f)
{
	struct spool_options spool = { .path = f->dir };
	struct error err = { 0 };

	assert_good(spool_open(&f->spool, &spool, &err), &err);
	assert_good(loop_open(&f->loop, &err), &err);
	f->options.to = (struct sockaddr *)&f->server.at;
	f->options.to_size = sizeof f->server.at;
	f->options.to_text = "server";
	f->options.name = "gate.example.org";
	f->options.log = keep_line;
	f->options.context = f;
	assert_good(deliver_open(&f->deliver, &f->loop, f->spool, &f->options, &err), &err);
	uv_poll_init(&f->loop.uv, &f->ready, spool_ready_fd(f->spool));
	uv_timer_init(&f->loop.uv, &f->look);
	f->ready.data = f->look.data = f;
	uv_poll_start(&f->ready, UV_READABLE, on_ready);
	uv_timer_start(&f->look, on_look, 5, 5);
}

static struct fixture *begin(void)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	signal(SIGPIPE, SIG_IGN); /* the server writes to whoever has hung up */
	memcpy(f->dir, "/tmp/mailhaul-deliver.XXXXXX", 29);
	assert_non_null(mkdtemp(f->dir));
	f->server.offers = "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n" XCLIENT;
	deliver_server_bind(&f->server);
	/* short, so that a test sees the second attempt */
	f->options.retry_least_ms = 40;
	f->options.retry_most_ms = 80;
	return f;
}

static void close_all(struct fixture *f)
{
	loop_close(&f->loop);
	deliver_close(f->deliver);
	spool_close(f->spool);
	f->spool = NULL;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info, (void)kind, (void)where;
	return remove(path);
}

static void end(struct fixture *f)
{
	close_all(f);
	deliver_server_end(&f->server);
	buf_fini(&f->log);
	(void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
}

static void on_durable(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct fixture *f = context;

	(void)id, (void)why;
	assert_int_equal(outcome, SPOOL_DURABLE);
	f->durable++;
}

/* A message for each of the recipients (blanks between them) together. */
static void put_with(struct fixture *f, const char *client, const char *recipients,
                     const char *body, void (*more)(struct smtp_envelope *e))
{
	AUTO_SMTP_ENVELOPE struct smtp_envelope e = { .sender = xstrdup("from@example.net") };
	struct smtp_peer peer = { .helo = xstrdup("mail.example.net"),
		                  .name_state = SMTP_NAME_NONE,
		                  .esmtp = true,
		                  .from.port = 4321,
		                  .to.port = 25,
		                  .arrived_ms = clock_wall_ms() };
	struct span rest = span_of(recipients), one;
	struct spool_ticket *t = spool_begin(f->spool);
	size_t before = f->durable;

	memcpy(peer.from.address, client, strlen(client) + 1);
	memcpy(peer.to.address, "192.0.2.25", 11);
	while (span_next_word(&rest, &one))
		smtp_envelope_add(&e, one);
	if (more)
		more(&e);
	(void)spool_add(t, span_of(body));
	spool_finish(t, &e, &peer, on_durable, f);
	smtp_peer_fini(&peer);
	while (f->durable == before)
		spool_wait(f->spool);
}

static void put(struct fixture *f, const char *recipients, const char *body)
{
	put_with(f, "192.0.2.7", recipients, body, NULL);
}

static void run_until(struct fixture *f, bool (*enough)(struct fixture *f))
{
	f->enough = enough;
	f->until_ms = clock_monotonic_ms() + 120000;
	deliver_wake(f->deliver);
	loop_run(&f->loop);
	if (f->late)
		fail_msg("nothing more happens\n%s%s", buf_text(&f->log),
		         buf_text(&f->server.seen));
}

static bool is_empty(struct fixture *f)
{
	struct spool_usage usage;

	spool_usage(f->spool, &usage);
	return !usage.messages;
}

static bool has_held(struct fixture *f)
{
	struct spool_usage usage;

	spool_usage(f->spool, &usage);
	return usage.held && usage.messages == usage.held;
}

static bool fails(struct fixture *f)
{
	struct deliver_status status;

	deliver_status(f->deliver, &status);
	return status.failures && !status.sessions;
}

static bool settled(struct fixture *f)
{
	struct deliver_status status;

	deliver_status(f->deliver, &status);
	return status.delivered == 2 && status.held == 1;
}

static bool one_left(struct fixture *f)
{
	struct spool_usage usage;

	spool_usage(f->spool, &usage);
	return usage.messages == 1;
}

static bool two_looks(struct fixture *f)
{
	return ++f->durable >= 3;
}

static size_t count(const struct buf *text, const char *words)
{
	size_t n = 0;

	for (const char *p = buf_text(text); (p = strstr(p, words)); p += strlen(words))
		n++;
	return n;
}

static void messages_go_out_in_order_of_arrival_over_one_connection(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->options.sessions = 1;
	deliver_server_start(&f->server);
	open_all(f);
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *body = xasprintf("Subject: %02d\r\n\r\n.dot\r\n..\r\n", i);

		put(f, "a@example.org b@example.org", body);
	}
	run_until(f, is_empty);
	assert_int_equal(f->server.connections_n, 1);
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *body = xasprintf("Subject: %02d\r\n\r\n.dot\r\n..\r\n", i);

		assert_memory_equal(f->server.bodies.p + (size_t)i * strlen(body), body,
		                    strlen(body));
	}
	assert_int_equal(count(&f->log, "state=delivered"), 40);
	end(f);
}

static void the_server_is_told_who_the_client_was(void **state)
{
	struct fixture *f = begin();

	(void)state;
	deliver_server_start(&f->server);
	open_all(f);
	put_with(f, "192.0.2.7", "a@example.org", "\r\n", NULL);
	put_with(f, "2001:db8::7", "b@example.org", "\r\n", NULL);
	run_until(f, is_empty);
	assert_non_null(strstr(buf_text(&f->server.seen), "ADDR=192.0.2.7 "));
	assert_non_null(strstr(buf_text(&f->server.seen), "ADDR=IPV6:2001:db8::7 "));
	assert_non_null(strstr(buf_text(&f->server.seen), "HELO=mail.example.net"));
	assert_non_null(strstr(buf_text(&f->server.seen), "PORT=4321"));
	end(f);
}

static void a_connection_serves_one_client_where_xclient_is_said_once(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->server.xclient_once = true;
	f->options.sessions = 2;
	deliver_server_start(&f->server);
	open_all(f);
	for (int i = 0; i < 4; i++) {
		put_with(f, "192.0.2.7", "a@example.org", "x\r\n", NULL);
		put_with(f, "192.0.2.7", "a@example.org", "x\r\n", NULL);
		put_with(f, "192.0.2.8", "b@example.org", "y\r\n", NULL);
	}
	run_until(f, is_empty);
	assert_int_equal(count(&f->server.seen, "= 3\n"), 12);
	assert_int_equal(count(&f->log, "state=unreachable"), 0);
	assert_int_equal(count(&f->log, "state=deferred"), 0);
	assert_in_range(f->server.connections_n, 4, 12);
	end(f);
}

static void a_server_that_would_take_us_for_the_client_gets_nothing(void **state)
{
	struct fixture *f = begin();
	struct deliver_status status;

	(void)state;
	f->server.offers = "250-PIPELINING\r\n";
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "a@example.org", "\r\n");
	run_until(f, fails);
	deliver_status(f->deliver, &status);
	assert_non_null(strstr(status.why, "XCLIENT"));
	assert_int_equal(f->server.seen.n, 0);
	assert_int_equal(status.deferred, 0);
	end(f);
}

static void each_recipient_has_a_fate_of_its_own(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->server.later_left = 2;
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "good@example.org never@example.org later@example.org", "x\r\n");
	run_until(f, has_held);
	assert_int_equal(count(&f->server.seen, "RCPT TO:<good@"), 1);
	assert_int_equal(count(&f->server.seen, "RCPT TO:<never@"), 1);

	run_until(f, settled);
	assert_int_equal(count(&f->server.seen, "RCPT TO:<later@"), 3);
	assert_int_equal(count(&f->server.seen, "= 3\n"), 2);
	assert_non_null(strstr(buf_text(&f->log),
	                       "state=held from=\"from@example.net\" "
	                       "to=\"never@example.org\" client=\"192.0.2.7\" "
	                       "server=server reply=\"550 5.1.1 no such person\""));
	end(f);
}

static void nobody_but_a_person_releases_what_is_held(void **state)
{
	struct fixture *f = begin();
	struct deliver_status status;

	(void)state;
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "never@example.org", "x\r\n");
	run_until(f, has_held);
	close_all(f);
	open_all(f); /* it is on record */
	put(f, "good@example.org", "y\r\n");

	run_until(f, one_left);
	deliver_status(f->deliver, &status);
	assert_int_equal(status.delivered, 1);
	assert_int_equal(count(&f->server.seen, "RCPT TO:<never@"), 1);
	end(f);
}

static void a_message_that_breaks_connections_does_not_stop_the_others(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->options.sessions = 1;
	f->options.retry_least_ms = 600000;
	f->options.retry_most_ms = 600000;
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "cut@example.org", "x\r\n");
	for (int i = 0; i < 5; i++)
		put(f, "good@example.org", "y\r\n");
	run_until(f, one_left);
	assert_int_equal(count(&f->log, "state=deferred"), 1);
	assert_int_equal(count(&f->server.seen, "RCPT TO:<cut@"), 1);
	end(f);
}

static bool cut_twice(struct fixture *f)
{
	bool twice;

	pthread_mutex_lock(&f->server.lock);
	twice = count(&f->server.seen, "RCPT TO:<cut@") > 1;
	pthread_mutex_unlock(&f->server.lock);
	return twice;
}

static void a_message_alone_is_tried_again_when_its_connection_has_broken(void **state)
{
	struct fixture *f = begin();

	(void)state;
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "cut@example.org", "x\r\n");
	/* nothing else comes, is given out, or ends */
	run_until(f, cut_twice);
	end(f);
}

static void all_waits_for_a_server_that_is_away_and_costs_no_attempt(void **state)
{
	struct fixture *f = begin();

	(void)state;
	open_all(f); /* nobody listens */
	for (int i = 0; i < 30; i++)
		put(f, "good@example.org", "y\r\n");
	run_until(f, fails);
	assert_int_equal(count(&f->log, "state=unreachable"), 1);
	deliver_server_start(&f->server);
	run_until(f, is_empty);
	assert_int_equal(count(&f->log, "state=deferred"), 0);
	assert_int_equal(count(&f->log, "state=reached"), 1);
	assert_int_equal(count(&f->server.seen, "= 3\n"), 30);
	end(f);
}

static void a_server_that_sends_us_away_is_one_that_is_away(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->server.greeting = "421 4.3.2 not now\r\n";
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "good@example.org", "y\r\n");
	run_until(f, fails);
	f->server.greeting = NULL;
	run_until(f, is_empty);
	assert_int_equal(count(&f->log, "state=deferred"), 0);
	end(f);
}

static void there_are_never_more_connections_than_allowed(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->options.sessions = 3;
	f->options.per_session = 20;
	deliver_server_start(&f->server);
	open_all(f);
	for (int i = 0; i < 100; i++)
		put(f, "good@example.org", "y\r\n");
	run_until(f, is_empty);
	assert_in_range(f->server.at_once_most, 2, 3);
	assert_int_equal(count(&f->server.seen, "= 3\n"), 100);
	end(f);
}

static void a_server_that_takes_few_connections_gets_all_over_those(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->server.allowed = 2;
	f->options.sessions = 6;
	deliver_server_start(&f->server);
	open_all(f);
	for (int i = 0; i < 200; i++)
		put(f, "good@example.org", "y\r\n");
	run_until(f, is_empty);
	assert_int_equal(count(&f->server.seen, "= 3\n"), 200);
	assert_int_equal(count(&f->log, "state=deferred"), 0);
	assert_in_range(f->server.connections_n, 2, 16);
	end(f);
}

static void say_utf8(struct smtp_envelope *e)
{
	e->utf8 = true;
	e->body = SMTP_BODY_8BITMIME;
}

static void what_the_server_cant_take_unchanged_is_held(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->server.offers = "250-PIPELINING\r\n250-8BITMIME\r\n" XCLIENT;
	deliver_server_start(&f->server);
	open_all(f);
	put_with(f, "192.0.2.7", "a@example.org", "\xc3\xa4\r\n", say_utf8);
	run_until(f, has_held);
	assert_int_equal(f->server.bodies.n, 0);
	assert_non_null(strstr(buf_text(&f->log), "state=held"));
	assert_non_null(strstr(buf_text(&f->log), "SMTPUTF8"));
	end(f);
}

static void ask_for_notices(struct smtp_envelope *e)
{
	e->utf8 = true;
	e->body = SMTP_BODY_8BITMIME;
	e->ret = SMTP_RET_HDRS;
	e->envid = xstrdup("QQ+2B1");
	e->recipients[0].notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE;
	e->recipients[0].orcpt = xstrdup("rfc822;first@example.org");
}

static void parameters_are_passed_on_as_they_came(void **state)
{
	struct fixture *f = begin();
	const char *seen;

	(void)state;
	f->server.offers = "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n" XCLIENT;
	deliver_server_start(&f->server);
	open_all(f);
	put_with(f, "192.0.2.7", "a@example.org", "\xc3\xa4\r\n", ask_for_notices);
	run_until(f, is_empty);
	seen = buf_text(&f->server.seen);
	assert_non_null(strstr(seen, " SMTPUTF8"));
	assert_non_null(strstr(seen, " BODY=8BITMIME"));
	assert_non_null(strstr(seen, " RET=HDRS"));
	assert_non_null(strstr(seen, " ENVID=QQ+2B1"));
	assert_non_null(strstr(seen, " NOTIFY=SUCCESS,FAILURE"));
	assert_non_null(strstr(seen, " ORCPT=rfc822;first@example.org"));
	end(f);
}

static void lmtp_has_a_verdict_for_each_recipient_after_the_message(void **state)
{
	struct fixture *f = begin();

	(void)state;
	f->server.lmtp = f->options.lmtp = true;
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "a@example.org b@example.org c@example.org", "x\r\n");
	run_until(f, is_empty);
	assert_int_equal(count(&f->log, "state=delivered"), 3);
	end(f);
}

static void a_spool_on_hold_gives_nothing_out_until_the_hold_is_lifted(void **state)
{
	struct fixture *f = begin();

	(void)state;
	deliver_server_start(&f->server);
	open_all(f);
	spool_set_hold(f->spool, true);
	put(f, "a@example.org", "x\r\n");
	run_until(f, two_looks);
	assert_int_equal(f->server.connections_n, 0);
	spool_set_hold(f->spool, false);
	run_until(f, is_empty);
	end(f);
}

static void on_stopped(void *context)
{
	struct fixture *f = context;

	f->durable = 1000;
}

static bool has_stopped(struct fixture *f)
{
	return f->durable == 1000;
}

static bool has_begun(struct fixture *f)
{
	bool yes;

	pthread_mutex_lock(&f->server.lock);
	yes = count(&f->server.seen, "RCPT TO:<mute@") > 0;
	pthread_mutex_unlock(&f->server.lock);
	return yes;
}

static void what_is_on_its_way_when_it_has_to_end_stays_in_the_spool(void **state)
{
	struct fixture *f = begin();
	struct spool_usage usage;

	(void)state;
	deliver_server_start(&f->server);
	open_all(f);
	put(f, "mute@example.org", "x\r\n");
	run_until(f, has_begun);
	deliver_stop(f->deliver, 30, on_stopped, f);
	run_until(f, has_stopped);
	spool_usage(f->spool, &usage);
	assert_int_equal(usage.messages, 1);
	end(f);
}

UNIT_TESTS("giving out", cmocka_unit_test(messages_go_out_in_order_of_arrival_over_one_connection),
           cmocka_unit_test(the_server_is_told_who_the_client_was),
           cmocka_unit_test(a_connection_serves_one_client_where_xclient_is_said_once),
           cmocka_unit_test(a_server_that_would_take_us_for_the_client_gets_nothing),
           cmocka_unit_test(each_recipient_has_a_fate_of_its_own),
           cmocka_unit_test(nobody_but_a_person_releases_what_is_held),
           cmocka_unit_test(a_message_that_breaks_connections_does_not_stop_the_others),
           cmocka_unit_test(a_message_alone_is_tried_again_when_its_connection_has_broken),
           cmocka_unit_test(all_waits_for_a_server_that_is_away_and_costs_no_attempt),
           cmocka_unit_test(a_server_that_sends_us_away_is_one_that_is_away),
           cmocka_unit_test(there_are_never_more_connections_than_allowed),
           cmocka_unit_test(a_server_that_takes_few_connections_gets_all_over_those),
           cmocka_unit_test(what_the_server_cant_take_unchanged_is_held),
           cmocka_unit_test(parameters_are_passed_on_as_they_came),
           cmocka_unit_test(lmtp_has_a_verdict_for_each_recipient_after_the_message),
           cmocka_unit_test(a_spool_on_hold_gives_nothing_out_until_the_hold_is_lifted),
           cmocka_unit_test(what_is_on_its_way_when_it_has_to_end_stays_in_the_spool));
