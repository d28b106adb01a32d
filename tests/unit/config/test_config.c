/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"
#include "config/config.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#define GOOD                                                                                       \
	"name: a\n"                                                                                \
	"old: {host: 'ssh:root@192.0.2.1'}\n"                                                      \
	"new: {host: local}\n"                                                                     \
	"switch: dns\n"                                                                            \
	"dns:\n"                                                                                   \
	"  server: 192.0.2.53\n"                                                                   \
	"  key_file: /k\n"                                                                         \
	"  records:\n"                                                                             \
	"    - {name: mail.example.org, old: 192.0.2.1, new: 192.0.2.2}\n"

static int load(const char *text, struct config **out, struct error *err)
{
	char path[] = "/tmp/mailhaul-unit-XXXXXX";
	int fd = mkstemp(path), result;

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
	result = config_load(out, path, err);
	unlink(path);
	return result;
}

static void a_good_file_is_read_with_its_defaults(void **state)
{
	AUTO_CONFIG struct config *c = NULL;
	struct error err = { 0 };

	assert_good(load(GOOD, &c, &err), &err);
	assert_int_equal(c->old_host.reach, CONFIG_SSH);
	assert_string_equal(c->old_host.target, "root@192.0.2.1");
	assert_int_equal(c->new_host.reach, CONFIG_LOCAL);
	assert_int_equal(c->close, CONFIG_CLOSE_REFUSE);
	assert_int_equal(c->switch_by, CONFIG_SWITCH_DNS);
	assert_int_equal(c->window.budget, 3600);
	assert_int_equal(c->dns.port, 53);
	assert_int_equal(c->gate.port, 25025);
	assert_false(config_gate_takes(c));
	assert_string_equal(c->dns.records[0].new_address, "192.0.2.2");
}

