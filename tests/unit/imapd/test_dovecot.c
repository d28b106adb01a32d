/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "imapd/dovecot_settings.h"
#include "imapd/mail_location.h"

#include <string.h>

static const char settings[] = "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\n"
			       "mail_location = maildir:~/Maildir\n"
			       "mail_plugins = \" listescape\"\n"
			       "namespace inbox {\n"
			       "  inbox = yes\n"
			       "  location = \n"
			       "  mailbox \"Sent Messages\" {\n"
			       "    special_use = \\Sent\n"
			       "  }\n"
			       "  prefix = \n"
			       "}\n"
			       "passdb {\n"
			       "  args = scheme=PLAIN username_format=%n /etc/dovecot/users\n"
			       "  driver = passwd-file\n"
			       "}\n"
			       "passdb {\n"
			       "  args = /etc/dovecot/sql.conf\n"
			       "  driver = sql\n"
			       "}\n"
			       "protocols = \" imap lmtp\"\n"
			       "ssl_cert = </etc/ssl/mail.pem\n"
			       "userdb {\n"
			       "  driver = passwd\n"
			       "  result_success = continue-ok\n"
			       "}\n"
			       "protocol lmtp {\n"
			       "  mail_plugins = \" listescape sieve\"\n"
			       "}\n";

static void settings_in_force_are_understood(void **state)
{
	AUTO_IMAPD_FACTS struct imapd_facts f = { 0 };

	(void)state;
	dovecot_settings_parse(&f, span_of(settings));
	assert_string_equal(imapd_setting(&f, "mail_location"), "maildir:~/Maildir");
	assert_string_equal(imapd_setting(&f, "protocol lmtp/mail_plugins"), " listescape sieve");
	assert_string_equal(
		imapd_setting(&f, "namespace inbox/mailbox \"Sent Messages\"/special_use"),
		"\\Sent");
	assert_int_equal(f.databases_n, 3);
	assert_string_equal(f.databases[0].file, "/etc/dovecot/users");
	assert_string_equal(f.databases[0].scheme, "PLAIN");
	assert_string_equal(f.databases[0].username_format, "%n");
	assert_true(f.databases[2].users && f.databases[2].goes_on);
	assert_int_equal(f.namespaces_n, 1);
	assert_true(f.namespaces[0].inbox);
	assert_string_equal(f.namespaces[0].name, "inbox");
	assert_int_equal(f.protocols.n, 2);
	assert_true(strings_has(&f.plugins, "sieve") && strings_has(&f.files, "/etc/ssl/mail.pem"));
	assert_int_equal(f.for_person.n, 1); /* sql */
}

static char *new_number(void *context, const char *path, struct span value)
{
	++*(int *)context;
	return strcmp(path, "userdb/args") == 0    ? xstrdup("uid=6000")
	       : strcmp(path, "mail_plugins") == 0 ? xstrdup("x")
	                                           : NULL;
}

static void a_value_is_changed_and_its_neighbours_are_not(void **state)
{
	AUTO_BUF struct buf out = { 0 };
	int asked = 0;

	(void)state;
	assert_int_equal(dovecot_settings_rewrite(SPAN("mail_plugins = \" a\"\nuserdb {\n"
	                                               "  args = uid=5000  \n}\n"
	                                               "plugin {\n  args = uid=5000\n}\n# c\n"),
	                                          new_number, &asked, &out),
	                 2);
	assert_string_equal(buf_text(&out), "mail_plugins = \"x\"\nuserdb {\n  args = uid=6000\n}\n"
	                                    "plugin {\n  args = uid=5000\n}\n# c\n");
	assert_int_equal(asked, 3);
}

static void settings_cut_at_every_octet_are_read(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof settings; n++) {
		AUTO_IMAPD_FACTS struct imapd_facts f = { 0 };
		AUTO_FREE char *copy = xmalloc(n + 1);
		AUTO_BUF struct buf out = { 0 };
		int asked = 0;

		memcpy(copy, settings, n);
		dovecot_settings_parse(&f, (struct span){ copy, n });
		dovecot_settings_rewrite((struct span){ copy, n }, new_number, &asked, &out);
	}
}

static void blocks_without_end_are_no_harm(void **state)
{
	AUTO_IMAPD_FACTS struct imapd_facts f = { 0 };
	AUTO_BUF struct buf text = { 0 };

	(void)state;
	buf_add_text(&text, "}\n}\n");
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, "passdb {\n a = b\n");
	for (int i = 0; i < 1005; i++)
		buf_add_text(&text, "}\n");
	buf_add_text(&text, "last = x\n");
	dovecot_settings_parse(&f, buf_span(&text));
	assert_string_equal(imapd_setting(&f, "last"), "x");
}

