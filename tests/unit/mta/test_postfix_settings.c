/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "mta/postfix.h"
#include "mta/postfix_parameters.h"
#include "mta/postfix_settings.h"

#include <string.h>

static void values_are_filled_in(void **state)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "$myhostname, localhost", "mail.example.org, localhost" },
		{ "${myhostname}x$(mydomain)", "mail.example.orgxexample.org" },
		{ "${empty?set}${empty:unset}", "unset" },
		{ "${mydomain?{yes}:{no}}${empty?{yes}:{no}}", "yesno" },
		{ "a$$b $unknown.", "a$b ." },
		{ "${{$compatibility_level} < {2} ? {$mydestination} :}", "" },
		{ "${{$compatibility_level} <level {2} ? {old} : {new}}", "new" },
		{ "${{$mydomain} == {example.org} ? {same} : {other}}", "same" },
		{ "${unclosed", "${unclosed" },
		{ "$", "$" },
	};

	(void)state;
	postfix_settings_parse(&f,
	                       SPAN("myhostname = mail.$mydomain\nmydomain = example.org\n"
	                            "empty =\ncompatibility_level = 3.6\n"
	                            "mydestination = here\n"),
	                       true);
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };

		postfix_expand(&f, span_of(rows[i].value), &out);
		assert_string_equal(buf_text(&out), rows[i].want);
	}
}

/* Each names the next one many times over: 40^10 if nobody counted. */
static void a_tower_of_names_ends(void **state)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_BUF struct buf text = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		buf_addf(&text, "a%d = ", i);
		for (int j = 0; j < 40; j++)
			buf_addf(&text, "$a%d", i + 1);
		buf_add_char(&text, '\n');
	}
	buf_add_text(&text, "loop = $loop$loop\n");
	postfix_settings_parse(&f, buf_span(&text), true);
	postfix_expand(&f, SPAN("$a0"), &out);
	postfix_expand(&f, SPAN("$loop"), &out);
	assert_true(out.n < 2 * POSTFIX_VALUE_MAX);
}

static void defaults_and_given_values_are_told_apart(void **state)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };

	(void)state;
	postfix_settings_parse(&f, SPAN("relayhost =\nbiff = yes\n"), false);
	postfix_settings_parse(&f, SPAN("biff = no\nown = x = y\nnonsense\n= 1\n"), true);
	assert_int_equal(f.settings_n, 3);
	assert_string_equal(mta_setting(&f, "biff"), "no");
	assert_true(f.settings[1].given && !f.settings[0].given);
	assert_string_equal(mta_setting(&f, "own"), "x = y");
	assert_null(mta_setting(&f, "other"));
}

static void tables_are_found_in_values(void **state)
{
	static const struct {
		const char *element, *type, *name;
	} rows[] = {
		{ "hash:/etc/aliases", "hash", "/etc/aliases" },
		{ "proxy:lmdb:/etc/x", "lmdb", "/etc/x" },
		{ "!cidr:/etc/x", "cidr", "/etc/x" },
		{ "inline:{a=b}", "inline", "{a=b}" },
		{ "unix:passwd.byname", "unix", "passwd.byname" },
		{ "inet:127.0.0.1:8891", NULL, NULL },
		{ "unix:/run/milter.sock", NULL, NULL },
		{ "lmtp:unix:private/lmtp", NULL, NULL },
		{ "example.org:25", NULL, NULL },
		{ "example.org", NULL, NULL },
		{ "hash:", NULL, NULL },
	};
	struct span type, name;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		bool found = postfix_table_of(span_of(rows[i].element), &type, &name);

		assert_int_equal(found, rows[i].type != NULL);
		assert_true(!found || (span_is(type, rows[i].type) && span_is(name, rows[i].name)));
	}
}

static void services_have_ports_and_addresses(void **state)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_FREE char *address = postfix_service_address("[2001:db8::1]:submission");

	(void)state;
	postfix_services_parse(&f, SPAN("smtp inet n - y - - smtpd\n# no\nshort unix n\n"
	                                "127.0.0.1:10025 inet n - n - - smtpd -o a=b\n"
	                                "dovecot unix - n n - - pipe flags=DR argv=/x ${user}\n"));
	assert_int_equal(f.services_n, 3);
	assert_true(f.services[0].port == 25 && f.services[0].chroot);
	assert_true(f.services[1].port == 10025 && !f.services[1].chroot);
	assert_string_equal(f.services[1].command, "smtpd -o a=b");
	assert_int_equal(postfix_service_port("[2001:db8::1]:submission"), 587);
	assert_int_equal(postfix_service_port("submissions"), 465);
	assert_int_equal(postfix_service_port("70000"), 0);
	assert_string_equal(address, "2001:db8::1");
	assert_true(postfix_service_is_disabled(SPAN("!foo.unix, inet"), "smtp", "inet"));
	assert_false(postfix_service_is_disabled(SPAN("!smtp.inet inet"), "smtp", "inet"));
	assert_false(postfix_service_is_disabled(SPAN("smtp.inet"), "submission", "inet"));
}