/* One mistake each; the words, the line, and (where there is one) the hint. */
static void each_mistake_is_one_error_with_its_line(void **state)
{
	static const struct {
		const char *text, *words, *line, *hint;
	} rows[] = {
		{ GOOD "clsoe: refuse\n", "unknown key \"clsoe\"",
		  ":10: ", "did you mean \"close\"?" },
		{ GOOD "window: {budget: soon}\n", "", ":10: ", "" },
		{ GOOD "window: {budget: 999999}\n", "window.budget is 999999, not from 5 to 14400",
		  ":10: ", "" },
		{ GOOD "gate: {port: 25025, spool: here}\n", "\"here\" is no absolute path",
		  ":10: ", "" },
		{ GOOD "gate: {wait: 90000}\n", "gate.wait is 90000, not from 1 to 86400",
		  ":10: ", "" },
		{ GOOD "mailboxes: {mbox_to: sdbox}\n",
		  "\"sdbox\" is none of: mbox, maildir, maildir++", ":10: ", "" },
		{ GOOD "limit: {io_pressure: 101}\n", "limit.io_pressure is 101", ":10: ", "" },
		{ GOOD "limit: {rate: 9}\n", "9 octets a second, less than 10000", ":10: ", "" },
		{ GOOD "check: {flood: 20000}\n", "check.flood is 20000", ":10: ", "" },
		{ GOOD "check: {recipient: 'a@b> SIZE=1'}\n", "is no mail address", ":10: ", "" },
		{ GOOD "check: {backups: [{of: both}]}\n", "\"both\" is neither old nor new",
		  ":10: ", "" },
		{ GOOD "check: {backups: [{of: new, made: here}]}\n",
		  "\"here\" is no absolute path", ":10: ", "" },
		{ GOOD "check: {backups: [{of: new, restore: [/bin/sh], original: /a, scratch: "
		       "/b}]}\n",
		  "whose name is mailhaul-restore", ":10: ", "" },
		{ GOOD "check: {backups: [{of: new, restore: [/bin/mailhaul-restore]}]}\n",
		  "restore wants original", ":10: ", "" },
		{ GOOD "lists: {to: sympa}\n", "\"sympa\" is none of: mailman21, mailman3, none",
		  ":10: ", "" },
		{ GOOD "lists: {to: mailman3, waves: 2}\n", "all lists go together", ":10: ", "" },
		{ GOOD "lists: {bulk: true}\n", "only members for a Mailman 3 go in bulk",
		  ":10: ", "" },
		{ GOOD "lists: {archives: hyperkitty}\n", "goes with lists.to: mailman3",
		  ":10: ", "" },
		{ GOOD "lists: {to: mailman3, archives: mhonarc}\n",
		  "\"mhonarc\" is none of: none, hyperkitty", ":10: ", "" },
		{ GOOD "lists: {to: mailman3, mailman_web: /usr/bin/django-admin}\n",
		  "no path that ends in /mailman-web or /manage.py", ":10: ", "" },
		{ GOOD "lists: {to: mailman3, mailman: /bin/sh}\n", "no path that ends in /mailman",
		  ":10: ", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: 'folder:/x'}\nswitch: manual\n"
		  "lists: {to: mailman3}\n",
		  "new.host can't be a folder", ":5: ", "" },
		{ GOOD "close: never\n", "\"never\" is none of: refuse, defer", ":10: ", "" },
		{ "name: a\nold: {host: 'ftp:x'}\nnew: {host: local}\n", "\"ftp:x\" is none of",
		  ":2: ", "" },
		{ "name: a\nold: {host: 'ssh:-oProxyCommand=x'}\nnew: {host: local}\n",
		  "does not begin with '-'", ":2: ", "" },
		{ "name: a\nold: {host: local}\nnew: {host: 'ssh:x'}\n", "the one mailhaul runs on",
		  ":3: ", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: local}\nswitch: address\n",
		  "needs address.addresses", "", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: local}\nswitch: address\n"
		  "address: {addresses: [192.0.2.1/33]}\n",
		  "\"192.0.2.1/33\" is not an address with its prefix", ":5: ", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: local}\nswitch: dns\ndns:\n"
		  "  records: [{name: m.example.org, old: 192.0.2.1, new: '2001:db8::1'}]\n",
		  "addresses of one family", ":6: ", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: local}\nswitch: manual\ndns:\n"
		  "  records: [{name: m.example.org, old: 192.0.2.1, new: 192.0.2.2,\n"
		  "             closed: 192.0.2.2}]\n",
		  "closed is 192.0.2.2, which is an old or a new address too", ":6: ", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: local}\nswitch: manual\ndns:\n"
		  "  records: [{name: m.example.org, old: 192.0.2.1, new: 192.0.2.2,\n"
		  "             closed: '2001:db8::1'}]\n",
		  "closed must be an address of the same family", ":6: ", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: local}\nswitch: manual\ndns:\n"
		  "  records:\n"
		  "    - {name: m.example.org, old: 192.0.2.1, new: 192.0.2.2, closed: 192.0.2.3}\n"
		  "    - {name: m.example.org, old: '2001:db8::1', new: '2001:db8::2'}\n",
		  "m.example.org leads to 2001:db8::1 too, for which there is no closed",
		  ":7: ", "" },
		{ "name: a\nold: {host: 'ssh:x'}\nnew: {host: local}\nswitch: address\n"
		  "address: {addresses: [192.0.2.1/24]}\ndns:\n"
		  "  records: [{name: m.example.org, old: 192.0.2.1, new: 192.0.2.2,\n"
		  "             closed: 192.0.2.3}]\n",
		  "switch: address changes no record", ":7: ", "" },
		{ "name: [\n", "", ":2: ", "" },
		{ "", "empty", "", "" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_CONFIG struct config *c = NULL;
		struct error err = { 0 };

		assert_fails(load(rows[i].text, &c, &err), &err, rows[i].words);
		if (!strstr(err.text, rows[i].line))
			fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].line, err.text);
		assert_string_equal(err.hint, rows[i].hint);
		assert_int_equal(error_exit_code(&err), EXIT_CODE_DATA);
	}
}

static void a_missing_file_says_how_to_make_one(void **state)
{
	struct config *c = NULL;
	struct error err = { 0 };

	assert_fails(config_load(&c, "/nonexistent/move.yaml", &err), &err,
	             "/nonexistent/move.yaml");
	assert_non_null(strstr(err.hint, "mailhaul init"));
}

UNIT_TESTS("config/config", cmocka_unit_test(a_good_file_is_read_with_its_defaults),
           cmocka_unit_test(each_mistake_is_one_error_with_its_line),
           cmocka_unit_test(a_missing_file_says_how_to_make_one));
