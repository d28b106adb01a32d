/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/layouts.h"
#include "lists/paths.h"
#include "lists/resolve.h"
#include "lists/settings.h"
#include "unit/lists/hosts.h"

/* A Defaults.py as configure makes it. */
static void write_defaults(const char *code, const char *prefix, const char *var, const char *more)
{
	AUTO_FREE char *path = xasprintf("%s/Mailman/Defaults.py", code);
	AUTO_FREE char *version = xasprintf("%s/Mailman/Version.py", code);
	AUTO_BUF struct buf text = { 0 };

	buf_addf(&text,
	         "import os\nMAILMAN_SITE_LIST = 'mailman'\nVIRTUAL_HOSTS = {}\n"
	         "PREFIX = '%s'\nEXEC_PREFIX = '${prefix}'\nVAR_PREFIX = '%s'\n"
	         "if EXEC_PREFIX == '${prefix}':\n    EXEC_PREFIX = PREFIX\n",
	         prefix, var);
	buf_add_text(&text, more);
	for (size_t i = LISTS_VAR_PREFIX + 1; i < LISTS_PATHS; i++)
		if (lists_path_kinds[i].below && !strstr(more, lists_path_kinds[i].name))
			buf_addf(&text, "%s = os.path.join(%s, '%s')\n", lists_path_kinds[i].name,
			         lists_path_kinds[lists_path_kinds[i].parent].name,
			         lists_path_kinds[i].below);
	hosts_write(path, buf_text(&text));
	hosts_write(version, "VERSION = '2.1.39'\n");
}

static void write_list(const char *lists, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s/config.pck", lists, name);

	hosts_write(path, "}.");
}

static void find(const char *prefix, struct lists_installations *all)
{
	struct error err = { 0 };

	assert_good(lists_paths_find(hosts_host(false), prefix, all, &err), &err);
}

static void expect(const struct lists_installation *one, enum lists_path which, const char *want)
{
	const char *is = one->paths.value[which];

	if (!is || strcmp(is, want) != 0)
		fail_msg("%s is %s, wanted %s", lists_path_kinds[which].name, is ? is : "(none)",
		         want);
}

static void an_installation_from_source_is_found(void **state)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };

	(void)state;
	write_defaults("/usr/local/mailman", "/usr/local/mailman", "/usr/local/mailman",
	               "MAILMAN_USER = 'mm'\n");
	hosts_write("/usr/local/mailman/Mailman/mm_cfg.py",
	            "from Defaults import *\nQUEUE_DIR = '/srv/q/'\n"
	            "INQUEUE_DIR = os.path.join(QUEUE_DIR, 'in')\n"
	            "SPAM_DIR = somewhere()\n");
	write_list("/usr/local/mailman/lists", "mailman");
	find(NULL, &all);
	assert_int_equal(all.n, 1);
	assert_string_equal(all.rows[0].layout->name, "source");
	assert_string_equal(all.rows[0].code, "/usr/local/mailman");
	assert_string_equal(all.rows[0].version, "2.1.39");
	assert_string_equal(all.rows[0].user, "mm");
	assert_string_equal(all.rows[0].group, "mailman");
	assert_string_equal(all.rows[0].settings_file, "/usr/local/mailman/Mailman/mm_cfg.py");
	expect(&all.rows[0], LISTS_LIST_DATA_DIR, "/usr/local/mailman/lists");
	expect(&all.rows[0], LISTS_QUEUE_DIR, "/srv/q");
	expect(&all.rows[0], LISTS_INQUEUE_DIR, "/srv/q/in");
	/* Defaults.py had worked it out before */
	expect(&all.rows[0], LISTS_OUTQUEUE_DIR, "/usr/local/mailman/qfiles/out");
	expect(&all.rows[0], LISTS_WRAPPER_DIR, "/usr/local/mailman/mail");
	assert_null(all.rows[0].paths.value[LISTS_SPAM_DIR]);
	assert_null(all.rows[0].paths.value[LISTS_CONFIG_DIR]);
	assert_int_equal(all.rows[0].settings->reports_n, 1);
	assert_string_equal(all.rows[0].settings->reports[0].name, "SPAM_DIR");
	assert_true(strings_has(&all.rows[0].mixed, "SPAM_DIR is not known, \"source\" has "
	                                            "/usr/local/mailman/spam"));
}

