/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/options.h"
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <string.h>
#include <unistd.h>

static int read_words(const char *line, struct gate_options *o, struct error *err)
{
	AUTO_STRINGS struct strings words = { 0 };
	struct span rest = span_of(line), word;

	strings_add(&words, "mailhaul-gate");
	while (span_next_word(&rest, &word))
		strings_add_span(&words, word);

	AUTO_FREE char **argv = xcalloc(words.n + 1, sizeof *argv);
	for (size_t i = 0; i < words.n; i++)
		argv[i] = words.rows[i];
	return gate_options_read(o, (int)words.n, argv, err);
}

static void the_command_line_is_read(void **state)
{
	AUTO_GATE_OPTIONS struct gate_options o = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(read_words("--listen 192.0.2.1:25 --listen-submission [2001:db8::1]:587 "
	                       "--listen-tls 192.0.2.1:465 --mode spool --spool /srv/spool "
	                       "--domain example.org --domain example.net --tls a.pem,b.pem "
	                       "--text hello --pid-file /run/x.pid --wait 3 --connections 7 "
	                       "--reserve 10M --xclient-from 192.0.2.0/24 --hold",
	                       &o, &err),
	            &err);
	assert_int_equal(o.listen_n, 3);
	assert_int_equal(o.listen[0].at.any.sa_family, AF_INET);
	assert_int_equal(o.listen[1].at.any.sa_family, AF_INET6);
	assert_int_equal(o.listen[0].role, GATE_ROLE_MX);
	assert_int_equal(o.listen[1].role, GATE_ROLE_SUBMISSION);
	assert_false(o.listen[1].tls);
	assert_true(o.listen[2].tls);
	assert_int_equal(o.mode, GATE_SPOOL);
	assert_int_equal(o.wait_s, 3);
	assert_int_equal(o.connections, 7);
	assert_int_equal(o.reserve, 10 << 20);
	assert_int_equal(o.domains.n, 2);
	assert_int_equal(o.xclient_from.n, 1);
	assert_true(o.hold);
	assert_string_equal(o.text, "hello");
	/* what was not said has a value that holds */
	assert_int_equal(o.command_timeout_s, 300);
	assert_int_equal(o.newlines, GATE_NEWLINES_REJECT);
	assert_int_equal(o.take, GATE_TAKE_WAIT);
}

