/* SPDX-License-Identifier: BSD-2-Clause */

/* Whom Postfix takes mail for, read from a host that is a folder by the real agent and postconf(1). */

#include "base/cleanup.h"
#include "base/memory.h"
#include "mta/postfix.h"
#include "mta/reception.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[][2] = {
	{ "etc/postfix/master.cf", "smtp inet n - y - - smtpd\n" },
	{ "etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n" },
	{ "etc/group", "root:x:0:\n" },
	{ "etc/aliases", "postmaster: root\nSales: alice\n\"odd one\": alice\n" },
	{ "etc/postfix/virtual", "info@example.net alice\n@all.example.net bob\nshort alice\n" },
	{ "etc/postfix/networks", "203.0.113.9 the printer\nscanner.example.org yes\n" },
	{ "etc/postfix/networks.cidr", "# offices\n203.0.113.64/26 OK\n!203.0.113.128/25 OK\n"
	                               "if 2001:db8:1::/48\n2001:db8:1:2::/64 OK\nendif\n" },
	{ "etc/postfix/more", "# by hand\n192.0.2.64/28, 192.0.2.80\n  /etc/postfix/more\n"
	                      "[::1]/128 cidr:/etc/postfix/networks.cidr\n" },
	{ "etc/postfix/vmailbox", "bob@example.com bob/\ncarol@elsewhere.example carol/\n" },
};

static const char usual[] = "myhostname = mail.example.org\n"
			    "mydestination = localhost, $myhostname, example.org\n"
			    "alias_maps = hash:/etc/aliases\n"
			    "virtual_alias_domains = example.net all.example.net\n"
			    "virtual_alias_maps = hash:/etc/postfix/virtual\n"
			    "virtual_mailbox_domains = example.com\n"
			    "virtual_mailbox_maps = hash:/etc/postfix/vmailbox\n"
			    "relay_domains = relay.example.org\n"
			    "recipient_delimiter = +\n"
			    "message_size_limit = 12345678\n"
			    "mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/24\n";

static void put(const char *top, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", top, name);
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	fputs(text, to);
	assert_int_equal(fclose(to), 0);
}

static void make_host(const char *top, const char *more)
{
	AUTO_FREE char *settings = xasprintf("%s%s", usual, more);
	AUTO_FREE char *etc = xasprintf("%s/etc", top), *postfix = xasprintf("%s/postfix", etc);

	assert_return_code(mkdir(etc, 0755), errno);
	assert_return_code(mkdir(postfix, 0755), errno);
	for (size_t i = 0; i < ROWS(files); i++)
		put(top, files[i][0], files[i][1]);
	put(top, "etc/postfix/main.cf", settings);
}

/* What a host's Postfix takes with these settings behind the usual ones. */
static void ask(const char *more, const struct strings *domains, struct mta_reception *out)
{
	char top[] = "/tmp/mailhaul-reception.XXXXXX";
	struct host_place place = { .name = "old", .reach = HOST_FOLDER, .target = top };
	struct error err = { 0 };
	struct host *h = NULL;

	assert_non_null(mkdtemp(top));
	make_host(top, more);
	assert_good(host_open(&h, &place, &err), &err);
	assert_good(postfix_reception(h, domains, out, &err), &err);
	host_close(h);
	files_remove(top);
}

static bool has_line(const struct mta_reception *r, const char *line)
{
	struct span rest = buf_span(&r->recipients), one;

	while (span_next_line(&rest, &one))
		if (span_is(one, line))
			return true;
	return false;
}

static void lists_lines(const struct mta_reception *r, const char *const *lines)
{
	for (; *lines; lines++)
		if (!has_line(r, *lines))
			fail_msg("\"%s\" is not in:\n%s", *lines, r->recipients.p);
}

static void each_class_of_domains_knows_its_own_people(void **state)
{
	static const char *const lines[] = {
		"delimiter +",
		/* users and aliases are in each local domain, with their own words alone */
		"domain example.org incomplete", /* one alias has a blank in its name */
		"domain mail.example.org incomplete",
		"alice@example.org",
		"Sales@example.org", /* the gate looks at no letter's case */
		"postmaster@mail.example.org",
		/* a bare name of virtual(5) is in those of $mydestination */
		"short@example.org",
		"domain example.net",
		"info@example.net",
		"domain all.example.net",
		"@all.example.net",
		"domain example.com",
		"bob@example.com",
		/* nobody says who is there: everybody */
		"@relay.example.org",
		NULL,
	};
	AUTO_RECEPTION struct mta_reception r = { 0 };

	(void)state;
	ask("", NULL, &r);
	lists_lines(&r, lines);
	assert_false(has_line(&r, "carol@elsewhere.example"));
	assert_false(has_line(&r, "bob@example.org"));
	assert_false(has_line(&r, "info@example.org"));
	assert_int_equal(r.unlisted.n, 0);
	assert_string_equal(r.name, "mail.example.org");
	assert_int_equal(r.size_max, 12345678);
	assert_null(r.certificate);
	assert_string_equal(r.relays_for, "192.0.2.0/24");
	assert_null(r.wants_names);
}

