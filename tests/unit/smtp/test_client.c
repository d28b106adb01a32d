/* SPDX-License-Identifier: BSD-2-Clause */

/* Servers as they are and as they should not be, held against what we say and conclude. */

#include "smtp/client.h"
#include "unit/unit.h"

#include "base/memory.h"

#include <string.h>

struct talk {
	struct smtp_client c;
	struct smtp_envelope e;
	struct smtp_client_message m;
	struct span body;
	struct buf out, told;
};

static const struct smtp_client_options plain = { .name = "gate.example.org" };
static const struct smtp_client_options lmtp = { .name = "gate.example.org", .lmtp = true };
static const struct smtp_client_options xclient = { .name = "gate.example.org", .xclient = true };

static const size_t first[] = { 0 };

static void talk_begin(struct talk *t, const struct smtp_client_options *options)
{
	*t = (struct talk){ .body = SPAN("Subject: a\r\n\r\n.b\r\n") };
	smtp_client_init(&t->c, options);
	t->e.sender = xstrdup("a@example.net");
	(void)smtp_envelope_add(&t->e, SPAN("b@example.org"));
	(void)smtp_envelope_add(&t->e, SPAN("c@example.org"));
	t->m = (struct smtp_client_message){ .envelope = &t->e, .size = t->body.n };
}

static void talk_end(struct talk *t)
{
	smtp_client_fini(&t->c);
	smtp_envelope_fini(&t->e);
	buf_fini(&t->out);
	buf_fini(&t->told);
}

static void hear(struct talk *t, const struct smtp_client_event *e)
{
	switch (e->kind) {
	case SMTP_CLIENT_STARTTLS:
		buf_add_text(&t->told, "starttls\n");
		break;
	case SMTP_CLIENT_READY:
		buf_add_text(&t->told, "ready\n");
		break;
	case SMTP_CLIENT_BODY:
		buf_addf(&t->told, "body%s\n", smtp_client_raw(&t->c) ? " raw" : "");
		if (smtp_client_raw(&t->c))
			buf_add_span(&t->out, t->body);
		smtp_client_body(&t->c, t->body, &t->out);
		break;
	case SMTP_CLIENT_VERDICT:
		buf_addf(&t->told, "%zu: ", e->recipient);
		smtp_reply_show(&t->told, e->reply);
		buf_add_text(&t->told, e->ours ? " (ours)\n" : "\n");
		break;
	case SMTP_CLIENT_DONE:
		buf_add_text(&t->told, "done\n");
		break;
	case SMTP_CLIENT_REPLY:
		buf_add_text(&t->told, "reply ");
		smtp_reply_show(&t->told, e->reply);
		buf_add_text(&t->told, "\n");
		break;
	case SMTP_CLIENT_OVER:
		buf_add_text(&t->told, "over\n");
		break;
	case SMTP_CLIENT_FAILED:
		buf_addf(&t->told, "failed: %s\n", e->error.text);
		break;
	case SMTP_CLIENT_NONE:
		fail();
	}
}

/* The server says this, an octet at a time or all at once; then that was said and told since. */
static void step_at(int line, struct talk *t, struct span said, bool slowly, const char *out,
                    const char *told)
{
	struct span input = { said.p, slowly ? 0 : said.n };
	struct smtp_client_event event;

	buf_reset(&t->told);
	for (;;) {
		while (smtp_client_next(&t->c, &input, &t->out, &event))
			hear(t, &event);
		if (input.p + input.n == said.p + said.n)
			break;
		input.n++;
	}
	if (strcmp(buf_text(&t->out), out) != 0)
		fail_msg("line %d: says\n%s", line, buf_text(&t->out));
	if (strcmp(buf_text(&t->told), told) != 0)
		fail_msg("line %d: tells\n%s", line, buf_text(&t->told));
	buf_reset(&t->out);
}
#define STEP(t, said, out, told) step_at(__LINE__, t, SPAN(said), true, out, told)
#define STEP_AT_ONCE(t, said, out, told) step_at(__LINE__, t, SPAN(said), false, out, told)

#define MAIL "MAIL FROM:<a@example.net>"
#define RCPTS "RCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\n"
#define SENT "Subject: a\r\n\r\n..b\r\n.\r\n"

