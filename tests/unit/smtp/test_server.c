/* SPDX-License-Identifier: BSD-2-Clause */

/* Sessions as clients lead them, held against what is answered and what the caller gets to know. */

#include "smtp/server.h"
#include "unit/unit.h"

#include <string.h>

static const struct smtp_server_options plain = {
	.name = "mx.example.org",
	.size_max = 1000,
	.recipients_max = 3,
	.errors_max = 5,
	.idle_max = 20,
};

struct talk {
	struct smtp_server s;
	struct buf out, told; /* replies; events, a line each */
	unsigned refuse;      /* this code to RCPT, when not 0 */
	unsigned refuse_end;  /* to the message's end, and to CHUNK_END */
};

static void talk_begin(struct talk *t, const struct smtp_server_options *options, uint32_t offers)
{
	*t = (struct talk){ 0 };
	smtp_server_init(&t->s, options, offers);
	smtp_server_greet(&t->s, &t->out, NULL);
	buf_reset(&t->out);
}

static void talk_end(struct talk *t)
{
	buf_fini(&t->out);
	buf_fini(&t->told);
}

static void answer(struct talk *t, const struct smtp_event *e)
{
	struct smtp_server *s = &t->s;

	switch (e->kind) {
	case SMTP_EVENT_HELLO:
		buf_addf(&t->told, "hello %.*s\n", (int)e->host.n, e->host.p);
		smtp_server_reply_hello(s, &t->out);
		break;
	case SMTP_EVENT_STARTTLS:
		buf_add_text(&t->told, "starttls\n");
		smtp_server_reply(s, &t->out, 220, "2.0.0", "Go");
		break;
	case SMTP_EVENT_AUTH:
		buf_addf(&t->told, "auth %.*s|%.*s\n", (int)e->word.n, e->word.p, (int)e->rest.n,
		         e->rest.p);
		smtp_server_reply(s, &t->out, 334, NULL, "");
		break;
	case SMTP_EVENT_AUTH_LINE:
		buf_addf(&t->told, "auth line %.*s\n", (int)e->rest.n, e->rest.p);
		smtp_server_reply(s, &t->out, 235, "2.7.0", "Good");
		break;
	case SMTP_EVENT_XCLIENT:
		buf_addf(&t->told, "xclient %s\n", e->xclient.from.address);
		smtp_server_reply_xclient(s, &t->out);
		break;
	case SMTP_EVENT_MAIL:
		buf_addf(&t->told, "mail <%.*s> %llu %d %d %d %.*s\n", (int)e->address.text.n,
		         e->address.text.p, (unsigned long long)e->size, e->body, e->utf8, e->ret,
		         (int)e->envid.n, e->envid.p ? e->envid.p : "");
		smtp_server_reply(s, &t->out, 250, "2.1.0", "Good");
		break;
	case SMTP_EVENT_RCPT:
		buf_addf(&t->told, "rcpt <%.*s> %u %.*s\n", (int)e->address.text.n,
		         e->address.text.p, e->notify, (int)e->orcpt.n,
		         e->orcpt.p ? e->orcpt.p : "");
		smtp_server_reply(s, &t->out, t->refuse ? t->refuse : 250, "2.1.5", "Rcpt");
		break;
	case SMTP_EVENT_DATA:
		buf_add_text(&t->told, "data\n");
		smtp_server_reply(s, &t->out, 354, NULL, "Go");
		break;
	case SMTP_EVENT_CHUNK_END:
		buf_add_text(&t->told, "chunk end\n");
		smtp_server_reply(s, &t->out, t->refuse_end ? t->refuse_end : 250, NULL, "Chunk");
		break;
	case SMTP_EVENT_MESSAGE_END:
		buf_addf(&t->told, "message %llu\n", (unsigned long long)e->octets);
		smtp_server_reply(s, &t->out, t->refuse_end ? t->refuse_end : 250, NULL, "Mine");
		break;
	case SMTP_EVENT_RSET:
		buf_add_text(&t->told, "rset\n");
		smtp_server_reply(s, &t->out, 250, "2.0.0", "Good");
		break;
	case SMTP_EVENT_VRFY:
		buf_addf(&t->told, "vrfy %.*s\n", (int)e->rest.n, e->rest.p);
		smtp_server_reply_vrfy(s, &t->out);
		break;
	case SMTP_EVENT_CHUNK:
		buf_addf(&t->told, "chunk %llu %d\n", (unsigned long long)e->chunk_size,
		         e->chunk_last);
		break;
	case SMTP_EVENT_BODY:
		break;
	case SMTP_EVENT_MESSAGE_BAD:
		buf_addf(&t->told, "bad %d\n", e->fault);
		break;
	case SMTP_EVENT_END:
		buf_addf(&t->told, "end %d\n", e->end);
		break;
	case SMTP_EVENT_NONE:
		fail();
	}
}