static void files_are_found_wherever_a_value_names_them(void **state)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	static const struct {
		const char *path;
		enum mta_file_kind kind;
	} want[] = {
		{ "/etc/aliases", MTA_FILE_ALIASES },
		{ "/etc/postfix/virtual", MTA_FILE_MAP },
		{ "/etc/postfix/access", MTA_FILE_MAP },
		{ "/etc/postfix/client", MTA_FILE_MAP },
		{ "/etc/postfix/pw", MTA_FILE_SASL },
		{ "/etc/ssl/mail.pem", MTA_FILE_CERTIFICATE },
		{ "/etc/ssl/mail.key", MTA_FILE_KEY },
		{ "/etc/mailname", MTA_FILE_OTHER },
		{ "/usr/bin/procmail", MTA_FILE_PROGRAM },
		{ "/etc/postfix/sub", MTA_FILE_MAP },
	};

	(void)state;
	postfix_settings_parse(
		&f,
		SPAN("alias_maps = hash:/etc/aliases\nvirtual_alias_maps = $virtual_maps\n"
	             "virtual_maps = proxy:hash:/etc/postfix/virtual\n"
	             "smtpd_recipient_restrictions = permit, check_recipient_access "
	             "hash:/etc/postfix/access, { check_client_access { "
	             "cidr:/etc/postfix/client, default_action = DUNNO } }, "
	             "check_policy_service inet:127.0.0.1:10023\n"
	             "smtp_sasl_password_maps = lmdb:/etc/postfix/pw\n"
	             "smtpd_tls_cert_file = /etc/ssl/mail.pem\n"
	             "smtpd_tls_key_file = /etc/ssl/mail.key\nmyorigin = /etc/mailname\n"
	             "mailbox_command = /usr/bin/procmail -a \"$EXTENSION\"\n"
	             "queue_directory = /var/spool/postfix\nmail_spool_directory = /var/mail\n"
	             "smtpd_tls_session_cache_database = btree:/var/lib/x\n"
	             "smtpd_milters = inet:127.0.0.1:8891\n"),
		true);
	postfix_services_parse(&f,
	                       SPAN("submission inet n - n - - smtpd -o "
	                            "smtpd_client_restrictions=permit_x,hash:/etc/postfix/sub\n"));
	postfix_find_files(&f);
	for (size_t i = 0; i < ROWS(want); i++) {
		bool found = false;

		for (size_t j = 0; j < f.files_n; j++)
			found = found || (!strcmp(f.files[j].path, want[i].path) &&
			                  f.files[j].kind == want[i].kind);
		if (!found)
			fail_msg("%s was not found", want[i].path);
	}
	assert_int_equal(f.files_n, ROWS(want) + 2); /* and main.cf, master.cf */
	assert_int_equal(f.filters.n, 2);
}

static void every_parameter_has_a_row(void **state)
{
	(void)state;
	assert_int_equal(postfix_parameter("myhostname")->how, POSTFIX_COPY);
	assert_int_equal(postfix_parameter("queue_directory")->how, POSTFIX_NEVER);
	assert_int_equal(postfix_parameter("queue_minfree")->how, POSTFIX_COPY);
	assert_int_equal(postfix_parameter("smtp_bind_address6")->how, POSTFIX_NEVER);
	assert_int_equal(postfix_parameter("virtual_uid_maps")->how, POSTFIX_TRANSLATE);
	assert_int_equal(postfix_parameter("my_own_word")->how, POSTFIX_PERSON);
}

UNIT_TESTS("mta/postfix_settings", cmocka_unit_test(values_are_filled_in),
           cmocka_unit_test(a_tower_of_names_ends),
           cmocka_unit_test(defaults_and_given_values_are_told_apart),
           cmocka_unit_test(tables_are_found_in_values),
           cmocka_unit_test(services_have_ports_and_addresses),
           cmocka_unit_test(files_are_found_wherever_a_value_names_them),
           cmocka_unit_test(every_parameter_has_a_row));
