/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/aliases.h"

#include "lists/local_part.h"
#include "unit/lists/hosts.h"

#define PREFIX "/usr/local/mailman"
#define WRAPPER PREFIX "/mail/mailman"

/* A pickle of protocol 0 with a list's host_name. */
static void write_list(const char *name, const char *domain)
{
	AUTO_FREE char *path = xasprintf(PREFIX "/lists/%s/config.pck", name);
	AUTO_FREE char *text = xasprintf("(dS'host_name'\nS'%s'\ns.", domain);

	hosts_write(path, text);
}

static void make_site(const char *settings)
{
	hosts_write(PREFIX "/Mailman/mm_cfg.py", settings);
	write_list("mailman", "example.org");
	write_list("announce", "lists.example.org");
	write_list("a-b.c", "example.net");
}

static void read_plan(struct lists_alias_plan *plan)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };
	struct error err = { 0 };

	assert_good(lists_paths_find(hosts_host(false), NULL, &all, &err), &err);
	assert_int_equal(all.n, 1);
	assert_good(lists_alias_plan_read(hosts_host(false), &all.rows[0], plan, &err), &err);
}

static void has(const struct lists_alias_file *f, const char *words)
{
	if (!strstr(f->text, words))
		fail_msg("%s: \"%s\" is not in:\n%s", f->path, words, f->text);
}

static void postfix_gets_ten_addresses_a_list_and_the_virtual_ones(void **state)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_ALIAS_FILES struct lists_alias_files files = { 0 };
	size_t lines = 0;

	(void)state;
	make_site("from Defaults import *\nMTA = 'Postfix'\n"
	          "POSTFIX_STYLE_VIRTUAL_DOMAINS = ['example.net']\n");
	read_plan(&plan);
	assert_int_equal(plan.n, 3);
	lists_aliases_make(&plan, LISTS_MTA_POSTFIX, &files);
	assert_int_equal(files.n, 2);
	assert_string_equal(files.rows[0].path, PREFIX "/data/aliases");
	has(&files.rows[0], "\nmailman-loop: " PREFIX "/data/owner-bounces.mbox\n");
	has(&files.rows[0], "\nannounce:             \"|" WRAPPER " post announce\"\n");
	has(&files.rows[0], "\na-b.c-unsubscribe: \"|" WRAPPER " unsubscribe a-b.c\"\n");
	for (const char *at = files.rows[0].text; (at = strstr(at, "\"|")); at++)
		lines++;
	assert_int_equal(lines, 30);
	assert_string_equal(files.rows[1].path, PREFIX "/data/virtual-mailman");
	has(&files.rows[1], "\nmailman-bounces@example.net");
	has(&files.rows[1], "\na-b.c-owner@example.net       a-b.c-owner\n");
	assert_null(strstr(files.rows[1].text, "announce"));
}

static void a_local_domain_stands_behind_virtual_targets(void **state)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_ALIAS_FILES struct lists_alias_files files = { 0 };

	(void)state;
	make_site("from Defaults import *\nPOSTFIX_STYLE_VIRTUAL_DOMAINS = ['example.net']\n"
	          "VIRTUAL_MAILMAN_LOCAL_DOMAIN = 'localhost'\n");
	read_plan(&plan);
	lists_aliases_make(&plan, LISTS_MTA_POSTFIX, &files);
	has(&files.rows[1], "a-b.c-admin@example.net       a-b.c-admin@localhost\n");
}

static void other_mtas_get_their_own_words(void **state)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_ALIAS_FILES struct lists_alias_files exim = { 0 }, qmail = { 0 },
							sendmail = { 0 };

	(void)state;
	make_site("from Defaults import *\n");
	read_plan(&plan);
	lists_aliases_make(&plan, LISTS_MTA_EXIM, &exim);
	has(&exim.rows[0],
	    "address_data = ${lookup{${lc:$local_part}}dsearch{" PREFIX
	    "/lists}{${if exists{" PREFIX "/lists/$value/config.pck}{$value}fail}}fail}\n");
	has(&exim.rows[0],
	    "{match{$local_part_suffix}{^-$item(\\\\+|\\$)}}}}{post}}' $address_data\n");
	assert_null(strstr(exim.rows[0].text, "_$domain"));
	has(&exim.rows[0], " : -confirm+* : ");
	lists_aliases_make(&plan, LISTS_MTA_QMAIL, &qmail);
	assert_int_equal(qmail.n, 1 + 3 * 11);
	assert_string_equal(qmail.rows[1].path, "/var/qmail/alias/.qmail-a-b:c");
	assert_string_equal(qmail.rows[1].text, "|preline " WRAPPER " post a-b.c\n");
	lists_aliases_make(&plan, LISTS_MTA_SENDMAIL, &sendmail);
	assert_true(sendmail.rows[0].is_part);
	assert_int_equal(sendmail.n, 1);
}