static void open_session(struct talk *t, const char *keywords, const char *told)
{
	AUTO_BUF struct buf said = { 0 };

	buf_addf(&said, "220 mx.example.org ESMTP\r\n250-mx.example.org\r\n%s", keywords);
	step_at(__LINE__, t, buf_span(&said), false,
	        t->c.options->lmtp ? "LHLO gate.example.org\r\n" : "EHLO gate.example.org\r\n",
	        told);
}

static void a_message_goes_out_in_one_go(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	STEP(&t, "220 mx.example.org\r\n", "EHLO gate.example.org\r\n", "");
	STEP(&t, "250-mx.example.org\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250 DSN\r\n", "",
	     "ready\n");
	t.e.ret = SMTP_RET_HDRS;
	t.e.envid = xstrdup("x+2By");
	t.e.body = SMTP_BODY_8BITMIME; /* which it does not offer */
	t.e.recipients[0].notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY;
	t.e.recipients[1].orcpt = xstrdup("rfc822;c@example.org");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 2.1.0 ok\r\n",
	     MAIL " SIZE=18 RET=HDRS ENVID=x+2By\r\n"
	          "RCPT TO:<b@example.org> NOTIFY=SUCCESS,DELAY\r\n"
	          "RCPT TO:<c@example.org> ORCPT=rfc822;c@example.org\r\nDATA\r\n",
	     "");
	STEP(&t, "250 2.1.5 ok\r\n250 2.1.5 ok\r\n354 go\r\n", SENT, "body\n");
	STEP(&t, "250 2.0.0 queued as 7\r\n", "",
	     "0: 250 2.0.0 queued as 7\n1: 250 2.0.0 queued as 7\ndone\nready\n");
	smtp_client_quit(&t.c, &t.out);
	STEP(&t, "221 bye\r\n", "QUIT\r\n", "over\n");
	talk_end(&t);
}

static void an_old_server_is_spoken_to_one_by_one(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	STEP(&t, "220 old\r\n", "EHLO gate.example.org\r\n", "");
	STEP(&t, "502 what\r\n", "HELO gate.example.org\r\n", "");
	STEP(&t, "250 hello\r\n", "", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "", MAIL "\r\n", "");
	STEP(&t, "250 ok\r\n", "RCPT TO:<b@example.org>\r\n", "");
	STEP(&t, "550 5.1.1 who\r\n", "RCPT TO:<c@example.org>\r\n", "0: 550 5.1.1 who\n");
	STEP(&t, "250\r\n", "DATA\r\n", "");
	STEP(&t, "354 go\r\n", SENT, "body\n");
	STEP(&t, "451 4.3.0 no\r\n", "", "1: 451 4.3.0 no\ndone\nready\n");
	talk_end(&t);
}

static void a_refused_sender_is_everybodys_verdict(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP_AT_ONCE(&t, "550 5.7.1 not you\r\n503 5.5.1 x\r\n250 x\r\n503 5.5.1 x\r\n",
	             MAIL "\r\n" RCPTS "DATA\r\nRSET\r\n",
	             "0: 550 5.7.1 not you\n1: 550 5.7.1 not you\ndone\n");
	STEP(&t, "250 ok\r\n", "", "ready\n");
	/* and a server that takes DATA all the same gets nothing */
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "450 4.7.1 later\r\n503 x\r\n503 x\r\n354 go\r\n",
	     MAIL "\r\n" RCPTS "DATA\r\n.\r\n", "0: 450 4.7.1 later\n1: 450 4.7.1 later\n");
	STEP(&t, "554 nobody\r\n", "", "done\nready\n");
	talk_end(&t);
}

static void nobody_taken_means_nothing_sent(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n550 b\r\n450 c\r\n354 go\r\n", MAIL "\r\n" RCPTS "DATA\r\n.\r\n",
	     "0: 550 b\n1: 450 c\n");
	STEP(&t, "250 taken?\r\n", "", "done\nready\n");
	talk_end(&t);
}

static void data_can_be_refused(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n550 b\r\n250 c\r\n452 4.3.1 full\r\n",
	     MAIL "\r\n" RCPTS "DATA\r\nRSET\r\n", "0: 550 b\n1: 452 4.3.1 full\ndone\n");
	STEP(&t, "250 ok\r\n", "", "ready\n");
	talk_end(&t);
}

