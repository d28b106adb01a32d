/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "prepare/locations.h"

#include <string.h>

static void same_or_none(const char *made, const char *want, const char *of)
{
	if (want ? !made || strcmp(made, want) != 0 : made != NULL)
		fail_msg("%s: %s", of, made ? made : "nothing");
}

static void fields_of_user_files_name_a_maildir_of_the_same_path(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a:::::::userdb_mail=mbox:~/mail:INBOX=/var/mail/a\nb:x:1:1::/h::\n",
		  "a:::::::userdb_mail=maildir:~/mail:LAYOUT=fs\nb:x:1:1::/h::\n" },
		{ "a:::::::x=1 userdb_mail=mbox:~/m y=2",
		  "a:::::::x=1 userdb_mail=maildir:~/m:LAYOUT=fs y=2" },
		{ "uid=8 mail=mbox:/srv/%d/%n:INDEX=/i:CONTROL=/c home=/h",
		  "uid=8 mail=maildir:/srv/%d/%n:INDEX=/i:LAYOUT=fs home=/h" },
		{ "\"mail=mbox:~/mail\"", "\"mail=maildir:~/mail:LAYOUT=fs\"" },
		{ "mail=maildir:~/Maildir", NULL },
		{ "gmail=mbox:~/mail", NULL },
		{ "mail=mboxes", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *made = locations_change_fields(span_of(rows[i].text),
		                                               CONFIG_MBOX_TO_MAILDIR);

		same_or_none(made, rows[i].want, rows[i].text);
	}
}

static void settings_that_hold_a_location_change_and_no_others(void **state)
{
	static const struct {
		const char *path, *value, *want;
	} rows[] = {
		{ "mail_location", "mbox:~/mail:INBOX=/var/mail/%u", "maildir:~/mail" },
		{ "namespace inbox/location", "\"mbox:~/mail\"", "maildir:~/mail" },
		{ "mail_location", "sdbox:~/mail", NULL },
		{ "plugin/mail", "mbox:~/mail", NULL },
		{ "mail_home", "mbox:~/mail", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *made = locations_change_setting(
			rows[i].path, span_of(rows[i].value), CONFIG_MBOX_TO_MAILDIRPP);

		same_or_none(made, rows[i].want, rows[i].value);
	}
}

UNIT_TESTS("prepare/locations",
           cmocka_unit_test(fields_of_user_files_name_a_maildir_of_the_same_path),
           cmocka_unit_test(settings_that_hold_a_location_change_and_no_others));