static void a_list_with_its_domain_in_its_name_has_addresses_without_it(void **state)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_ALIAS_FILES struct lists_alias_files exim = { 0 }, sendmail = { 0 },
							postfix = { 0 };

	(void)state;
	make_site("from Defaults import *\n");
	write_list("a_b_example.org", "example.org");
	write_list("c_example.org", "example.net");
	write_list("announce-owner", "example.org");
	read_plan(&plan);
	assert_int_equal(plan.hosted, 1);
	assert_string_equal(plan.lists[1].local, "a_b");
	/* announce-owner@ can't be for both */
	assert_int_equal(plan.troubles.n, 1);
	assert_non_null(strstr(plan.troubles.rows[0], "announce-owner"));
	lists_aliases_make(&plan, LISTS_MTA_SENDMAIL, &sendmail);
	assert_int_equal(sendmail.n, 2);
	has(&sendmail.rows[1], "\na_b-join@example.org\ta_b_example.org-join\n");
	has(&sendmail.rows[0], "\na_b_example.org-join: ");
	lists_aliases_make(&plan, LISTS_MTA_POSTFIX, &postfix);
	has(&postfix.rows[1], "\na_b@example.org             a_b_example.org\n");
	assert_null(strstr(postfix.rows[1].text, "c@example"));
	lists_aliases_make(&plan, LISTS_MTA_EXIM, &exim);
	has(&exim.rows[0], "dsearch{" PREFIX "/lists}");
	has(&exim.rows[0], "${lookup{${lc:${local_part}_$domain}}");
}

static void only_the_host_at_the_end_parts_a_name(void **state)
{
	static const char *const rows[][3] = {
		{ "news_example.org", "example.org", "news" },
		{ "a_b_example.org", "Example.ORG", "a_b" },
		{ "news_example.org", "example.net", "news_example.org" },
		{ "newsxexample.org", "example.org", "newsxexample.org" },
		{ "_example.org", "example.org", "_example.org" },
		{ "example.org", "example.org", "example.org" },
		{ "news", "", "news" },
		{ "", "example.org", "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_true(span_is(lists_local_part(span_of(rows[i][0]), span_of(rows[i][1])),
		                    rows[i][2]));
}

static const struct lists_alias_finding *find(const struct lists_alias_check *c,
                                              enum lists_alias_fault fault, const char *address)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].fault == fault && !strcmp(c->rows[i].address, address))
			return &c->rows[i];
	for (size_t i = 0; i < c->n; i++)
		print_message("%s %s: %s\n", lists_alias_fault_name(c->rows[i].fault),
		              c->rows[i].address, c->rows[i].words);
	fail_msg("%s is not said to be %s", address, lists_alias_fault_name(fault));
	return NULL;
}

static void tables_are_held_against_the_lists(void **state)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_ALIAS_FILES struct lists_alias_files files = { 0 };
	AUTO_LISTS_ALIAS_CHECK struct lists_alias_check good = { 0 }, bad = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };

	(void)state;
	make_site("from Defaults import *\n");
	hosts_write(WRAPPER, "#!\n");
	hosts_link("/usr/lib/mailman/mail", PREFIX "/mail");
	read_plan(&plan);
	lists_aliases_make(&plan, LISTS_MTA_SENDMAIL, &files);
	hosts_write("/etc/aliases", files.rows[0].text);
	assert_good(lists_aliases_check(hosts_host(false), &plan, LISTS_MTA_SENDMAIL, &good, &err),
	            &err);
	assert_int_equal(good.n, 0);
	assert_int_equal(good.good, 31);

	buf_add_text(&text, "mailman-loop: /dev/null\n"
	                    "Announce: \"|" WRAPPER " post announce\"\n"
	                    "announce-admin: \"|/usr/lib/mailman/mail/mailman bounces announce\"\n"
	                    "announce-bounces: \"|/opt/mm/mail/mailman bounces announce\"\n"
	                    "announce-confirm: \"|" WRAPPER " post announce\"\n"
	                    "announce-join: root\n"
	                    "announce-archive: \"|" WRAPPER " post announce\"\n"
	                    "gone: \"|/opt/mm/mail/mailman post gone\"\n"
	                    "tickets: \"|/usr/local/bin/tickets post announce\"\n");
	hosts_write("/etc/aliases", buf_text(&text));
	assert_good(lists_aliases_check(hosts_host(false), &plan, LISTS_MTA_SENDMAIL, &bad, &err),
	            &err);
	assert_int_equal(bad.good, 2);
	assert_non_null(strstr(find(&bad, LISTS_ALIAS_WRONG, "mailman-loop")->words, "/dev/null"));
	assert_non_null(strstr(find(&bad, LISTS_ALIAS_WRONG, "announce-bounces")->words,
	                       "its wrapper is /opt/mm/mail/mailman"));
	assert_non_null(strstr(find(&bad, LISTS_ALIAS_WRONG, "announce-confirm")->words,
	                       "says \"post announce\", and not \"confirm announce\""));
	find(&bad, LISTS_ALIAS_WRONG, "announce-join");
	find(&bad, LISTS_ALIAS_MISSING, "announce-owner");
	find(&bad, LISTS_ALIAS_MISSING, "mailman-request");
	find(&bad, LISTS_ALIAS_SURPLUS, "gone");
	find(&bad, LISTS_ALIAS_SURPLUS, "announce-archive");
	/* 4 wrong, 5 of announce, 10 of each other list, 2 surplus */
	assert_int_equal(bad.n, 4 + 5 + 20 + 2);
}