/* All of `said`, `step` octets at a time; returns how many were left in the end. */
static size_t talk_say(struct talk *t, struct span said, size_t step)
{
	struct span input = { said.p, 0 };
	struct smtp_event event;

	for (;;) {
		size_t at;

		while (smtp_server_next(&t->s, &input, &t->out, &event))
			answer(t, &event);
		at = (size_t)(input.p - said.p) + input.n;
		if (at == said.n)
			return input.n;
		input.n += said.n - at < step ? said.n - at : step;
	}
}

/* The session gives these replies and events, however its octets are cut. */
static void check(const struct smtp_server_options *options, uint32_t offers, struct span said,
                  const char *replies, const char *told)
{
	for (size_t step = 1; step <= said.n; step += step < 40 ? 1 : 37) {
		struct talk t;

		talk_begin(&t, options, offers);
		(void)talk_say(&t, said, step);
		if (replies && strcmp(buf_text(&t.out), replies) != 0)
			fail_msg("by %zu: %.*s\ngives\n%s", step, (int)said.n, said.p,
			         buf_text(&t.out));
		if (told && strcmp(buf_text(&t.told), told) != 0)
			fail_msg("by %zu: %.*s\ntells\n%s", step, (int)said.n, said.p,
			         buf_text(&t.told));
		talk_end(&t);
	}
}

#define MAIL "MAIL FROM:<a@example.net>\r\n"
#define RCPT "RCPT TO:<b@example.org>\r\n"
#define MAIL_GOOD "250 2.1.0 Good\r\n"
#define RCPT_GOOD "250 2.1.5 Rcpt\r\n"
#define MAIL_TOLD "mail <a@example.net> 0 0 0 0 \n"
#define RCPT_TOLD "rcpt <b@example.org> 0 \n"

static void a_message_comes_in(void **state)
{
	(void)state;
	check(&plain, SMTP_OFFER_ALL_MAIL,
	      SPAN("EHLO c.example.net\r\n" MAIL RCPT "DATA\r\na\r\n..b\r\n.\r\nQUIT\r\n"),
	      "250-mx.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	      "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-CHUNKING\r\n250 SIZE 1000\r\n" MAIL_GOOD
	              RCPT_GOOD "354 Go\r\n250 Mine\r\n221 2.0.0 Bye\r\n",
	      "hello c.example.net\n" MAIL_TOLD RCPT_TOLD "data\nmessage 7\nend 0\n");
	check(&plain, 0,
	      SPAN("helo c\r\nmail from: a@example.net\r\nrcpt to: <b@example.org> \r\n"),
	      "250 mx.example.org\r\n" MAIL_GOOD RCPT_GOOD, "hello c\n" MAIL_TOLD RCPT_TOLD);
}

