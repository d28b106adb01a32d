/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/open.h"

#include "base/memory.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

static void what_is_short_for_a_place_is_read_in_one_way(void **state)
{
	static const char *const rows[][2] = {
		{ "local", "local" },
		{ "/", "local" },
		{ "/srv/old", "folder:/srv/old" },
		{ "folder:/srv/old", "folder:/srv/old" },
		{ "mail.example.org", "ssh:root@mail.example.org" },
		{ "admin@mail.example.org", "ssh:admin@mail.example.org" },
		{ "ssh:mail.example.org", "ssh:mail.example.org" },
		{ "srv/that/is/not/there", "folder:srv/that/is/not/there" },
		{ "", "ssh:" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *words = cmd_place_words(rows[i][0]);

		assert_string_equal(words, rows[i][1]);
	}
}

static void a_folder_by_a_short_name_is_a_whole_one(void **state)
{
	AUTO_FREE char *here = getcwd(NULL, 0);
	AUTO_FREE char *expected = xasprintf("folder:%s", here);
	AUTO_FREE char *words = cmd_place_words(".");

	assert_string_equal(words, expected);
}

UNIT_TESTS("cmd/open", cmocka_unit_test(what_is_short_for_a_place_is_read_in_one_way),
           cmocka_unit_test(a_folder_by_a_short_name_is_a_whole_one));