static void exims_router_and_qmails_files_are_looked_at(void **state)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_ALIAS_FILES struct lists_alias_files exim = { 0 }, qmail = { 0 };
	struct error err = { 0 };
	struct lists_alias_check c;

	(void)state;
	make_site("from Defaults import *\n");
	read_plan(&plan);
	lists_aliases_make(&plan, LISTS_MTA_EXIM, &exim);
	hosts_write("/etc/exim4/conf.d/router/400_lists", exim.rows[0].text);
	assert_good(lists_aliases_check(hosts_host(false), &plan, LISTS_MTA_EXIM, &c, &err), &err);
	assert_int_equal(c.n, 0);
	lists_alias_check_fini(&c);
	hosts_write("/etc/exim4/conf.d/router/400_lists",
	            "mailman:\n require_files = /x/config.pck\n"
	            " local_part_suffix = -admin : -bounces\n command = /x/mail/mailman\n");
	assert_good(lists_aliases_check(hosts_host(false), &plan, LISTS_MTA_EXIM, &c, &err), &err);
	assert_int_equal(c.n, 8);
	find(&c, LISTS_ALIAS_MISSING, "-owner");
	find(&c, LISTS_ALIAS_MISSING, "mailman-loop");
	lists_alias_check_fini(&c);

	lists_aliases_make(&plan, LISTS_MTA_QMAIL, &qmail);
	for (size_t i = 0; i < qmail.n; i++)
		if (!strstr(qmail.rows[i].path, "a-b:c-join"))
			hosts_write(qmail.rows[i].path, qmail.rows[i].text);
	assert_good(lists_aliases_check(hosts_host(false), &plan, LISTS_MTA_QMAIL, &c, &err), &err);
	assert_int_equal(c.n, 1);
	find(&c, LISTS_ALIAS_MISSING, "a-b.c-join");
	lists_alias_check_fini(&c);
}

static void a_list_that_cant_be_read_is_told(void **state)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };

	(void)state;
	make_site("from Defaults import *\nPOSTFIX_STYLE_VIRTUAL_DOMAINS = ['example.net']\n");
	hosts_write(PREFIX "/lists/announce/config.pck", "(dS'host_");
	read_plan(&plan);
	assert_int_equal(plan.n, 3);
	assert_int_equal(plan.troubles.n, 1);
	assert_non_null(strstr(plan.troubles.rows[0], "list announce: its domain is not known"));
}

UNIT_TESTS("lists/aliases", HOSTS_TEST(postfix_gets_ten_addresses_a_list_and_the_virtual_ones),
           HOSTS_TEST(a_local_domain_stands_behind_virtual_targets),
           HOSTS_TEST(other_mtas_get_their_own_words),
           HOSTS_TEST(a_list_with_its_domain_in_its_name_has_addresses_without_it),
           cmocka_unit_test(only_the_host_at_the_end_parts_a_name),
           HOSTS_TEST(tables_are_held_against_the_lists),
           HOSTS_TEST(exims_router_and_qmails_files_are_looked_at),
           HOSTS_TEST(a_list_that_cant_be_read_is_told));