static void parameters_are_read(void **state)
{
	(void)state;
	check(&plain, SMTP_OFFER_ALL_MAIL | SMTP_OFFER_AUTH,
	      SPAN("MAIL FROM:<> SIZE=99 body=8bitmime SMTPUTF8 RET=HDRS ENVID=x+2By AUTH=<>\r\n"
	           "RCPT TO:<b@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40c\r\n"),
	      MAIL_GOOD RCPT_GOOD,
	      "mail <> 99 2 1 2 x+2By\nrcpt <b@example.org> 10 rfc822;b+40c\n");
}

static void bad_parameters_are_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "SIZE=", "501 5.5.4" },
		{ "SIZE=-1", "501 5.5.4" },
		{ "SIZE=1 SIZE=1", "501 5.5.4" },
		{ "SIZE", "501 5.5.4" },
		{ "SIZE=1001", "552 5.3.4" },
		{ "SIZE=9223372036854775808", "552 5.3.4" },
		{ "SIZE=18446744073709551615", "552 5.3.4" },
		{ "SIZE=18446744073709551616", "552 5.3.4" },
		{ "SIZE=99999999999999999999", "552 5.3.4" },
		{ "SIZE=999999999999999999999", "501 5.5.4" },
		{ "BODY=BINARYMIME", "501 5.5.4" },
		{ "SMTPUTF8=yes", "501 5.5.4" },
		{ "RET=ALL", "501 5.5.4" },
		{ "ENVID=", "501 5.5.4" },
		{ "ENVID=a+", "501 5.5.4" },
		{ "NOTIFY=NEVER", "555 5.5.4" },
		{ "AUTH=<>", "555 5.5.4" },
		{ "COLOUR=red", "555 5.5.4" },
		{ "=", "555 5.5.4" },
	};
	static const char *const of_rcpt[][2] = {
		{ "NOTIFY=", "501 5.5.4" },
		{ "NOTIFY=NEVER,DELAY", "501 5.5.4" },
		{ "NOTIFY=DELAY,DELAY", "501 5.5.4" },
		{ "NOTIFY=DELAY,", "501 5.5.4" },
		{ "ORCPT=b@example.org", "501 5.5.4" },
		{ "ORCPT=rfc822;", "501 5.5.4" },
		{ "ORCPT=rfc822;a=b", "501 5.5.4" },
		{ "SIZE=1", "555 5.5.4" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows) + ROWS(of_rcpt); i++) {
		bool mail = i < ROWS(rows);
		const char *const *row = mail ? rows[i] : of_rcpt[i - ROWS(rows)];
		AUTO_BUF struct buf said = { 0 };
		struct talk t;

		talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL);
		buf_addf(&said,
		         mail ? "MAIL FROM:<a@example.net> %s\r\n"
		              : MAIL "RCPT TO:<b@example.org> %s\r\n",
		         row[0]);
		(void)talk_say(&t, buf_span(&said), 100);
		if (!strstr(buf_text(&t.out), row[1]) || t.s.recipients || t.s.mail == mail)
			fail_msg("%s: %s", row[0], buf_text(&t.out));
		talk_end(&t);
	}
}

