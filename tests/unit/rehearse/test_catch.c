/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/outside.h"

#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "smtp/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session {
	char folder[32];
	struct strings seen;
	unsigned number;
	struct catch catch;
	struct smtp_server smtp;
	struct buf said;
	int waited;
};

static void begin(struct session *s)
{
	static const struct smtp_server_options options = {
		.name = "mx.example.net", .recipients_max = 100, .errors_max = 100, .idle_max = 100
	};

	memset(s, 0, sizeof *s);
	snprintf(s->folder, sizeof s->folder, "/tmp/catch-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->catch = (struct catch){ .seen = &s->seen,
		                   .folder = open(s->folder, O_RDONLY | O_DIRECTORY),
		                   .number = &s->number,
		                   .client = "203.0.113.10" };
	smtp_server_init(&s->smtp, &options, SMTP_OFFER_ALL_MAIL);
	smtp_server_greet(&s->smtp, &s->said, NULL);
}

static void end(struct session *s)
{
	char command[64];

	close(s->catch.folder);
	catch_fini(&s->catch);
	strings_fini(&s->seen);
	buf_fini(&s->said);
	snprintf(command, sizeof command, "rm -r %s", s->folder);
	assert_int_equal(system(command), 0);
}

/* Says it, and gives the codes of the replies: "250 550". */
static void say(struct session *s, const char *lines, const char *codes)
{
	struct span input = span_of(lines), rest, line;
	AUTO_BUF struct buf got = { 0 };
	struct smtp_event e;

	buf_reset(&s->said);
	while (smtp_server_next(&s->smtp, &input, &s->said, &e))
		s->waited += catch_take(&s->catch, &s->smtp, &e, &s->said);
	assert_int_equal(input.n, 0);
	for (rest = buf_span(&s->said); span_next_line(&rest, &line);)
		if (line.n > 3 && line.p[3] == ' ')
			buf_addf(&got, "%s%.3s", got.n ? " " : "", line.p);
	assert_string_equal(buf_text(&got), codes);
}

static void the_local_part_says_how_mail_is_taken(void **state)
{
	struct session s;

	begin(&s);
	say(&s, "EHLO mail.example.org\r\nMAIL FROM:<a@example.org>\r\n", "250 250");
	say(&s,
	    "RCPT TO:<never@example.com>\r\nRCPT TO:<later+3@example.com>\r\n"
	    "RCPT TO:<greylist-1@example.com>\r\nRCPT TO:<greylist-1@example.com>\r\n"
	    "RCPT TO:<greylist-2@example.com>\r\nRCPT TO:<nevertheless@example.com>\r\n",
	    "550 451 450 250 450 250");
	assert_int_equal(s.waited, 0);
	say(&s, "RCPT TO:<slow@example.com>\r\nDATA\r\nSubject: x\r\n\r\n..y\r\n.\r\n",
	    "250 354 250");
	assert_true(s.waited > 0);
	end(&s);
}

static void a_message_is_kept_as_it_came_with_its_envelope(void **state)
{
	AUTO_BUF struct buf message = { 0 }, envelope = { 0 };
	struct error err = { 0 };
	struct session s;

	begin(&s);
	s.catch.tls_offered = true;
	s.catch.tls_version = "TLSv1.3";
	s.catch.tls_cipher = "TLS_AES_256_GCM_SHA384";
	say(&s,
	    "HELO mail.example.org\r\nMAIL FROM:<gone@example.org>\r\nRCPT "
	    "TO:<x@example.com>\r\nRSET\r\n"
	    "MAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\n"
	    "DATA\r\nSubject: x\r\n\r\n..y\r\n.\r\n",
	    "250 250 250 250 250 250 250 354 250");
	assert_int_equal(file_read_below(s.catch.folder, "1.eml", 100, &message, &err), 0);
	assert_string_equal(buf_text(&message), "Subject: x\r\n\r\n.y\r\n");
	assert_int_equal(file_read_below(s.catch.folder, "1.json", 1000, &envelope, &err), 0);
	assert_string_equal(
		buf_text(&envelope),
		"{\"client\":\"203.0.113.10\",\"helo\":\"mail.example.org\",\"offered\":true,"
		"\"tls\":\"TLSv1.3\",\"cipher\":\"TLS_AES_256_GCM_SHA384\","
		"\"sender\":\"\",\"recipients\":[\"b@example.com\",\"c@example.com\"]}");
	assert_int_equal(s.number, 1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_local_part_says_how_mail_is_taken),
		cmocka_unit_test(a_message_is_kept_as_it_came_with_its_envelope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