static void bdat_sends_octets_as_they_are(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	open_session(&t, "250-CHUNKING\r\n250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n250 b\r\n550 c\r\n",
	     MAIL "\r\n" RCPTS "BDAT 18 LAST\r\nSubject: a\r\n\r\n.b\r\n", "1: 550 c\nbody raw\n");
	STEP(&t, "250 2.0.0 mine\r\n", "", "0: 250 2.0.0 mine\ndone\nready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n550 b\r\n550 c\r\n", MAIL "\r\n" RCPTS "RSET\r\n",
	     "0: 550 b\n1: 550 c\ndone\n");
	talk_end(&t);
}

static void lmtp_says_it_of_each(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &lmtp);
	(void)smtp_envelope_add(&t.e, SPAN("d@example.org"));
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n250 b\r\n550 c\r\n250 d\r\n",
	     MAIL "\r\n" RCPTS "RCPT TO:<d@example.org>\r\nDATA\r\n", "1: 550 c\n");
	STEP(&t, "354 go\r\n", SENT, "body\n");
	STEP(&t, "250 2.0.0 b\r\n", "", "0: 250 2.0.0 b\n");
	STEP(&t, "452 4.2.2 quota\r\n", "", "2: 452 4.2.2 quota\ndone\nready\n");
	/* nobody: DATA is not said at all */
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n550 b\r\n550 c\r\n550 d\r\n",
	     MAIL "\r\n" RCPTS "RCPT TO:<d@example.org>\r\nRSET\r\n",
	     "0: 550 b\n1: 550 c\n2: 550 d\ndone\n");
	talk_end(&t);
}

static void only_some_of_the_recipients_may_be_meant(void **state)
{
	static const size_t second[] = { 1 };
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	t.m.recipients = second;
	t.m.recipients_n = 1;
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n250 c\r\n354 go\r\n",
	     MAIL "\r\nRCPT TO:<c@example.org>\r\nDATA\r\n" SENT, "body\n");
	STEP(&t, "250 ok\r\n", "", "1: 250 ok\ndone\nready\n");
	talk_end(&t);
}

static void what_a_server_can_not_take_it_is_not_asked(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	open_session(&t, "250 SIZE 17\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "", "",
	     "0: 552 5.3.4 bigger than what the server takes (SIZE) (ours)\n"
	     "1: 552 5.3.4 bigger than what the server takes (SIZE) (ours)\ndone\nready\n");
	t.m.size = 1;
	smtp_text_set(&t.e.recipients[0].address, SPAN("\xc3\xbc@example.org"));
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "", "",
	     "0: 554 5.6.7 the server does not offer SMTPUTF8 (ours)\n"
	     "1: 554 5.6.7 the server does not offer SMTPUTF8 (ours)\ndone\nready\n");
	/* what a damaged spool says never becomes a command */
	smtp_text_set(&t.e.recipients[0].address, SPAN("b>\r\nRCPT TO:<x@example.org"));
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "", "",
	     "0: 554 5.1.3 an address that can't be said in SMTP (ours)\n"
	     "1: 554 5.1.3 an address that can't be said in SMTP (ours)\ndone\nready\n");
	talk_end(&t);
}

/* ── XCLIENT ─────────────────────────────────────────────────────────────────────────────────── */

