/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/crontab.h"
#include "unit/lists/hosts.h"

static void jobs_of_mailman_are_found_and_told_for_new(void **state)
{
	static const char table[] =
		"# m h dom mon dow\nSHELL=/bin/sh\n"
		"0 8 * * * list [ -x /usr/lib/mailman/cron/checkdbs ] && "
		"/usr/lib/mailman/cron/checkdbs\n"
		"#0 12 * * * list /usr/lib/mailman/cron/senddigests\n"
		"@daily list /usr/bin/backup\n0 5 1 * * list /usr/lib/mailman/cron/mailpasswds2\n";
	struct lists_installation old = { .code = xstrdup("/usr/lib/mailman") };
	struct lists_installation new = { .code = xstrdup("/opt/mailman"),
		                          .user = xstrdup("mailman") };
	AUTO_STRINGS struct strings lines = { 0 }, own = { 0 };
	AUTO_LISTS_CRON struct lists_cron c = { 0 };
	struct error err = { 0 };

	hosts_write("/etc/cron.d/mailman", table);
	hosts_write("/etc/cron.d/mailman.dpkg-old", table);
	hosts_write("/var/spool/cron/crontabs/mailman",
	            "*/5 * * * * /usr/bin/python -S /usr/lib/mailman/cron/gate_news\n");
	assert_good(lists_cron_find(hosts_host(false), &c, &err), &err);
	assert_int_equal(c.n, 5);
	assert_true(c.rows[0].in_force);
	assert_string_equal(c.rows[0].job, "checkdbs");
	assert_string_equal(c.rows[0].user, "list");
	assert_false(c.rows[1].in_force);
	assert_string_equal(c.rows[1].why_not, "behind a #");
	assert_false(c.rows[2].in_force); /* of a file that cron does not read */
	assert_string_equal(c.rows[4].user, "mailman");
	assert_string_equal(c.rows[4].when, "*/5 * * * *");
	lists_cron_for(&c, &old, &new, &lines);
	assert_string_equal(lines.rows[0], "0 8 * * * mailman [ -x /opt/mailman/cron/checkdbs ] && "
	                                   "/opt/mailman/cron/checkdbs");
	assert_string_equal(lines.rows[1], "# 0 12 * * * mailman /opt/mailman/cron/senddigests");
	lists_cron_for(NULL, NULL, &new, &own);
	assert_int_equal(own.n, 7);
	assert_string_equal(own.rows[0], "0 8 * * * mailman /opt/mailman/cron/checkdbs");
	free(old.code);
	free(new.code);
	free(new.user);
}

/* debian/mailman3.cron.d */
static void jobs_of_a_mailman_3_are_told_apart(void **state)
{
	static const char table[] =
		"0 8 * * *  list\tif [ -x /usr/bin/mailman ]; then /usr/bin/mailman notify; fi\n"
		"# 0 12 * * *  list\t/usr/bin/mailman digests --periodic\n"
		"0 3 * * * list /usr/bin/mailman members\n";
	struct lists_installation old = { .code = xstrdup("/usr") };
	AUTO_LISTS_CRON struct lists_cron c = { 0 };
	AUTO_STRINGS struct strings lines = { 0 };

	lists_cron_parse(&c, "/etc/cron.d/mailman3", SPAN(table), NULL, NULL);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.rows[0].job, "mailman notify");
	assert_string_equal(c.rows[0].directory, "/usr/bin");
	assert_true(c.rows[0].of_3 && c.rows[0].in_force);
	assert_string_equal(c.rows[1].job, "mailman digests");
	assert_false(c.rows[1].in_force);
	assert_false(lists_cron_is_of(&c.rows[0], &old));
	lists_cron_for(&c, &old, &old, &lines);
	assert_int_equal(lines.n, 7); /* Mailman 2.1's own, for there is none */
	free(old.code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOSTS_TEST(jobs_of_mailman_are_found_and_told_for_new),
		cmocka_unit_test(jobs_of_a_mailman_3_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
