/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/options.h"
#include "gate/session.h"
#include "unit/unit.h"

#include <string.h>

static void what_a_client_says_decides_once_a_line_is_whole(void **state)
{
	static const struct {
		const char *input;
		enum gate_wish wish;
		const char *said;
	} cases[] = {
		{ "QUIT\r\n", GATE_QUIT, "QUIT" },
		{ "quit\n", GATE_QUIT, "quit" },
		{ "quit \r\n", GATE_QUIT, "quit " },
		{ "\r\n\r\nQUIT\r\n", GATE_QUIT, "QUIT" },
		{ "EHLO mail.example.net\r\n", GATE_REPEAT, "EHLO mail.example.net" },
		{ "QUITTER\r\n", GATE_REPEAT, "QUITTER" },
		{ "QUI", GATE_WAIT, "QUI" },
		{ "EHLO a\r\nQUIT\r\n", GATE_REPEAT, "EHLO a" },
		{ "", GATE_WAIT, "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++) {
		size_t n = strlen(cases[i].input);

		/* cut into two at every octet: the same */
		for (size_t cut = 0; cut <= n; cut++) {
			struct gate_session s = { 0 };
			enum gate_wish wish = gate_session_input(
				&s, (struct span){ cases[i].input, cut });

			if (wish == GATE_WAIT)
				wish = gate_session_input(
					&s, (struct span){ cases[i].input + cut, n - cut });
			assert_int_equal(wish, cases[i].wish);
			assert_int_equal(s.said_n, strlen(cases[i].said));
			assert_memory_equal(s.said, cases[i].said, s.said_n);
		}
	}
}

static void an_endless_line_is_ended_and_only_its_beginning_kept(void **state)
{
	struct gate_session s = { 0 };
	char block[500];
	enum gate_wish wish = GATE_WAIT;
	size_t sent = 0;

	(void)state;
	memset(block, 'x', sizeof block);
	while (wish == GATE_WAIT && sent < 1 << 20) {
		wish = gate_session_input(&s, (struct span){ block, sizeof block });
		sent += sizeof block;
	}
	assert_int_equal(wish, GATE_END);
	assert_in_range(sent, GATE_INPUT_MAX, GATE_INPUT_MAX + sizeof block);
	assert_int_equal(s.said_n, GATE_SAID_MAX);
	assert_true(s.said_cut);
}

static void the_reply_is_one_line_of_plain_text(void **state)
{
	AUTO_BUF struct buf out = { 0 };
	char longer[GATE_LINE_MAX + 1];

	(void)state;
	assert_true(gate_reply_make("mail.example.org", "We move", &out));
	assert_string_equal(buf_text(&out), "421 4.3.2 mail.example.org We move\r\n");
	assert_false(gate_reply_make("mail.example.org", "two\r\n250 lines", &out));
	assert_false(gate_reply_make("mail.example.org", "caf\xc3\xa9", &out));
	assert_false(gate_reply_make("", "We move", &out));
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_false(gate_reply_make("mail.example.org", longer, &out));
	longer[GATE_LINE_MAX - 10 - 17 - 2] = '\0';
	assert_true(gate_reply_make("mail.example.org", longer, &out));
	assert_int_equal(out.n, GATE_LINE_MAX);
}

/* ── the command line ────────────────────────────────────────────────────────────────────────── */

static int read_words(const char *line, struct gate_options *o, struct error *err)
{
	static struct strings words; /* options borrow from it */
	struct span rest = span_of(line), word;

	strings_fini(&words);
	strings_add(&words, "mailhaul-gate");
	while (span_next_word(&rest, &word))
		strings_add_span(&words, word);
	words.rows = realloc(words.rows, (words.n + 1) * sizeof *words.rows);
	words.room = words.n + 1;
	words.rows[words.n] = NULL; /* as main()'s argv ends */
	return gate_options_read(o, (int)words.n, words.rows, err);
}

static void the_command_line_is_read_and_nonsense_refused(void **state)
{
	static const struct {
		const char *line, *words;
	} wrong[] = {
		{ "--mode defer", "where to listen" },
		{ "--listen 127.0.0.1:25", "what to do is missing" },
		{ "--listen 127.0.0.1:25 --mode spool",
		  "mode \"spool\" is not in this version, which has: defer" },
		{ "--listen 127.0.0.1 --mode defer", "ADDR:PORT" },
		{ "--listen 127.0.0.1:0 --mode defer", "ADDR:PORT" },
		{ "--listen ::1:25 --mode defer", "IPv6 stands in []" },
		{ "--listen mail.example.org:25 --mode defer", "no IPv4 address" },
		{ "--listen [::1:25 --mode defer", "no IPv4 address" },
		{ "--listen [127.0.0.1]:25 --mode defer", "no IPv6 address" },
		{ "--listen 127.0.0.1:25 --mode defer more", "more" },
		{ "--listen 127.0.0.1:25 --mode defer --wait soon", "--wait wants a number" },
		{ "--colour red", "--colour" },
		{ "--listen", "--listen" },
	};
	struct gate_options o;
	struct error err = { 0 };

	(void)state;
	assert_good(read_words("--listen 192.0.2.1:25 --listen [2001:db8::1]:587 --mode defer "
	                       "--text hello --pid-file /run/x.pid --wait 3 --connections 7",
	                       &o, &err),
	            &err);
	assert_int_equal(o.listen_n, 2);
	assert_int_equal(o.listen[0].any.sa_family, AF_INET);
	assert_int_equal(o.listen[1].any.sa_family, AF_INET6);
	assert_int_equal(o.wait_s, 3);
	assert_int_equal(o.connections, 7);
	assert_string_equal(o.text, "hello");
	for (size_t i = 0; i < ROWS(wrong); i++)
		assert_fails(read_words(wrong[i].line, &o, &err), &err, wrong[i].words);
}

UNIT_TESTS("gate/session", cmocka_unit_test(what_a_client_says_decides_once_a_line_is_whole),
           cmocka_unit_test(an_endless_line_is_ended_and_only_its_beginning_kept),
           cmocka_unit_test(the_reply_is_one_line_of_plain_text),
           cmocka_unit_test(the_command_line_is_read_and_nonsense_refused));