static void the_client_is_told_when_it_changes(void **state)
{
	struct smtp_peer peer = { .from = { "192.0.2.9", 0 }, .esmtp = true };
	struct talk t;

	(void)state;
	talk_begin(&t, &xclient);
	t.m.peer = &peer;
	peer.helo = xstrdup("c.example.net");
	t.m.recipients = first;
	t.m.recipients_n = 1;
	open_session(&t, "250-PIPELINING\r\n250 XCLIENT ADDR HELO PROTO\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "220 mx\r\n",
	     "XCLIENT ADDR=192.0.2.9 PROTO=ESMTP HELO=c.example.net\r\nEHLO c.example.net\r\n", "");
	STEP(&t, "250-mx\r\n250-XCLIENT ADDR\r\n250 PIPELINING\r\n",
	     MAIL "\r\nRCPT TO:<b@example.org>\r\nDATA\r\n", "");
	STEP(&t, "250 ok\r\n250 ok\r\n354 go\r\n", SENT, "body\n");
	STEP(&t, "250 ok\r\n", "", "0: 250 ok\ndone\nready\n");
	/* the same one: nothing to tell */
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n250 ok\r\n354 go\r\n",
	     MAIL "\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" SENT, "body\n");
	STEP(&t, "250 ok\r\n", "", "0: 250 ok\ndone\nready\n");
	/* another one */
	peer.from = (struct smtp_endpoint){ "192.0.2.10", 0 };
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "220 mx\r\n250 PIPELINING\r\n",
	     "XCLIENT ADDR=192.0.2.10\r\nEHLO c.example.net\r\n" MAIL "\r\n", "");
	STEP(&t, "250 ok\r\n550 no\r\n250 ok\r\n", "RCPT TO:<b@example.org>\r\nRSET\r\n",
	     "0: 550 no\ndone\nready\n");
	/* another one, but the server tells no XCLIENT any more: its mail is not given in another's
	 * name */
	peer.from.port = 7;
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "", "", "failed: the server takes no XCLIENT for another client\n");
	smtp_peer_fini(&peer);
	talk_end(&t);
}

static void without_xclient_nothing_is_given(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &xclient);
	open_session(&t, "250 PIPELINING\r\n", "failed: the server offers no XCLIENT ADDR to us\n");
	talk_end(&t);
}

/* ── TLS ─────────────────────────────────────────────────────────────────────────────────────── */

static void tls_comes_first(void **state)
{
	static const struct smtp_client_options may = { .name = "g", .tls = SMTP_TLS_MAY };
	static const struct smtp_client_options must = { .name = "g", .tls = SMTP_TLS_MUST };
	struct talk t;

	(void)state;
	talk_begin(&t, &may);
	STEP(&t, "220 x\r\n250-x\r\n250 STARTTLS\r\n", "EHLO g\r\nSTARTTLS\r\n", "");
	STEP(&t, "220 go\r\n", "", "starttls\n");
	smtp_client_tls_started(&t.c, &t.out);
	STEP(&t, "250 x\r\n", "EHLO g\r\n", "ready\n");
	assert_int_equal(t.c.offers, 0);
	talk_end(&t);

	talk_begin(&t, &may);
	STEP(&t, "220 x\r\n250-x\r\n250 STARTTLS\r\n454 no\r\n", "EHLO g\r\nSTARTTLS\r\n",
	     "ready\n");
	talk_end(&t);

	talk_begin(&t, &must);
	STEP(&t, "220 x\r\n250-x\r\n250 STARTTLS\r\n454 no\r\n", "EHLO g\r\nSTARTTLS\r\n",
	     "failed: the server refuses STARTTLS: 454 no\n");
	talk_end(&t);

	talk_begin(&t, &must);
	STEP(&t, "220 x\r\n250 x\r\n", "EHLO g\r\n", "failed: the server offers no STARTTLS\n");
	talk_end(&t);

	/* what comes behind the answer in clear could be taken for what TLS protects */
	talk_begin(&t, &must);
	STEP_AT_ONCE(&t, "220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n250 CHUNKING\r\n",
	             "EHLO g\r\nSTARTTLS\r\n",
	             "failed: octets in clear behind the answer to STARTTLS\n");
	talk_end(&t);
	talk_begin(&t, &must);
	STEP(&t, "220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n2", "EHLO g\r\nSTARTTLS\r\n",
	     "starttls\nfailed: octets in clear behind the answer to STARTTLS\n");
	talk_end(&t);
}

/* ── bad servers ─────────────────────────────────────────────────────────────────────────────── */

