/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/turnaway.h"
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
			struct turnaway s = { 0 };
			enum gate_wish wish = turnaway_input(&s,
			                                     (struct span){ cases[i].input, cut });

			if (wish == GATE_WAIT)
				wish = turnaway_input(
					&s, (struct span){ cases[i].input + cut, n - cut });
			assert_int_equal(wish, cases[i].wish);
			assert_int_equal(s.said_n, strlen(cases[i].said));
			assert_memory_equal(s.said, cases[i].said, s.said_n);
		}
	}
}

static void an_endless_line_is_ended_and_only_its_beginning_kept(void **state)
{
	struct turnaway s = { 0 };
	char block[500];
	enum gate_wish wish = GATE_WAIT;
	size_t sent = 0;

	(void)state;
	memset(block, 'x', sizeof block);
	while (wish == GATE_WAIT && sent < 1 << 20) {
		wish = turnaway_input(&s, (struct span){ block, sizeof block });
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

UNIT_TESTS("gate/turnaway", cmocka_unit_test(what_a_client_says_decides_once_a_line_is_whole),
           cmocka_unit_test(an_endless_line_is_ended_and_only_its_beginning_kept),
           cmocka_unit_test(the_reply_is_one_line_of_plain_text));