static void commands_have_their_order(void **state)
{
	static const char *const rows[][2] = {
		{ RCPT, "503 5.5.1" },
		{ "DATA\r\n", "503 5.5.1" },
		{ MAIL "DATA\r\n", "554 5.5.1" },
		{ MAIL MAIL, "503 5.5.1" },
		{ MAIL "STARTTLS\r\n", "503 5.5.1" },
		{ "AUTH PLAIN\r\n", "503 5.5.1" },
		{ "EHLO\r\n", "501 5.5.4" },
		{ "EHLO a b\r\n", "501 5.5.4" },
		{ "RSET now\r\n", "501 5.5.4" },
		{ "MAIL TO:<a@example.net>\r\n", "501 5.5.4" },
		{ "MAIL FROM:<a@example.net\r\n", "501 5.1.7" },
		{ MAIL "RCPT TO:<>\r\n", "501 5.1.3" },
		{ MAIL "RCPT TO:<a@>\r\n", "501 5.1.3" },
		{ "MAIL FROM:<\xc3\xbc@example.net>\r\n", "553 5.6.7" },
		{ MAIL "RCPT TO:<\xc3\xbc@example.net>\r\n", "553 5.6.7" },
		{ "LHLO a\r\n", "500 5.5.2" },
		{ "EXPN a\r\n", "502 5.5.1" },
		{ "\r\n", "500 5.5.2" },
		{ "VRFY\r\n", "501 5.5.4" },
		{ "NOOP \x01\r\n", "500 5.5.2" },
		{ "NO\rOP\r\n", "500 5.5.2" },
		{ "NOOP\n", "550 5.5.2" },
		{ "XCLIENT ADDR=192.0.2.1\r\n", "550 5.7.0" },
		{ MAIL RCPT RCPT RCPT RCPT, "452 4.5.3" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct talk t;
		const char *last;

		talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL | SMTP_OFFER_STARTTLS | SMTP_OFFER_AUTH);
		(void)talk_say(&t, span_of(rows[i][0]), 1);
		last = buf_text(&t.out);
		while (strstr(last, "\r\n") && strstr(last, "\r\n")[2])
			last = strstr(last, "\r\n") + 2;
		if (strncmp(last, rows[i][1], strlen(rows[i][1])) != 0)
			fail_msg("%s: %s", rows[i][0], buf_text(&t.out));
		talk_end(&t);
	}
}

static void hello_can_be_wanted(void **state)
{
	struct smtp_server_options strict = plain;

	(void)state;
	strict.hello_required = true;
	check(&strict, 0, SPAN(MAIL), "503 5.5.1 Say HELO or EHLO first\r\n", "");
}

static void nothing_from_before_tls_counts(void **state)
{
	struct talk t;

	(void)state;
	/* a command in the same packet: the session is over, and nothing of it was taken */
	talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL | SMTP_OFFER_STARTTLS);
	(void)talk_say(&t, SPAN("EHLO a\r\nSTARTTLS\r\n" MAIL RCPT), 100);
	assert_string_equal(buf_text(&t.told), "hello a\nend 2\n");
	talk_end(&t);
	/* one that comes between 220 and the handshake */
	talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL | SMTP_OFFER_STARTTLS);
	(void)talk_say(&t, SPAN("EHLO a\r\nSTARTTLS\r\n" MAIL), 1);
	assert_string_equal(buf_text(&t.told), "hello a\nstarttls\nend 2\n");
	talk_end(&t);
	/* as it should be: HELO, AUTH and a transaction are forgotten, STARTTLS is not told
	 * again */
	talk_begin(&t, &plain, SMTP_OFFER_STARTTLS);
	(void)talk_say(&t, SPAN("EHLO a\r\nSTARTTLS\r\n"), 100);
	assert_int_equal(t.s.phase, SMTP_PHASE_TLS);
	smtp_server_tls_started(&t.s);
	assert_false(t.s.hello);
	buf_reset(&t.out);
	(void)talk_say(&t, SPAN("EHLO a\r\nSTARTTLS\r\n"), 100);
	assert_string_equal(buf_text(&t.out),
	                    "250 mx.example.org\r\n503 5.5.1 TLS is on already\r\n");
	talk_end(&t);
}

static void an_xclient_begins_anew(void **state)
{
	(void)state;
	check(&plain, SMTP_OFFER_XCLIENT,
	      SPAN("EHLO a\r\nXCLIENT ADDR=192.0.2.1\r\nXCLIENT ADDR=x\r\n" MAIL
	           "XCLIENT ADDR=192.0.2.1\r\n"),
	      "250-mx.example.org\r\n"
	      "250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n"
	      "220 mx.example.org ESMTP\r\n501 5.5.4 Bad attribute of XCLIENT\r\n" MAIL_GOOD
	      "503 5.5.1 Not within a transaction\r\n",
	      "hello a\nxclient 192.0.2.1\n" MAIL_TOLD);
}