static void a_server_that_is_none_is_told(void **state)
{
	static const struct {
		struct span said;
		const char *told;
	} rows[] = {
		{ { "554 no\r\n", 8 }, "failed: the server wants no mail: 554 no\n" },
		{ { "421 busy\r\n", 10 }, "failed: the server ends the session: 421 busy\n" },
		{ { "SSH-2.0-x\r\n", 11 },
		  "failed: the server's reply has no code: \"SSH-2.0-x\"\n" },
		{ { "22 x\r\n", 6 }, "failed: the server's reply has no code: \"22 x\"\n" },
		{ { "2200 x\r\n", 8 }, "failed: the server's reply has no code: \"2200 x\"\n" },
		{ { "620 x\r\n", 7 }, "failed: the server's reply has no code: \"620 x\"\n" },
		{ { "220-x\r\n221 x\r\n", 14 },
		  "failed: the server's reply changes its code: \"221 x\"\n" },
		{ { "\0\r\n", 3 }, "failed: the server's reply has no code: \"\\x00\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct talk t;

		talk_begin(&t, &plain);
		step_at(__LINE__, &t, rows[i].said, true, "", rows[i].told);
		talk_end(&t);
	}
}

static void a_talkative_server_is_stopped(void **state)
{
	AUTO_BUF struct buf said = { 0 };
	struct talk t;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct smtp_client_event event;
		struct span input;

		buf_reset(&said);
		if (kind == 0)
			for (int i = 0; i < 5000; i++)
				buf_add_char(&said, '2');
		for (int i = 0; kind && i < 300; i++)
			buf_addf(&said, "220-%0*d\r\n", kind == 1 ? 1 : 1000, 0);
		talk_begin(&t, &plain);
		input = buf_span(&said);
		assert_true(smtp_client_next(&t.c, &input, &t.out, &event));
		assert_int_equal(event.kind, SMTP_CLIENT_FAILED);
		assert_non_null(strstr(event.error.text, "too long"));
		assert_false(smtp_client_next(&t.c, &input, &t.out, &event));
		talk_end(&t);
	}
}

static void answers_that_nobody_asked_for_end_it(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	STEP(&t, "250 more\r\n", "", "failed: the server answers what nobody asked: 250 more\n");
	talk_end(&t);
	talk_begin(&t, &plain);
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n250 ok\r\n250 ok\r\n250 queued\r\n", MAIL "\r\n" RCPTS "DATA\r\n",
	     "failed: the server answers DATA with something else than 354: 250 queued\n");
	talk_end(&t);
	/* an answer before the end counts as one behind it */
	talk_begin(&t, &plain);
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP_AT_ONCE(&t, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n550 early\r\n",
	             MAIL "\r\n" RCPTS "DATA\r\n" SENT,
	             "body\n0: 550 early\n1: 550 early\ndone\nready\n");
	talk_end(&t);
}

static void a_session_that_ends_leaves_no_verdict(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n250 ok\r\n421 4.3.2 bye\r\n", MAIL "\r\n" RCPTS "DATA\r\n",
	     "failed: the server ends the session: 421 4.3.2 bye\n");
	talk_end(&t);
}

static void an_empty_message_ends_by_itself(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain);
	t.m.size = 0;
	t.m.recipients = first;
	t.m.recipients_n = 1;
	open_session(&t, "250 PIPELINING\r\n", "ready\n");
	smtp_client_begin(&t.c, &t.m, &t.out);
	STEP(&t, "250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n",
	     MAIL "\r\nRCPT TO:<b@example.org>\r\nDATA\r\n.\r\n", "0: 250 ok\ndone\nready\n");
	talk_end(&t);
}

/* ── relaying ────────────────────────────────────────────────────────────────────────────────── */

