/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "accounts/names.h"
#include "accounts/passwd.h"
#include "accounts/passwd_file.h"

#include <string.h>

static void names_from_outside_are_held_against_rules(void **state)
{
	static const struct {
		bool (*good)(const char *);
		const char *text;
		bool want;
	} rows[] = {
		{ account_name_good, "alice", true },
		{ account_name_good, "Alice.B-2_x", true },
		{ account_name_good, "9lives", true },
		{ account_name_good, "host$", true },
		{ account_name_good, "", false },
		{ account_name_good, "-rf", false },
		{ account_name_good, "a b", false },
		{ account_name_good, "a:b", false },
		{ account_name_good, "a/b", false },
		{ account_name_good, "a\nb", false },
		{ account_name_good, "12345", false },
		{ account_name_good, "a$b", false },
		{ account_name_good, "abcdefghijklmnopqrstuvwxyz0123456789", false },
		{ account_gecos_good, "Alice Example,,,", true },
		{ account_gecos_good, "Alice:0:0", false },
		{ account_gecos_good, "Al\nice", false },
		{ account_path_good, "/home/alice", true },
		{ account_path_good, "/", false },
		{ account_path_good, "home", false },
		{ account_path_good, "/home/../etc", false },
		{ account_path_good, "/home//x", false },
		{ account_path_good, "/home/x/", false },
		{ account_path_good, "/home/x:y", false },
		{ account_domain_good, "mail.example.org", true },
		{ account_domain_good, "[192.0.2.1]", true },
		{ account_domain_good, "a..b", false },
		{ account_domain_good, "-a.example.org", false },
		{ account_domain_good, "a b", false },
		{ account_hash_good, "$6$salt$hash./", true },
		{ account_hash_good, "!", false },
		{ account_hash_good, "*", false },
		{ account_hash_good, "", false },
		{ account_hash_good, "a\nroot:x", false },
		{ account_hash_good, "a:b", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (rows[i].good(rows[i].text) != rows[i].want)
			fail_msg("row %zu, \"%s\"", i, rows[i].text);
}

static void system_users_are_read_and_nis_switches_are_not(void **state)
{
	AUTO_SYSTEM_USERS struct system_users u = { .uid_min = 1000, .uid_max = 60000 };

	(void)state;
	system_users_parse_passwd(&u, SPAN("root:x:0:0:root:/root:/bin/sh\n"
	                                   "alice:x:1001:1001:Alice,,,:/home/alice:/bin/bash\n"
	                                   "+::::::\n# no\nbroken:x:1\n"
	                                   "big:x:99999999999:1:::\nbob:x:65534:1::/:/bin/sh"));
	system_users_parse_group(&u, SPAN("mail:x:8:alice, bob,\nalice:x:1001:\n"));
	system_users_parse_shadow(&u, SPAN("alice:$6$a$b:19000:0:::::\nnobody:*:\n"));
	system_users_parse_login_defs(&u, SPAN("# UID_MIN 5\nUID_MIN\t\t500\nUID_MAX 600000\n"));
	assert_int_equal(u.users_n, 3);
	assert_int_equal(u.bad, 2);
	assert_string_equal(system_user_named(&u, "alice")->hash, "$6$a$b");
	assert_null(system_user_named(&u, "root")->hash);
	assert_int_equal(system_group_named(&u, "mail")->members.n, 2);
	assert_int_equal(u.uid_min, 500);
	assert_true(system_user_is_person(&u, system_user_numbered(&u, 1001)));
	assert_false(system_user_is_person(&u, system_user_numbered(&u, 0)));
}

static void virtual_users_have_eight_fields(void **state)
{
	struct span text = SPAN("# users\na@example.net:{SSHA}x=:5000:5001:Al:/srv/a:/bin/sh:"
	                        "userdb_mail=mbox:~/mail:INBOX=/x other=1\n\nbare\nb:pw\n:x\n");
	struct passwd_file_row row;
	struct span value;
	unsigned line = 0;

	(void)state;
	assert_true(passwd_file_next(&text, &line, &row));
	assert_int_equal(row.line, 2);
	assert_true(span_is(row.user, "a@example.net") && span_is(row.home, "/srv/a"));
	assert_true(row.has_numbers && row.uid_number == 5000 && row.gid_number == 5001);
	assert_true(passwd_file_extra(&row, "userdb_mail", &value));
	assert_true(span_is(value, "mbox:~/mail:INBOX=/x"));
	assert_false(passwd_file_extra(&row, "userdb", &value));
	assert_true(passwd_file_next(&text, &line, &row));
	assert_true(span_is(row.user, "bare") && !row.has_numbers);
	assert_true(passwd_file_next(&text, &line, &row));
	assert_true(span_is(row.password, "pw"));
	assert_false(passwd_file_next(&text, &line, &row));
}

static void numbers_change_and_nothing_else(void **state)
{
	static const struct number_map map[] = { { 5000, 6000, false }, { 5000, 7000, true } };
	static const struct {
		const char *from, *to;
		size_t changed;
	} rows[] = {
		{ "a:{PLAIN}5000:5000:5000::/h::\r\nb:x:1:5000\n",
		  "a:{PLAIN}5000:6000:7000::/h::\r\nb:x:1:7000\n", 2 },
		{ "# a:x:5000:5000\nc:x\n\nd:y:::\n", "# a:x:5000:5000\nc:x\n\nd:y:::\n", 0 },
		{ "e:x:5000:1", "e:x:6000:1", 1 },
		{ "f:a\\:b:5000:5000::", "f:a\\:b:6000:7000::", 1 },
		{ "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };

		assert_int_equal(passwd_file_renumber(span_of(rows[i].from), map, ROWS(map), &out),
		                 rows[i].changed);
		assert_string_equal(buf_text(&out), rows[i].to);
	}
}

UNIT_TESTS("accounts/people", cmocka_unit_test(names_from_outside_are_held_against_rules),
           cmocka_unit_test(system_users_are_read_and_nis_switches_are_not),
           cmocka_unit_test(virtual_users_have_eight_fields),
           cmocka_unit_test(numbers_change_and_nothing_else));