static void auth_is_an_event(void **state)
{
	struct talk t;

	(void)state;
	check(&plain, SMTP_OFFER_AUTH, SPAN("EHLO a\r\nAUTH LOGIN\r\nYQ==\r\nAUTH PLAIN x\r\n"),
	      NULL, "hello a\nauth LOGIN|\nauth line YQ==\n");
	talk_begin(&t, &plain, SMTP_OFFER_AUTH);
	(void)talk_say(&t, SPAN("EHLO a\r\nAUTH LOGIN YQ==\r\n\x01\r\nQUIT\r\n"), 100);
	assert_string_equal(buf_text(&t.told), "hello a\nauth LOGIN|YQ==\nend 1\n");
	talk_end(&t);
}

static void lines_without_end_are_read_over(void **state)
{
	AUTO_BUF struct buf said = { 0 };
	struct talk t;

	(void)state;
	for (size_t n = SMTP_COMMAND_MAX - 3; n <= SMTP_COMMAND_MAX + 3; n++)
		for (size_t step = 1; step <= n; step += 509) {
			buf_reset(&said);
			buf_add_text(&said, "NOOP ");
			while (said.n < n - 2)
				buf_add_char(&said, 'x');
			buf_add_text(&said, "\r\nNOOP\r\n");
			talk_begin(&t, &plain, 0);
			assert_int_equal(talk_say(&t, buf_span(&said), step), 0);
			assert_string_equal(
				buf_text(&t.out),
				n > SMTP_COMMAND_MAX
					? "500 5.5.2 Line too long\r\n250 2.0.0 Good\r\n"
					: "250 2.0.0 Good\r\n250 2.0.0 Good\r\n");
			talk_end(&t);
		}
	/* of a megabyte nothing is asked to be kept */
	talk_begin(&t, &plain, 0);
	buf_reset(&said);
	memset(buf_room(&said, 1u << 20), 'x', 1u << 20);
	buf_grown(&said, 1u << 20);
	assert_int_equal(talk_say(&t, buf_span(&said), 4096), 0);
	assert_true(t.s.skipping);
	talk_end(&t);
}

static void errors_end_a_session(void **state)
{
	(void)state;
	check(&plain, 0, SPAN("A\r\nB\r\nC\r\nD\r\nE\r\nNOOP\r\n"),
	      "500 5.5.2 No such command\r\n500 5.5.2 No such command\r\n"
	      "500 5.5.2 No such command\r\n500 5.5.2 No such command\r\n"
	      "500 5.5.2 No such command\r\n421 4.7.0 Too many errors\r\n",
	      "end 1\n");
}

static void idle_talk_ends_a_session(void **state)
{
	AUTO_BUF struct buf said = { 0 };
	struct talk t;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_add_text(&said, "NOOP\r\n");
	talk_begin(&t, &plain, 0);
	(void)talk_say(&t, buf_span(&said), 100);
	assert_int_equal(t.s.phase, SMTP_PHASE_ENDED);
	assert_int_equal(t.out.n, 25 * strlen("250 2.0.0 Good\r\n") +
	                                  strlen("421 4.7.0 Too many errors\r\n"));
	talk_end(&t);
}

static void a_browser_is_sent_away(void **state)
{
	(void)state;
	check(&plain, 0, SPAN("POST / HTTP/1.1\r\n" MAIL RCPT), "421 4.7.0 This is SMTP\r\n",
	      "end 3\n");
	check(&plain, 0, SPAN("\x16\x03\x01\x02\n" MAIL), "421 4.7.0 This is SMTP\r\n", "end 3\n");
}

/* ── a message that is not taken ─────────────────────────────────────────────────────────────── */