static void who_can_not_be_read_is_never_refused_for_good(void **state)
{
	AUTO_RECEPTION struct mta_reception of_one = { 0 }, of_all = { 0 }, of_none = { 0 };

	(void)state;
	ask("virtual_mailbox_maps = mysql:/etc/postfix/mailboxes.cf\n", NULL, &of_one);
	assert_true(has_line(&of_one, "domain example.com incomplete"));
	assert_true(has_line(&of_one, "domain example.net"));

	/* what may rewrite each address may make one of any */
	ask("canonical_maps = regexp:/etc/postfix/canonical\n", NULL, &of_all);
	assert_true(has_line(&of_all, "domain example.com incomplete"));
	assert_true(has_line(&of_all, "domain example.net incomplete"));

	ask("local_recipient_maps =\n", NULL, &of_none);
	assert_true(has_line(&of_none, "@example.org"));
}

static void domains_that_can_not_be_listed_are_told(void **state)
{
	AUTO_RECEPTION struct mta_reception r = { 0 };
	AUTO_STRINGS struct strings more = { 0 };

	(void)state;
	strings_add(&more, "example.com");
	strings_add(&more, "EXAMPLE.net"); /* is listed already */
	strings_add(&more, "bad domain");
	ask("virtual_mailbox_domains = mysql:/etc/postfix/domains.cf\n", &more, &r);
	assert_int_equal(r.unlisted.n, 1);
	assert_string_equal(r.unlisted.rows[0],
	                    "virtual_mailbox_domains = mysql:/etc/postfix/domains.cf");
	assert_true(has_line(&r, "domain example.com incomplete"));
	assert_false(has_line(&r, "domain EXAMPLE.net incomplete"));
	assert_null(strstr(r.recipients.p, "bad"));
}

static void certificates_are_where_a_client_would_meet_them(void **state)
{
	AUTO_RECEPTION struct mta_reception pair = { 0 }, one = { 0 }, off = { 0 };

	(void)state;
	ask("smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /etc/a.pem\n"
	    "smtpd_tls_key_file = /etc/a.key\n",
	    NULL, &pair);
	assert_string_equal(pair.certificate, "/etc/a.pem");
	assert_string_equal(pair.key, "/etc/a.key");
	ask("smtpd_use_tls = yes\nsmtpd_tls_cert_file = /etc/a.pem\n", NULL, &one);
	assert_string_equal(one.certificate, "/etc/a.pem");
	assert_null(one.key);
	ask("smtpd_tls_cert_file = /etc/a.pem\n", NULL, &off);
	assert_null(off.certificate);
}

static void networks_that_it_relays_for_are_told_as_the_gate_takes_them(void **state)
{
	static const char *const told[] = { "192.0.2.7",       "198.51.100.0/24",  "2001:db8::/32",
		                            "203.0.113.9",     "192.0.2.64/28",    "192.0.2.80",
		                            "203.0.113.64/26", "2001:db8:1:2::/64" };
	AUTO_RECEPTION struct mta_reception r = { 0 };

	(void)state;
	ask("mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.7 198.51.100.0/24, [2001:db8::]/32 "
	    "!192.0.2.1 hash:/etc/postfix/networks /etc/postfix/more mysql:/etc/postfix/my.cf "
	    "!/etc/postfix/vmailbox /etc/postfix/none\n",
	    NULL, &r);
	/* of a file that names itself, a table that can't be read, and one that is not there: the rest */
	for (size_t i = 0; i < ROWS(told); i++) {
		bool there = false;

		for (size_t row = 0; row < r.relay_networks.n; row++)
			there |= !strcmp(r.relay_networks.rows[row], told[i]);
		if (!there)
			fail_msg("%s is not told", told[i]);
	}
	for (size_t row = 0; row < r.relay_networks.n; row++)
		assert_null(strchr(r.relay_networks.rows[row], '!'));
	/* a person sees all of it */
	assert_non_null(strstr(r.relays_for, "!192.0.2.1, hash:/etc/postfix/networks"));
}

static void a_server_that_wants_names_is_found_wherever_it_says_so(void **state)
{
	AUTO_RECEPTION struct mta_reception wants = { 0 }, class = { 0 }, warns = { 0 };

	(void)state;
	ask("smtpd_recipient_restrictions = permit_mynetworks, reject_unknown_client_hostname\n",
	    NULL, &wants);
	assert_string_equal(wants.wants_names, "reject_unknown_client_hostname");
	ask("smtpd_restriction_classes = strict\n"
	    "strict = reject_unknown_reverse_client_hostname\n",
	    NULL, &class);
	assert_string_equal(class.wants_names, "reject_unknown_reverse_client_hostname");
	ask("smtpd_client_restrictions = warn_if_reject reject_unknown_client_hostname permit\n",
	    NULL, &warns);
	assert_null(warns.wants_names);
}

UNIT_TESTS("postfix_reception", cmocka_unit_test(each_class_of_domains_knows_its_own_people),
           cmocka_unit_test(who_can_not_be_read_is_never_refused_for_good),
           cmocka_unit_test(domains_that_can_not_be_listed_are_told),
           cmocka_unit_test(certificates_are_where_a_client_would_meet_them),
           cmocka_unit_test(networks_that_it_relays_for_are_told_as_the_gate_takes_them),
           cmocka_unit_test(a_server_that_wants_names_is_found_wherever_it_says_so));
