/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/identity.h"
#include "rehearse/mounts.h"
#include "rehearse/syslog.h"

#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void only_real_file_systems_are_carried(void **state)
{
	static const char text[] = "21 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
				   "22 21 0:5 / /proc rw - proc proc rw\n"
				   "23 21 254:1 / /home rw shared:3 master:1 - xfs /dev/vdb rw\n"
				   "24 23 254:2 / /home/with\\040blank\\134 rw - ext4 /dev/vdc rw\n"
				   "25 21 0:9 / /mnt/memory rw - tmpfs tmpfs rw\n"
				   "26 22 254:3 / /proc/disk rw - ext4 /dev/vdd rw\n"
				   "27 21 254:4 / /tmp rw - ext4 /dev/vde rw\n"
				   "28 21 254:4 / /tmpfiles rw - btrfs /dev/vdf rw\n"
				   "29 21 254:0 /var/hosts /etc/hosts rw - ext4 /dev/vda rw\n"
				   "30 21 254:0 /x /torn rw\n"
				   "x 21 254:0 / /no-number rw - ext4 /dev/vda rw\n"
				   "\n"
				   "31 21 254:0";
	static const struct {
		int id;
		const char *path;
	} wanted[] = {
		{ 23, "/home" },
		{ 24, "/home/with blank\\" },
		{ 28, "/tmpfiles" },
		{ 29, "/etc/hosts" },
	};
	AUTO_MOUNT_LIST struct mount_list l = { 0 };

	mount_list_parse(&l, SPAN(text));
	assert_int_equal(l.n, ROWS(wanted));
	for (size_t i = 0; i < ROWS(wanted); i++) {
		assert_int_equal(l.rows[i].id, wanted[i].id);
		assert_string_equal(l.rows[i].path, wanted[i].path);
	}
}

static void a_mount_table_cut_anywhere_is_read(void **state)
{
	static const char text[] =
		"24 23 254:2 / /home/a\\040b\\134 rw shared:1 - ext4 /dev/vdc rw\n";

	for (size_t n = 0; n <= strlen(text); n++) {
		AUTO_MOUNT_LIST struct mount_list l = { 0 };

		mount_list_parse(&l, (struct span){ text, n });
		assert_true(l.n <= 1);
	}
}

static void a_host_knows_all_its_names(void **state)
{
	char name[] = "old.example.org", line[] = "203.0.113.10 mail.example.org";
	char *names[] = { line };
	struct address addresses[2];
	struct description_host h = { .hostname = name,
		                      .addresses_count = 2,
		                      .addresses_parsed = addresses,
		                      .names = names,
		                      .names_count = 1 };
	AUTO_BUF struct buf b = { 0 };

	assert_null(address_parse("203.0.113.10/24", &addresses[0]));
	assert_null(address_parse("2001:db8:113::10/64", &addresses[1]));
	identity_hosts(&h, &b);
	assert_string_equal(buf_text(&b), "127.0.0.1 localhost\n"
	                                  "::1 localhost ip6-localhost ip6-loopback\n"
	                                  "203.0.113.10 old.example.org old\n"
	                                  "2001:db8:113::10 old.example.org old\n"
	                                  "203.0.113.10 mail.example.org\n");
}

static void two_hosts_are_two_machines(void **state)
{
	char a[33], b[33], again[33];

	identity_machine("demo", "old", a);
	identity_machine("demo", "new", b);
	identity_machine("demo", "old", again);
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
	identity_machine("dem", "oold", b);
	assert_string_not_equal(a, b);
	assert_int_equal(strspn(a, "0123456789abcdef"), 32);
}

#define NOW 1772331187123456 /* 2026-03-01 02:13:07.123456 UTC */
#define STAMP "2026-03-01T03:13:07.123456+01:00 old.example.org "

static void messages_become_lines_like_rsyslogs(void **state)
{
	static const struct {
		struct span message;
		unsigned facility;
		const char *line;
	} rows[] = {
		{ SPAN("<22>Mar  1 02:13:07 postfix/smtpd[7]: connect"), 2,
		  STAMP "postfix/smtpd[7]: connect\n" },
		{ SPAN("<22>postfix: no stamp\n"), 2, STAMP "postfix: no stamp\n" },
		{ SPAN("<191>x\0\0"), 23, STAMP "x\n" },
		{ SPAN("<192>x"), 1, STAMP "<192>x\n" },
		{ SPAN("<>x"), 1, STAMP "<>x\n" },
		{ SPAN("<22"), 1, STAMP "<22\n" },
		{ SPAN("<22>"), 2, STAMP "\n" },
		{ SPAN(""), 1, STAMP "\n" },
		{ SPAN("<13>Mar  1 02:13:07 a\nforged\x1b[0m\ttab"), 1,
		  STAMP "a#012forged#033[0m\ttab\n" },
		{ SPAN("<13>Mar  1 02:13:0"), 1, STAMP "Mar  1 02:13:0\n" },
	};

	setenv("TZ", "MEZ-1", 1);
	tzset();
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b = { 0 };

		assert_int_equal(syslog_format(rows[i].message, NOW, "old.example.org", &b),
		                 rows[i].facility);
		assert_string_equal(buf_text(&b), rows[i].line);
	}
}

UNIT_TESTS("host files", cmocka_unit_test(only_real_file_systems_are_carried),
           cmocka_unit_test(a_mount_table_cut_anywhere_is_read),
           cmocka_unit_test(a_host_knows_all_its_names),
           cmocka_unit_test(two_hosts_are_two_machines),
           cmocka_unit_test(messages_become_lines_like_rsyslogs));