static void a_smuggled_command_is_never_heard(void **state)
{
	static const char *const forms[] = { "\n.\n",         "\n.\r\n",  "\r\n.\n", "\r.\r",
		                             "\r.\r\n",       "\r\n.\r",  "\r.\n",   "\n.\r",
		                             "\r\r\n.\r\r\n", "\n\n.\r\n" };

	(void)state;
	for (int normalize = 0; normalize < 2; normalize++)
		for (size_t i = 0; i < ROWS(forms); i++) {
			AUTO_BUF struct buf said = { 0 };
			struct smtp_server_options options = plain;
			struct talk t;

			options.newlines = normalize ? SMTP_NEWLINES_NORMALIZE
			                             : SMTP_NEWLINES_REJECT;
			talk_begin(&t, &options, SMTP_OFFER_ALL_MAIL);
			buf_addf(&said,
			         MAIL RCPT "DATA\r\na%sMAIL FROM:<evil@example.net>\r\n\r\n.\r\n",
			         forms[i]);
			(void)talk_say(&t, buf_span(&said), 100);
			if (strstr(buf_text(&t.told), "evil"))
				fail_msg("form %zu is heard", i);
			if (!strstr(buf_text(&t.out),
			            normalize ? "250 Mine" : "550 5.5.2 The message has a bare"))
				fail_msg("form %zu: %s", i, buf_text(&t.out));
			assert_int_equal(t.s.phase, SMTP_PHASE_COMMAND);
			talk_end(&t);
		}
}

static void too_big_a_message_is_read_to_its_end(void **state)
{
	AUTO_BUF struct buf said = { 0 };
	struct talk t;

	(void)state;
	for (int more = 0; more < 2; more++) {
		buf_reset(&said);
		buf_add_text(&said, MAIL RCPT "DATA\r\n");
		for (int i = 0; i < 998 + more; i++)
			buf_add_char(&said, 'x');
		buf_add_text(&said, "\r\n.\r\nNOOP\r\n");
		talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL);
		(void)talk_say(&t, buf_span(&said), 64);
		assert_string_equal(buf_text(&t.told), more ? MAIL_TOLD RCPT_TOLD "data\nbad 4\n"
		                                            : MAIL_TOLD RCPT_TOLD
		                                               "data\nmessage 1000\n");
		assert_true(
			span_ends(buf_span(&t.out),
		                  more ? "552 5.3.4 The message is too big\r\n250 2.0.0 Good\r\n"
		                       : "250 Mine\r\n250 2.0.0 Good\r\n"));
		assert_false(t.s.mail);
		talk_end(&t);
	}
}

static void a_limit_may_be_lowered_under_a_message(void **state)
{
	struct smtp_server_options options = plain;
	struct talk t;

	(void)state;
	for (int chunked = 0; chunked < 2; chunked++) {
		options.size_max = 1000;
		talk_begin(&t, &options, SMTP_OFFER_ALL_MAIL);
		(void)talk_say(&t,
		               chunked ? SPAN(MAIL RCPT "BDAT 20\r\n0123456789")
		                       : SPAN(MAIL RCPT "DATA\r\n0123456789"),
		               100);
		options.size_max = 5;
		(void)talk_say(&t, SPAN("0123456789"), 100);
		assert_true(span_ends(buf_span(&t.told), "bad 4\n"));
		talk_end(&t);
	}
}

/* ── BDAT ────────────────────────────────────────────────────────────────────────────────────── */

static void chunks_make_a_message(void **state)
{
	(void)state;
	check(&plain, SMTP_OFFER_ALL_MAIL,
	      SPAN(MAIL RCPT
	           "BDAT 6\r\na\r\n.\r\nBDAT 0\r\nBDAT 1\r\n\rBDAT 5 LAST\r\n\nQUITQUIT\r\n"),
	      MAIL_GOOD RCPT_GOOD
	      "250 Chunk\r\n250 Chunk\r\n250 Chunk\r\n250 Mine\r\n221 2.0.0 Bye\r\n",
	      MAIL_TOLD RCPT_TOLD "chunk 6 0\nchunk end\nchunk 0 0\nchunk end\nchunk 1 0\n"
	                          "chunk end\nchunk 5 1\nmessage 12\nend 0\n");
}

