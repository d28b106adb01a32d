/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "prepare/places.h"
#include "prepare/prepare.h"
#include "prepare/translate.h"

#include <string.h>

/* A hostile old host names the left side in its settings. */
static void the_old_host_does_not_choose_what_is_replaced(void **state)
{
	static const struct {
		const char *path;
		enum place_rule rule;
	} rows[] = {
		{ "/etc/postfix/virtual", PLACE_REPLACE },
		{ "/etc/aliases", PLACE_REPLACE },
		{ "/etc/ssl/mail/mail.key", PLACE_REPLACE },
		{ "/etc/ssl/certs/mail.pem", PLACE_REPLACE },
		{ "/etc/ssl/certs/ca-certificates.crt", PLACE_NEVER },
		{ "/home/alice/.ssh/authorized_keys", PLACE_NEVER },
		{ "/srv/.hidden/x", PLACE_NEVER },
		{ "/usr/local/lib/x.so", PLACE_NEVER },
		{ "/usr/local/bin/intake", PLACE_IF_ABSENT },
		{ "/etc/shadow", PLACE_NEVER },
		{ "/etc/passwd", PLACE_NEVER },
		{ "/etc/cron.d/x", PLACE_NEVER },
		{ "/etc/ld.so.preload", PLACE_NEVER },
		{ "/root/.ssh/authorized_keys", PLACE_NEVER },
		{ "/etc/postfix/../shadow", PLACE_NEVER },
		{ "/etc/postfix/main.cf", PLACE_NEVER },
		{ "/etc/postfix/postfix-script", PLACE_NEVER },
		{ "/etc/dovecot/dovecot.conf", PLACE_NEVER },
		{ "/usr/sbin/sendmail", PLACE_NEVER },
		{ "/etc/aliases.d/../shadow", PLACE_NEVER },
		{ "relative", PLACE_NEVER },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (place_of_file(rows[i].path) != rows[i].rule)
			fail_msg("%s", rows[i].path);
}

static void mail_does_not_lie_among_the_system(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{ "/home/alice/Maildir", true },
		{ "/srv/vmail/example.net/bob", true },
		{ "/var/mail/dave", true },
		{ "/vmail", true },
		{ "/etc", false },
		{ "/etc/postfix", false },
		{ "/usr/lib/x", false },
		{ "/root", false },
		{ "/home", false },
		{ "/", false },
		{ "/home/../etc", false },
		{ "/var/spool/postfix/x", false },
		{ "/var/lib/mailhaul/x", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (place_is_for_mail(rows[i].path) != rows[i].good)
			fail_msg("%s", rows[i].path);
}

static void numbers_in_arguments_follow_the_map(void **state)
{
	struct number_map map[] = { { 5000, 6000, false }, { 5000, 7000, true } };
	struct prepare p = { .numbers = map, .numbers_n = ROWS(map) };
	AUTO_FREE char *got = prepare_translate_numbers(
		&p, SPAN("uid=5000 gid=5000  home=/srv/uid=5000 uid=vmail xuid=5000"));

	(void)state;
	assert_string_equal(got, "uid=6000 gid=7000  home=/srv/uid=5000 uid=vmail xuid=5000");
	assert_int_equal(prepare_number(&p, 5000, true), 7000);
	assert_int_equal(prepare_number(&p, 5001, true), 5001);
}

static void tables_get_a_type_that_the_new_host_has(void **state)
{
	struct prepare p = { 0 };
	char name[] = "default_database_type", value[] = "lmdb";
	struct mta_setting usual = { name, value, false };
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "hash:/etc/aliases", "lmdb:/etc/aliases" },
		{ "proxy:hash:/a, hash:$x/b", "proxy:lmdb:/a, lmdb:$x/b" },
		{ "cidr:/a texthash:/b", "cidr:/a texthash:/b" },
		{ "lmtp:unix:private/hash", "lmtp:unix:private/hash" },
		{ "inet:127.0.0.1:8891", "inet:127.0.0.1:8891" },
	};

	(void)state;
	p.to.mta.settings = &usual;
	p.to.mta.settings_n = 1;
	strings_add(&p.table_types, "lmdb");
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *got = prepare_translate_tables(&p, rows[i].value);

		assert_string_equal(got, rows[i].want);
	}
	strings_fini(&p.table_types);
}

static void networks_lose_only_the_old_machine_itself(void **state)
{
	struct prepare p = { 0 };
	AUTO_FREE char *some = NULL, *none = NULL;

	(void)state;
	strings_add(&p.old_addresses, "203.0.113.10");
	strings_add(&p.old_addresses, "2001:db8:113::10");
	some = prepare_translate_networks(
		&p, "mynetworks",
		"127.0.0.0/8 203.0.113.10, 203.0.113.0/24 203.0.113.10/32 "
		"[2001:db8:113::10]/128 [::1]/128 203.0.113.101");
	none = prepare_translate_networks(&p, "mynetworks", "127.0.0.0/8  [::1]/128");
	assert_string_equal(some, "127.0.0.0/8, 203.0.113.0/24, [::1]/128, 203.0.113.101");
	assert_string_equal(none, "127.0.0.0/8  [::1]/128");
	assert_int_equal(p.left.n, 3);
	prepare_fini(&p);
}

UNIT_TESTS("prepare/places", cmocka_unit_test(the_old_host_does_not_choose_what_is_replaced),
           cmocka_unit_test(mail_does_not_lie_among_the_system),
           cmocka_unit_test(numbers_in_arguments_follow_the_map),
           cmocka_unit_test(tables_get_a_type_that_the_new_host_has),
           cmocka_unit_test(networks_lose_only_the_old_machine_itself));