static void a_location_becomes_paths(void **state)
{
	static const struct mail_user user = { "bob@Example.net", "/srv/v/bob", 5000, 5001 };
	static const struct {
		const char *location, *root, *inbox;
		enum mailbox_format format;
		enum mailbox_layout layout;
	} rows[] = {
		{ "maildir:~/Maildir", "/srv/v/bob/Maildir", NULL, MAILBOX_MAILDIR,
		  MAILBOX_LAYOUT_MAILDIRPP },
		{ "maildir:%h/Maildir/:LAYOUT=fs:INDEX=/idx/%u", "/srv/v/bob/Maildir", NULL,
		  MAILBOX_MAILDIR, MAILBOX_LAYOUT_FS },
		{ "maildir:/v/%Ld/%n/%%:INBOX=/v/%Ld/%n/%%", "/v/example.net/bob/%", NULL,
		  MAILBOX_MAILDIR, MAILBOX_LAYOUT_MAILDIRPP },
		{ "mbox:~/mail:INBOX=/var/mail/%u", "/srv/v/bob/mail", "/var/mail/bob@Example.net",
		  MAILBOX_MBOX, MAILBOX_LAYOUT_FS },
		{ "mbox:~/mail", "/srv/v/bob/mail", "/srv/v/bob/mail/inbox", MAILBOX_MBOX,
		  MAILBOX_LAYOUT_FS },
		{ "mdbox:~/mdbox", "/srv/v/bob/mdbox", NULL, MAILBOX_MDBOX, MAILBOX_LAYOUT_FS },
		{ "sdbox:~/s:ALT=/cold/%u:INBOX=/x:CONTROL=/y", "/srv/v/bob/s", NULL, MAILBOX_SDBOX,
		  MAILBOX_LAYOUT_SETTINGS },
		{ "maildir:/v/%{user}/%{domain}", "/v/bob@Example.net/Example.net", NULL,
		  MAILBOX_MAILDIR, MAILBOX_LAYOUT_MAILDIRPP },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct mailbox_account a = { 0 };
		struct error err = { 0 };

		assert_good(
			mail_location_parse(span_of(rows[i].location), &user, &a, NULL, NULL, &err),
			&err);
		assert_string_equal(a.root, rows[i].root);
		assert_int_equal(a.inbox != NULL, rows[i].inbox != NULL);
		if (a.inbox)
			assert_string_equal(a.inbox, rows[i].inbox);
		assert_true(a.format == rows[i].format && a.layout == rows[i].layout);
		assert_true(a.uid == 5000 && a.gid == 5001);
		mailbox_account_fini(&a);
	}
}

static void what_can_not_be_carried_is_said(void **state)
{
	static const struct mail_user user = { "bob", "/home/bob", 1, 1 },
				      homeless = { "x", "", 1, 1 };
	static const struct {
		const char *location, *words;
	} rows[] = {
		{ "", "no mail location" },
		{ "maildir", "names no path" },
		{ "imapc:~/x", "not carried" },
		{ "maildir:~/x:LAYOUT=index", "not carried" },
		{ "maildir:/v/%{ldap:x}", "variable" },
		{ "maildir:/v/%", "variable" },
		{ "maildir:relative", "absolute" },
		{ "maildir:~/x:INBOX=~/other", "INBOX apart" },
	};
	struct mailbox_account a = { 0 };
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_fails(
			mail_location_parse(span_of(rows[i].location), &user, &a, NULL, NULL, &err),
			&err, rows[i].words);
	/* "~/Maildir" of a user without a home is /Maildir, which is nobody's */
	assert_int_equal(mail_location_parse(SPAN("maildir:~"), &homeless, &a, NULL, NULL, &err),
	                 -1);
}

UNIT_TESTS("imapd/dovecot", cmocka_unit_test(settings_in_force_are_understood),
           cmocka_unit_test(a_value_is_changed_and_its_neighbours_are_not),
           cmocka_unit_test(settings_cut_at_every_octet_are_read),
           cmocka_unit_test(blocks_without_end_are_no_harm),
           cmocka_unit_test(a_location_becomes_paths),
           cmocka_unit_test(what_can_not_be_carried_is_said));