static void chunks_out_of_order_are_read_over(void **state)
{
	(void)state;
	check(&plain, SMTP_OFFER_ALL_MAIL, SPAN("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
	      "503 5.5.1 BDAT has to follow MAIL and RCPT\r\n250 2.0.0 Good\r\n", "");
	check(&plain, SMTP_OFFER_ALL_MAIL, SPAN(MAIL "BDAT 6\r\nQUIT\r\nNOOP\r\n"),
	      MAIL_GOOD "554 5.5.1 No valid recipients\r\n250 2.0.0 Good\r\n", MAIL_TOLD);
	/* DATA and RCPT within a message; then RSET */
	check(&plain, SMTP_OFFER_ALL_MAIL, SPAN(MAIL RCPT "BDAT 2\r\n\r\nDATA\r\n" RCPT "RSET\r\n"),
	      MAIL_GOOD RCPT_GOOD "250 Chunk\r\n503 5.5.1 The message has begun by BDAT\r\n"
	                          "503 5.5.1 The message has begun\r\n250 2.0.0 Good\r\n",
	      MAIL_TOLD RCPT_TOLD "chunk 2 0\nchunk end\nrset\n");
}

static void a_refused_chunk_ends_the_message(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL);
	t.refuse_end = 452;
	(void)talk_say(
		&t, SPAN(MAIL RCPT "BDAT 2\r\n\r\nBDAT 2\r\n\r\nBDAT 2 LAST\r\n\r\nRSET\r\n"), 100);
	assert_string_equal(buf_text(&t.told), MAIL_TOLD RCPT_TOLD "chunk 2 0\nchunk end\nrset\n");
	assert_string_equal(buf_text(&t.out), MAIL_GOOD RCPT_GOOD
	                    "452 Chunk\r\n"
	                    "503 5.5.1 A part of this message was refused; say RSET\r\n"
	                    "503 5.5.1 A part of this message was refused; say RSET\r\n"
	                    "250 2.0.0 Good\r\n");
	talk_end(&t);
}

static void chunks_that_lie_do_no_harm(void **state)
{
	static const char *const bad[] = { "BDAT\r\n",
		                           "BDAT x\r\n",
		                           "BDAT -1\r\n",
		                           "BDAT 1 FIRST\r\n",
		                           "BDAT 18446744073709551616\r\n",
		                           "BDAT 1 LAST x\r\n" };
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++) {
		talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL);
		(void)talk_say(&t, span_of(bad[i]), 3);
		assert_string_equal(buf_text(&t.out), "421 4.5.4 Syntax: BDAT octets [LAST]\r\n");
		assert_string_equal(buf_text(&t.told), "end 1\n");
		talk_end(&t);
	}
	/* more than may come, said at once; what follows is never taken for commands */
	talk_begin(&t, &plain, SMTP_OFFER_ALL_MAIL);
	(void)talk_say(&t, SPAN(MAIL RCPT "BDAT 9223372036854775808 LAST\r\nQUIT\r\n" MAIL), 100);
	assert_string_equal(buf_text(&t.told),
	                    MAIL_TOLD RCPT_TOLD "chunk 9223372036854775808 1\nbad 4\n");
	talk_end(&t);
	check(&plain, SMTP_OFFER_ALL_MAIL, SPAN(MAIL RCPT "BDAT 5\r\na\nbcdBDAT 2 LAST\r\n\r\n"),
	      MAIL_GOOD RCPT_GOOD "550 5.5.2 The message has a bare LF; lines end in CR LF\r\n"
	                          "503 5.5.1 A part of this message was refused; say RSET\r\n",
	      MAIL_TOLD RCPT_TOLD "chunk 5 0\nbad 1\n");
}

/* ── the caller ──────────────────────────────────────────────────────────────────────────────── */