static void nonsense_is_refused_with_its_name(void **state)
{
	static const struct {
		const char *line, *words;
	} wrong[] = {
		{ "--mode defer", "where to listen" },
		{ "--listen 127.0.0.1:25", "what to do is missing" },
		{ "--listen 127.0.0.1:25 --mode fetch",
		  "--mode: there is no \"fetch\", only: defer, spool, relay" },
		{ "--listen 127.0.0.1:25 --mode spool", "--spool DIR" },
		{ "--listen 127.0.0.1:25 --mode spool --spool /x", "who is here" },
		{ "--listen 127.0.0.1:25 --mode relay --domain example.org", "--deliver-to" },
		{ "--listen 127.0.0.1:25 --mode relay --deliver-to 192.0.2.1:25", "who is here" },
		{ "--listen-tls 127.0.0.1:465 --mode spool --spool /x --domain a", "--tls" },
		{ "--listen 127.0.0.1 --mode defer", "ADDR:PORT" },
		{ "--listen 127.0.0.1:0 --mode defer", "ADDR:PORT" },
		{ "--listen ::1:25 --mode defer", "IPv6 stands in []" },
		{ "--listen mail.example.org:25 --mode defer", "no IPv4 address" },
		{ "--listen [::1:25 --mode defer", "no IPv4 address" },
		{ "--listen [127.0.0.1]:25 --mode defer", "no IPv6 address" },
		{ "--listen 127.0.0.1:25 --mode defer more", "more" },
		{ "--listen 127.0.0.1:25 --mode defer --wait soon", "--wait wants a number" },
		{ "--listen 127.0.0.1:25 --mode defer --wait 4k", "--wait wants a number" },
		{ "--listen 127.0.0.1:25 --mode defer --header-size 9G", "--header-size wants" },
		{ "--listen 127.0.0.1:25 --mode defer --proxy-from 192.0.2.0/33", "no network" },
		{ "--colour red", "--colour" },
		{ "--listen", "--listen" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(wrong); i++) {
		AUTO_GATE_OPTIONS struct gate_options o = { 0 };
		struct error err = { 0 };

		assert_fails(read_words(wrong[i].line, &o, &err), &err, wrong[i].words);
		assert_int_equal(err.retry, ERROR_RETRY_NEVER);
	}
}

/* A file with this text, and its path; removed by the caller. */
static char *write_file(const char *text)
{
	char *path = xstrdup("/tmp/mailhaul-unit.XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
	return path;
}

static int read_file(const char *text, const char *more, struct gate_options *o, struct error *err)
{
	AUTO_FREE char *path = write_file(text);
	AUTO_FREE char *line = xasprintf("--config %s %s", path, more);
	int result = read_words(line, o, err);

	unlink(path);
	return result;
}

static void a_file_has_the_same_names_and_the_command_line_the_last_word(void **state)
{
	AUTO_GATE_OPTIONS struct gate_options o = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(read_file("# a comment\nlisten: [192.0.2.1:25, '[2001:db8::1]:25']\n"
	                      "mode: defer\nwait: 5\nhold: yes\ntext: \"two words\"\n"
	                      "domain:\n  - example.org\n",
	                      "--mode spool --spool /x --domain example.net --wait 6", &o, &err),
	            &err);
	assert_int_equal(o.listen_n, 2);
	assert_int_equal(o.mode, GATE_SPOOL);
	assert_int_equal(o.wait_s, 6);
	assert_int_equal(o.domains.n, 2);
	assert_string_equal(o.text, "two words");
	assert_true(o.hold);
}

static void a_fault_in_the_file_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *words;
	} wrong[] = {
		{ "mode: defer\n\nlsiten: 1\n", ":3: there is no option \"lsiten\"" },
		{ "mode: defer\nwait: soon\n", ":2: --wait wants a number" },
		{ "mode: defer\nlisten:\n  a: b\n", ":3: wants a value, or a list" },
		{ "mode: [defer, [spool]]\n", ":1: wants a value" },
		{ "- mode\n", ":1: wants \"option: value\"" },
		{ "mode: 'defer\n", ": " },
		{ "hold: perhaps\n", ":1: wants yes or no" },
		{ "config: other.yaml\n", "there is no option \"config\"" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(wrong); i++) {
		AUTO_GATE_OPTIONS struct gate_options o = { 0 };
		struct error err = { 0 };

		assert_fails(read_file(wrong[i].text, "--listen 192.0.2.1:25", &o, &err), &err,
		             wrong[i].words);
	}
}

static void every_option_is_in_the_usage(void **state)
{
	AUTO_BUF struct buf text = { 0 };

	(void)state;
	gate_options_usage(&text);
	assert_non_null(strstr(buf_text(&text), "--mode defer|spool|relay"));
	assert_non_null(strstr(buf_text(&text), "--listen ADDR:PORT"));
	assert_null(strstr(buf_text(&text), "--help"));
}

static void an_address_is_in_its_networks_and_in_no_other(void **state)
{
	struct gate_networks list = { 0 };
	struct gate_address a;
	struct error err = { 0 };

	(void)state;
	assert_good(gate_networks_add(&list, "x", "192.0.2.128/25,2001:db8:1::/47", &err), &err);
	assert_good(gate_networks_add(&list, "x", "198.51.100.7", &err), &err);
	static const struct {
		const char *text;
		bool inside;
	} cases[] = {
		{ "192.0.2.200:1", true },          { "192.0.2.127:1", false },
		{ "198.51.100.7:1", true },         { "198.51.100.8:1", false },
		{ "[2001:db8:1::5]:1", true },      { "[2001:db8:2::5]:1", false },
		{ "[::ffff:192.0.2.200]:1", true }, { "[2001:db8::5]:1", true },
	};
	for (size_t i = 0; i < ROWS(cases); i++) {
		assert_good(gate_address_parse(&a, "x", cases[i].text, &err), &err);
		if (gate_networks_hold(&list, &a) != cases[i].inside)
			fail_msg("%s", cases[i].text);
	}
	gate_networks_fini(&list);
}

UNIT_TESTS("gate/options", cmocka_unit_test(the_command_line_is_read),
           cmocka_unit_test(nonsense_is_refused_with_its_name),
           cmocka_unit_test(a_file_has_the_same_names_and_the_command_line_the_last_word),
           cmocka_unit_test(a_fault_in_the_file_is_told_with_its_line),
           cmocka_unit_test(every_option_is_in_the_usage),
           cmocka_unit_test(an_address_is_in_its_networks_and_in_no_other));