static void a_debian_package_is_one_installation(void **state)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };

	(void)state;
	write_defaults("/usr/lib/mailman", "/var/lib/mailman", "/var/lib/mailman",
	               "PIDFILE = '/var/run/mailman/mailman.pid'\n"
	               "MAILMAN_USER = MAILMAN_GROUP = 'list'\n");
	hosts_link("/usr/lib/mailman/Mailman/mm_cfg.py", "/etc/mailman/mm_cfg.py");
	hosts_write(
		"/etc/mailman/mm_cfg.py",
		"from Defaults import *\nDEFAULT_URL_PATTERN = 'https://%s/cgi-bin/mailman/'\n");
	hosts_link("/var/lib/mailman/Mailman", "/usr/lib/mailman/Mailman");
	hosts_write("/etc/debian_version", "10.13\n");
	write_list("/var/lib/mailman/lists", "mailman");
	find(NULL, &all);
	assert_int_equal(all.n, 1);
	assert_string_equal(all.rows[0].layout->name, "debian");
	assert_string_equal(all.rows[0].settings_file, "/etc/mailman/mm_cfg.py");
	assert_string_equal(all.rows[0].group, "list");
	expect(&all.rows[0], LISTS_TEMPLATE_DIR, "/var/lib/mailman/templates");
	expect(&all.rows[0], LISTS_PIDFILE, "/var/run/mailman/mailman.pid");
	assert_int_equal(all.rows[0].mixed.n, 0);
}

static void red_hats_split_is_told_by_its_defaults(void **state)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };

	(void)state;
	write_defaults("/usr/lib/mailman", "/usr/lib/mailman", "/var/lib/mailman",
	               "LOG_DIR = '/var/log/mailman'\nLOCK_DIR = '/var/lock/mailman'\n"
	               "CONFIG_DIR = '/etc/mailman'\nQUEUE_DIR = '/var/spool/mailman'\n"
	               "SITE_PW_FILE = os.path.join(CONFIG_DIR, 'adm.pw')\n");
	write_list("/var/lib/mailman/lists", "mailman");
	find(NULL, &all);
	assert_int_equal(all.n, 1);
	assert_string_equal(all.rows[0].layout->name, "redhat");
	expect(&all.rows[0], LISTS_CONFIG_DIR, "/etc/mailman");
	expect(&all.rows[0], LISTS_INQUEUE_DIR, "/var/spool/mailman/in");
	assert_null(all.rows[0].settings_file);
	assert_true(all.rows[0].settings->reports_n > 0);
}

static void the_host_tells_whose_layout_it_is(void **state)
{
	static const struct {
		const char *mark, *code, *var, *name;
	} rows[] = {
		{ "/usr/local/cpanel/version", "/usr/local/cpanel/3rdparty/mailman",
		  "/usr/local/cpanel/3rdparty/mailman", "cpanel" },
		{ "/usr/local/psa/version", "/usr/lib/mailman", "/var/lib/mailman", "plesk" },
		{ "/bin/freebsd-version", "/usr/local/mailman", "/usr/local/mailman", "freebsd" },
		{ "/etc/redhat-release", "/opt/mailman", "/opt/mailman", "source" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };

		hosts_set_up(NULL);
		hosts_write(rows[i].mark, "1\n");
		write_defaults(rows[i].code, rows[i].code, rows[i].var, "");
		find(NULL, &all);
		assert_int_equal(all.n, 1);
		assert_string_equal(all.rows[0].layout->name, rows[i].name);
		hosts_tear_down(NULL);
	}
}

