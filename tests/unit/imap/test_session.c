/* SPDX-License-Identifier: BSD-2-Clause */

/* Greetings, STARTTLS and logins of servers that are not what they should be. */

#include "imap/session.h"

#include "unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET "a very secret word"

/* What is said, and to which command: NULL is the greeting. Any other command is answered OK. */
struct line {
	const char *command, *answer; /* "%s" in the answer is the tag */
};

struct script {
	uint16_t port;
	pid_t pid;
	int heard[2]; /* a pipe: what the client said */
};

static const char *answer_to(const struct line *lines, const char *command)
{
	for (; lines->answer; lines++)
		if (command && lines->command &&
		    !strncmp(command, lines->command, strlen(lines->command)))
			return lines->answer;
	return "%s OK done\r\n";
}

static void talk(int fd, const struct line *lines, int heard)
{
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
	char line[4096];

	fputs(lines->command ? "* OK ready\r\n" : lines->answer, out);
	fflush(out);
	while (fgets(line, sizeof line, in)) {
		char *command = strchr(line, ' ');

		(void)!write(heard, line, strlen(line));
		/* an answer to "+": without a tag */
		if (!command) {
			fprintf(out, "A2 OK done\r\n");
		} else {
			*command++ = 0;
			fprintf(out, answer_to(lines, command), line);
		}
		fflush(out);
	}
	_exit(0);
}

static void start(struct script *s, const struct line *lines)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(pipe(s->heard), 0);
	s->port = ntohs(address.sin_port);
	s->pid = fork();
	if (s->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		talk(accept(fd, NULL, NULL), lines, s->heard[1]);
	}
	close(fd);
	close(s->heard[1]);
}

static void end(struct script *s, char *said, size_t room)
{
	ssize_t n, at = 0;

	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	while ((n = read(s->heard[0], said + at, room - 1 - (size_t)at)) > 0)
		at += n;
	said[at] = 0;
	close(s->heard[0]);
}

/* The error of a login, and what the server heard. */
static void open_at(const struct line *lines, enum imap_tls tls, const char *authzid,
                    struct error *err, char *said, size_t room)
{
	AUTO_IMAP_SESSION struct imap_session *session = NULL;
	struct script s;
	const struct imap_login login = { .user = "mover", .password = SECRET, .authzid = authzid };

	start(&s, lines);
	const struct imap_server server = {
		.host = "127.0.0.1", .port = s.port, .tls = tls, .silence_ms = 60000
	};
	*err = (struct error){ 0 };
	if (imap_session_open(&session, &server, &login, err) == 0)
		snprintf(err->text, sizeof err->text, "opened");
	end(&s, said, room);
	if (strstr(err->text, SECRET) || strstr(err->hint, SECRET))
		fail_msg("the password is in the error");
}

#define STARTTLS                                                                                   \
	{                                                                                          \
		"CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n%s OK done\r\n"                  \
	}

static void before_tls_nothing_is_told_and_nothing_believed(void **state)
{
	static const struct {
		struct line lines[4];
		const char *words;
	} rows[] = {
		{ { { NULL, "* OK hello\r\n" } }, "offers no STARTTLS" },
		{ { { NULL, "* PREAUTH hello root\r\n" } }, "does not greet as an IMAP server" },
		{ { { NULL, "* BYE [UNAVAILABLE] later\r\n" } },
		  "the server ended the session: later" },
		{ { { NULL, "220 mail.example.org ESMTP\r\n" } }, "is not understood" },
		{ { STARTTLS, { "STARTTLS", "%s OK go\r\n* CAPABILITY AUTH=PLAIN\r\n" } },
		  "puts words into the connection before TLS begins" },
		{ { STARTTLS, { "STARTTLS", "%s NO not today\r\n" } },
		  "STARTTLS: the server refuses" },
		{ { STARTTLS, { "STARTTLS", "%s OK go\r\n" } }, "TLS" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct error err;
		char said[4096];

		open_at(rows[i].lines, IMAP_TLS_STARTTLS, NULL, &err, said, sizeof said);
		if (!strstr(err.text, rows[i].words))
			fail_msg("\"%s\" instead of \"%s\"", err.text, rows[i].words);
		assert_null(strstr(said, "LOGIN"));
		assert_null(strstr(said, "AUTHENTICATE"));
	}
}

static void a_login_takes_the_way_that_the_server_offers(void **state)
{
	static const struct line plain[] = {
		{ "CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%s OK done\r\n" },
		{ "AUTHENTICATE", "+ \r\n" },
		{ 0 },
	};
	static const struct line at_once[] = {
		{ "CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n%s OK done\r\n" },
		{ 0 },
	};
	static const struct line login[] = { { "CAPABILITY", "%s OK done\r\n" }, { 0 } };
	struct error err;
	char said[4096];

	open_at(plain, IMAP_TLS_NONE, "alice", &err, said, sizeof said);
	assert_string_equal(err.text, "opened");
	/* alice NUL mover NUL password */
	assert_non_null(strstr(said, "YWxpY2UAbW92ZXIAYSB2ZXJ5IHNlY3JldCB3b3Jk"));
	open_at(at_once, IMAP_TLS_NONE, NULL, &err, said, sizeof said);
	assert_string_equal(err.text, "opened");
	open_at(login, IMAP_TLS_NONE, NULL, &err, said, sizeof said);
	assert_string_equal(err.text, "opened");
}

static void a_refused_login_says_who_may_mend_it(void **state)
{
	static const struct line wrong[] = {
		{ "CAPABILITY", "* CAPABILITY IMAP4rev1\r\n%s OK done\r\n" },
		{ "LOGIN", "%s NO [AUTHENTICATIONFAILED] no\r\n" },
		{ 0 },
	};
	static const struct line busy[] = {
		{ "CAPABILITY", "* CAPABILITY IMAP4rev1\r\n%s OK done\r\n" },
		{ "LOGIN", "%s NO [UNAVAILABLE] directory is down\r\n" },
		{ 0 },
	};
	static const struct line disabled[] = {
		{ "CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n%s OK done\r\n" },
		{ 0 },
	};
	struct error err;
	char said[4096];

	open_at(wrong, IMAP_TLS_NONE, NULL, &err, said, sizeof said);
	assert_non_null(
		strstr(err.text, "log in as mover: the server refuses: [AUTHENTICATIONFAILED]"));
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
	assert_int_equal(err.scope, ERROR_SCOPE_MAILBOX);
	open_at(busy, IMAP_TLS_NONE, NULL, &err, said, sizeof said);
	assert_int_equal(err.retry, ERROR_RETRY_LATER);
	open_at(disabled, IMAP_TLS_NONE, NULL, &err, said, sizeof said);
	assert_non_null(strstr(err.text, "allows no password"));
	assert_null(strstr(said, "LOGIN "));
}

UNIT_TESTS("imap/session", cmocka_unit_test(before_tls_nothing_is_told_and_nothing_believed),
           cmocka_unit_test(a_login_takes_the_way_that_the_server_offers),
           cmocka_unit_test(a_refused_login_says_who_may_mend_it));