static void a_session_waits_for_its_answer(void **state)
{
	struct smtp_server s;
	struct smtp_event event;
	AUTO_BUF struct buf out = { 0 };
	struct span input = SPAN(MAIL RCPT);

	(void)state;
	smtp_server_init(&s, &plain, 0);
	assert_false(smtp_server_next(&s, &input, &out, &event)); /* not greeted */
	smtp_server_greet(&s, &out, "Hi");
	assert_string_equal(buf_text(&out), "220 mx.example.org ESMTP Hi\r\n");
	assert_true(smtp_server_next(&s, &input, &out, &event));
	assert_int_equal(event.kind, SMTP_EVENT_MAIL);
	assert_true(span_is(event.line, "MAIL FROM:<a@example.net>"));
	for (int i = 0; i < 3; i++)
		assert_false(smtp_server_next(&s, &input, &out, &event));
	assert_int_equal(input.n, strlen(RCPT));
	smtp_server_reply(&s, &out, 451, "4.3.0", "Later");
	assert_true(smtp_server_next(&s, &input, &out, &event) == false); /* 503: no transaction */
	assert_int_equal(s.errors, 1);
}

static void a_reply_of_421_ends_it(void **state)
{
	struct smtp_server s;
	struct smtp_event event;
	AUTO_BUF struct buf out = { 0 };
	struct span input = SPAN("NOOP\r\n");

	(void)state;
	smtp_server_init(&s, &plain, 0);
	smtp_server_greet(&s, &out, NULL);
	smtp_server_reply(&s, &out, 421, "4.3.2", "Time\nis out\r\nover");
	assert_true(smtp_server_next(&s, &input, &out, &event));
	assert_int_equal(event.kind, SMTP_EVENT_END);
	assert_int_equal(event.end, SMTP_END_CALLER);
	assert_false(smtp_server_next(&s, &input, &out, &event));
	assert_true(span_ends(buf_span(&out),
	                      "421-4.3.2 Time\r\n421-4.3.2 is out?\r\n421 4.3.2 over\r\n"));
	buf_reset(&out);
	smtp_server_reply(&s, &out, 421, "4.3.2", "Once more");
	assert_int_equal(out.n, 0);
	smtp_server_init(&s, &plain, 0);
	smtp_server_reply(&s, &out, 554, "5.3.2", "No");
	assert_int_equal(s.phase, SMTP_PHASE_ENDED);
}

static void recipients_who_are_refused_do_not_count(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, &plain, 0);
	t.refuse = 550;
	(void)talk_say(&t, SPAN(MAIL RCPT RCPT "DATA\r\n"), 100);
	assert_true(span_ends(buf_span(&t.out), "554 5.5.1 No valid recipients\r\n"));
	talk_end(&t);
}

UNIT_TESTS("smtp/server", cmocka_unit_test(a_message_comes_in),
           cmocka_unit_test(parameters_are_read), cmocka_unit_test(bad_parameters_are_refused),
           cmocka_unit_test(commands_have_their_order), cmocka_unit_test(hello_can_be_wanted),
           cmocka_unit_test(nothing_from_before_tls_counts),
           cmocka_unit_test(an_xclient_begins_anew), cmocka_unit_test(auth_is_an_event),
           cmocka_unit_test(lines_without_end_are_read_over),
           cmocka_unit_test(errors_end_a_session), cmocka_unit_test(idle_talk_ends_a_session),
           cmocka_unit_test(a_browser_is_sent_away),
           cmocka_unit_test(a_smuggled_command_is_never_heard),
           cmocka_unit_test(too_big_a_message_is_read_to_its_end),
           cmocka_unit_test(a_limit_may_be_lowered_under_a_message),
           cmocka_unit_test(chunks_make_a_message),
           cmocka_unit_test(chunks_out_of_order_are_read_over),
           cmocka_unit_test(a_refused_chunk_ends_the_message),
           cmocka_unit_test(chunks_that_lie_do_no_harm),
           cmocka_unit_test(a_session_waits_for_its_answer),
           cmocka_unit_test(a_reply_of_421_ends_it),
           cmocka_unit_test(recipients_who_are_refused_do_not_count));