static void data_without_its_program_has_the_layouts_paths(void **state)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };

	(void)state;
	write_list("/var/lib/mailman/lists", "announce");
	hosts_mkdir("/var/spool/mailman/in");
	hosts_mkdir("/var/log/mailman");
	hosts_write("/var/lib/mailman/data/last_mailman_version", "0x2010cf0\n");
	hosts_write("/etc/mailman/mm_cfg.py", "from Defaults import *\nMTA = 'Postfix'\n");
	find(NULL, &all);
	assert_int_equal(all.n, 1);
	assert_string_equal(all.rows[0].layout->name, "redhat");
	assert_null(all.rows[0].code);
	assert_string_equal(all.rows[0].version, "2.1.12");
	assert_string_equal(lists_setting_text(all.rows[0].settings, "MTA"), "Postfix");
	assert_string_equal(lists_setting_text(all.rows[0].settings, "MAILMAN_SITE_LIST"),
	                    "mailman");
	expect(&all.rows[0], LISTS_SHUNTQUEUE_DIR, "/var/spool/mailman/shunt");
	expect(&all.rows[0], LISTS_LISTCREATOR_PW_FILE, "/etc/mailman/creator.pw");
}

static void a_var_prefix_alone_is_one_too(void **state)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };

	(void)state;
	write_list("/lists", "announce");
	hosts_mkdir("/data");
	find(NULL, &all);
	assert_int_equal(all.n, 1);
	assert_string_equal(all.rows[0].layout->name, "source");
	expect(&all.rows[0], LISTS_LIST_DATA_DIR, "/lists");
	expect(&all.rows[0], LISTS_PRIVATE_ARCHIVE_FILE_DIR, "/archives/private");
}

static void two_of_them_are_two_rows(void **state)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 }, one = { 0 };
	struct error err = { 0 };

	(void)state;
	write_defaults("/usr/local/mailman", "/usr/local/mailman", "/usr/local/mailman", "");
	write_defaults("/srv/mm/code", "/srv/mm/code", "/srv/mm/var", "");
	write_list("/var/lib/mailman/lists", "old");
	hosts_mkdir("/var/mailman/lists"); /* empty: none */
	find(NULL, &all);
	assert_int_equal(all.n, 2);
	find("/srv/mm/code", &one);
	assert_int_equal(one.n, 1);
	expect(&one.rows[0], LISTS_LIST_DATA_DIR, "/srv/mm/var/lists");
	assert_fails(lists_paths_find(hosts_host(false), "/srv/none", &one, &err), &err,
	             "there is no Mailman 2.1 at /srv/none of the old host");
}

static void links_are_followed_inside_the_host(void **state)
{
	AUTO_FREE char *end = NULL;
	struct error err = { 0 };

	(void)state;
	hosts_write("/a/b/file", "x");
	hosts_link("/a/up", "../a/b");
	hosts_link("/abs", "/a/up");
	hosts_link("/round", "/round");
	hosts_link("/out", "../../../a");
	assert_int_equal(lists_resolve(hosts_host(false), "/abs//./file", &end, NULL, &err), 1);
	assert_string_equal(end, "/a/b/file");
	free(end);
	assert_int_equal(lists_resolve(hosts_host(false), "/out/b/../b", &end, NULL, &err), 1);
	assert_string_equal(end, "/a/b");
	assert_int_equal(lists_resolve(hosts_host(false), "/round", NULL, NULL, &err), 0);
	assert_int_equal(lists_resolve(hosts_host(false), "/a/none", NULL, NULL, &err), 0);
}

static void every_path_has_a_row(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS_PATHS; i++) {
		const struct lists_path_kind *kind = &lists_path_kinds[i];

		assert_int_equal(lists_path_named(kind->name), i);
		assert_true((int)kind->parent <= i);
		assert_non_null(lists_share_name(kind->share));
		assert_non_null(kind->holds);
		assert_non_null(kind->written_by);
	}
	assert_int_equal(lists_path_named("NO_DIR"), -1);
}

UNIT_TESTS("lists/installations", HOSTS_TEST(an_installation_from_source_is_found),
           HOSTS_TEST(a_debian_package_is_one_installation),
           HOSTS_TEST(red_hats_split_is_told_by_its_defaults),
           cmocka_unit_test(the_host_tells_whose_layout_it_is),
           HOSTS_TEST(data_without_its_program_has_the_layouts_paths),
           HOSTS_TEST(a_var_prefix_alone_is_one_too), HOSTS_TEST(two_of_them_are_two_rows),
           HOSTS_TEST(links_are_followed_inside_the_host), cmocka_unit_test(every_path_has_a_row));