static void commands_pass_through(void **state)
{
	struct smtp_peer peer = { .from = { "192.0.2.9", 0 }, .esmtp = true };
	struct talk t;

	(void)state;
	talk_begin(&t, &xclient);
	open_session(&t, "250 XCLIENT ADDR\r\n", "ready\n");
	smtp_client_tell_peer(&t.c, &peer, &t.out);
	STEP(&t, "220 x\r\n250-x\r\n250 SIZE 7\r\n",
	     "XCLIENT ADDR=192.0.2.9\r\nEHLO gate.example.org\r\n", "ready\n");
	assert_int_equal(t.c.size_max, 7);
	smtp_client_hello(&t.c, SPAN("c.example.net"), &t.out);
	STEP(&t, "250-x\r\n250 DSN\r\n", "EHLO c.example.net\r\n", "reply 250 x DSN\n");
	assert_int_equal(t.c.offers, SMTP_OFFER_DSN);
	smtp_client_command(&t.c, SPAN("RCPT TO:<b@example.org>"), &t.out);
	STEP(&t, "550-5.1.1 no\r\n550 5.1.1 body\r\n", "RCPT TO:<b@example.org>\r\n",
	     "reply 550 5.1.1 no body\n");
	smtp_client_command(&t.c, SPAN("DATA"), &t.out);
	STEP(&t, "354 go\r\n", "DATA\r\n", "reply 354 go\n");
	assert_int_equal(t.c.phase, SMTP_CLIENT_PHASE_BODY);
	smtp_client_relay_body(&t.c, SPAN("a\r"), &t.out);
	smtp_client_relay_body(&t.c, SPAN("\n.\r\n"), &t.out);
	smtp_client_relay_end(&t.c, &t.out);
	STEP(&t, "250 ok\r\n", "a\r\n..\r\n.\r\n", "reply 250 ok\n");
	smtp_client_command(&t.c, SPAN("NOOP"), &t.out);
	STEP(&t, "421 bye\r\n", "NOOP\r\n",
	     "reply 421 bye\nfailed: the server ends the session: 421 bye\n");
	talk_end(&t);
}

static void relay_takes_354_for_data_only(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &xclient);
	open_session(&t, "250 XCLIENT ADDR\r\n", "ready\n");
	smtp_client_command(&t.c, SPAN("NOOP"), &t.out);
	STEP(&t, "354 go\r\n", "NOOP\r\n",
	     "failed: the server asks for a message that nobody has announced: 354 go\n");
	talk_end(&t);
}

static void a_reply_can_not_hold_another(void **state)
{
	struct smtp_server_options options = { .name = "mx.example.org" };
	struct smtp_reply r = { 0 };
	struct smtp_server s;
	struct smtp_event event;
	struct error err = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct span input = SPAN("250-2.0.0 a\rb\r\n250 2.0.0 c\x01\n");

	(void)state;
	assert_int_equal(smtp_reply_read(&r, &input, &err), 1);
	assert_int_equal(input.n, 0);
	assert_string_equal(r.enhanced, "2.0.0");
	assert_string_equal(buf_text(&r.text), "a?b\nc?");
	smtp_server_init(&s, &options, 0);
	smtp_server_greet(&s, &out, NULL);
	buf_reset(&out);
	smtp_server_forward(&s, &out, &r); /* nobody asked */
	assert_int_equal(out.n, 0);
	input = SPAN("RSET\r\n");
	assert_true(smtp_server_next(&s, &input, &out, &event));
	smtp_server_forward(&s, &out, &r);
	assert_string_equal(buf_text(&out), "250-2.0.0 a?b\r\n250 2.0.0 c?\r\n");
	smtp_reply_fini(&r);
}

UNIT_TESTS("smtp/client", cmocka_unit_test(a_message_goes_out_in_one_go),
           cmocka_unit_test(an_old_server_is_spoken_to_one_by_one),
           cmocka_unit_test(a_refused_sender_is_everybodys_verdict),
           cmocka_unit_test(nobody_taken_means_nothing_sent), cmocka_unit_test(data_can_be_refused),
           cmocka_unit_test(bdat_sends_octets_as_they_are), cmocka_unit_test(lmtp_says_it_of_each),
           cmocka_unit_test(only_some_of_the_recipients_may_be_meant),
           cmocka_unit_test(what_a_server_can_not_take_it_is_not_asked),
           cmocka_unit_test(the_client_is_told_when_it_changes),
           cmocka_unit_test(without_xclient_nothing_is_given), cmocka_unit_test(tls_comes_first),
           cmocka_unit_test(a_server_that_is_none_is_told),
           cmocka_unit_test(a_talkative_server_is_stopped),
           cmocka_unit_test(answers_that_nobody_asked_for_end_it),
           cmocka_unit_test(a_session_that_ends_leaves_no_verdict),
           cmocka_unit_test(an_empty_message_ends_by_itself),
           cmocka_unit_test(commands_pass_through), cmocka_unit_test(relay_takes_354_for_data_only),
           cmocka_unit_test(a_reply_can_not_hold_another));
