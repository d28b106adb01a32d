/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/description.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include "unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD                                                                                       \
	"name: demo\n"                                                                             \
	"segments:\n"                                                                              \
	"  - name: site\n"                                                                         \
	"    gateways: [\"203.0.113.1/24\", \"2001:db8:113::1/64\"]\n"                             \
	"hosts:\n"
#define OLD                                                                                        \
	"  - name: old\n"                                                                          \
	"    hostname: old.example.org\n"                                                          \
	"    segment: site\n"                                                                      \
	"    addresses: [203.0.113.10/24, 2001:db8:113::10/64]\n"

/* Loads `text` from a file in memory. */
static int load(struct description **d, const char *text, struct error *err)
{
	AUTO_CLOSE int fd = memfd_create("description", MFD_CLOEXEC);
	AUTO_FREE char *path = xasprintf("/proc/self/fd/%d", fd);

	assert_true(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	return description_load(d, path, err);
}

/* It fails, in line `line`, with `words`. */
static void refused(const char *text, int line, const char *words)
{
	AUTO_DESCRIPTION struct description *d = NULL;
	struct error err = { 0 };
	AUTO_FREE char *place = xasprintf(":%d: ", line);

	assert_fails(load(&d, text, &err), &err, words);
	if (!strstr(err.text, place))
		fail_msg("not in line %d: %s", line, err.text);
	assert_int_equal(error_exit_code(&err), EXIT_CODE_DATA);
	assert_null(d);
}

static void a_whole_description_is_read(void **state)
{
	AUTO_DESCRIPTION struct description *d = NULL;
	struct error err = { 0 };

	assert_good(load(&d,
	                 HEAD OLD "    resolver: 198.51.100.55\n"
	                          "    names: [\"203.0.113.10 mail.example.org\"]\n"
	                          "    disk: 2G\n"
	                          "    fresh: &f [/srv, /var/mail]\n"
	                          "    share: [/tmp/results]\n"
	                          "  - name: new\n"
	                          "    hostname: new.example.org\n"
	                          "    segment: site\n"
	                          "    addresses: [203.0.113.20/24]\n"
	                          "    memory: yes\n"
	                          "    keep_names: true\n"
	                          "    fresh: *f\n",
	                 &err),
	            &err);
	assert_string_equal(d->name, "demo");
	assert_int_equal(d->hosts_count, 2);
	assert_int_equal(d->hosts[0].disk_size, 2ll << 30);
	assert_int_equal(d->hosts[1].disk_size, 0);
	assert_true(d->hosts[1].keep_names && !d->hosts[0].keep_names);
	assert_ptr_equal(d->hosts[0].segment_found, &d->segments[0]);
	assert_string_equal(d->hosts[0].addresses_parsed[1].text, "2001:db8:113::10");
	assert_int_equal(d->hosts[0].addresses_parsed[1].prefix, 64);
	assert_string_equal(d->hosts[1].fresh[1], "/var/mail");
	assert_string_equal(d->router.name, "router");
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	refused("", 1, "empty");
	refused("name: [x\n", 2, "did not find");
	refused("[]\n", 1, "Expecting MAPPING");
	refused(HEAD OLD "    adresses: []\n", 10, "unknown key \"adresses\"");
	refused("name: demo\nsegments: []\nhosts: []\n", 2, "Insufficient entries");
	refused(HEAD OLD "    disk: [2G]\n", 10, "Expecting STRING");
	refused(HEAD OLD "    disk: 2G\n    memory: true\n", 11, "not both");
	refused(HEAD OLD "    disk: 2X\n", 10, "disk \"2X\"");
	refused(HEAD OLD "    disk: 1M\n", 10, "from 16M");
	refused(HEAD OLD "    disk: 999999999999999G\n", 10, "from 16M");
	refused(HEAD OLD "    disk: 1073741825K\n", 10, "from 16M");
	refused(HEAD OLD "    disk: 1073741824T\n", 10, "from 16M");
	refused(HEAD OLD "    resolver: ns1.example.org\n", 10, "not an IP address");
	refused(HEAD OLD "    fresh:\n      - /srv\n      - srv\n", 12, "not an absolute path");
	refused(HEAD OLD "    fresh: [/srv/../etc]\n", 10, "..");
	refused(HEAD OLD "    share: [//]\n", 10, "root directory itself");
	refused(HEAD OLD "    root: srv/old\n", 10, "absolute");
	refused(HEAD OLD "    show: [/proc/1]\n", 10, "of its own");
	refused(HEAD OLD "    names: [\"a\\nb\"]\n", 10, "more than one line");
	refused(HEAD OLD OLD, 10, "\"old\" is there already");
}

static void an_unknown_key_brings_the_nearest_known_one(void **state)
{
	AUTO_DESCRIPTION struct description *d = NULL;
	struct error err = { 0 };

	assert_fails(load(&d, HEAD OLD "    resolvr: x\n", &err), &err, "unknown key");
	assert_string_equal(err.hint, "did you mean \"resolver\"?");
}

static void names_become_interface_names_so_they_are_plain(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{ "  - name: thirteen-long", "STRING length > 12" },
		{ "  - name: a/b", "letters a-z" },
		{ "  - name: -a", "letters a-z" },
		{ "  - name: \"a b\"", "letters a-z" },
		{ "  - name: router", "joins the segments" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *text = xasprintf("%s%s\n    hostname: a.example.org\n"
		                                 "    segment: site\n"
		                                 "    addresses: [203.0.113.9/24]\n",
		                                 HEAD, rows[i].line);

		refused(text, 6, rows[i].words);
	}
}

static void host_names_are_checked(void **state)
{
	static const char *const wrong[] = { "a..b", ".a", "-a", "a.", "a b", "a_b", "a;b" };

	for (size_t i = 0; i < ROWS(wrong); i++) {
		AUTO_FREE char *text = xasprintf("%s  - name: a\n    hostname: \"%s\"\n"
		                                 "    segment: site\n"
		                                 "    addresses: [203.0.113.9/24]\n",
		                                 HEAD, wrong[i]);

		refused(text, 7, "not a host name");
	}
}

static void addresses_are_used_once_and_reach_a_gateway(void **state)
{
	static const struct {
		const char *addresses, *words;
	} rows[] = {
		{ "203.0.113.10", "prefix length is missing" },
		{ "203.0.113.10/33", "not a prefix length" },
		{ "203.0.113.10/", "not a prefix length" },
		{ "2001:db8:113::9/129", "not a prefix length" },
		{ "mail/24", "not an IP address" },
		{ "203.0.113.1/24", "used already" },
		{ "203.0.113.9/24, 203.0.113.9/25", "used already" },
		{ "198.51.100.9/24", "no gateway" },
		{ "203.0.113.200/30", "no gateway" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *text = xasprintf("%s  - name: a\n    hostname: a.example.org\n"
		                                 "    segment: site\n    addresses: [%s]\n",
		                                 HEAD, rows[i].addresses);

		refused(text, 9, rows[i].words);
	}
}

static void a_missing_file_is_bad_input(void **state)
{
	AUTO_DESCRIPTION struct description *d = NULL;
	struct error err = { 0 };

	assert_fails(description_load(&d, "/nonexistent/x.yaml", &err), &err, "/nonexistent");
	assert_int_equal(error_exit_code(&err), EXIT_CODE_DATA);
}

/* Cut at every octet: read or refused, nothing else (the sanitizers watch). */
static void a_description_cut_anywhere_is_read_or_refused(void **state)
{
	static const char whole[] = HEAD OLD "    fresh: &f [/srv]\n    share: *f\n";

	for (size_t n = 0; n < sizeof whole; n++) {
		AUTO_FREE char *part = xstrndup(whole, n);
		AUTO_DESCRIPTION struct description *d = NULL;
		struct error err = { 0 };

		if (load(&d, part, &err) < 0)
			assert_true(err.text[0]);
	}
}

UNIT_TESTS("description", cmocka_unit_test(a_whole_description_is_read),
           cmocka_unit_test(what_is_wrong_is_named_with_its_line),
           cmocka_unit_test(an_unknown_key_brings_the_nearest_known_one),
           cmocka_unit_test(names_become_interface_names_so_they_are_plain),
           cmocka_unit_test(host_names_are_checked),
           cmocka_unit_test(addresses_are_used_once_and_reach_a_gateway),
           cmocka_unit_test(a_missing_file_is_bad_input),
           cmocka_unit_test(a_description_cut_anywhere_is_read_or_refused));
