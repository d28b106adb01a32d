/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "accounts/names.h"
#include "accounts/passwd.h"
#include "accounts/passwd_file.h"

#include <stdlib.h>

/* The same octets as each of the files of users; a map that changes nothing changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct number_map none[] = { { 5000, 5000, false } };
	AUTO_SYSTEM_USERS struct system_users u = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct span text = { (const char *)data, size }, rest = text, value;
	struct passwd_file_row row;
	unsigned line = 0;

	system_users_parse_passwd(&u, text);
	system_users_parse_group(&u, text);
	system_users_parse_shadow(&u, text);
	system_users_parse_login_defs(&u, text);
	for (size_t i = 0; i < u.users_n; i++) {
		(void)account_name_good(u.users[i].name);
		(void)account_path_good(u.users[i].home);
	}
	while (passwd_file_next(&rest, &line, &row))
		(void)passwd_file_extra(&row, "userdb_mail", &value);
	passwd_file_renumber(text, none, 1, &out);
	if (!span_equal(buf_span(&out), text) && span_find_text(text, "5000") < 0)
		abort();
	return 0;
}
