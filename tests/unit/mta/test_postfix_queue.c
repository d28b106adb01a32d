/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "mta/postfix.h"
#include "mta/unpack.h"
#include "state/carried.h"
#include "state/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void queue_lines_become_messages(void **state)
{
	AUTO_MTA_QUEUE struct mta_queue q = { 0 };
	size_t bad = postfix_queue_parse(
		SPAN("{\"queue_name\": \"deferred\", \"queue_id\": \"B35BD11F1\", "
	             "\"arrival_time\": "
	             "1795373983, \"message_size\": 270, \"forced_expire\": false, \"sender\": "
	             "\"alice@example.org\", \"recipients\": [{\"address\": \"a@example.com\", "
	             "\"delay_reason\": \"x\"}, {\"address\": \"b@example.com\"}]}\n"
	             "not json\n{\"queue_id\": 5}\n"
	             "{\"queue_name\":\"active\",\"queue_id\":\"C1\",\"sender\":\"MAILER-DAEMON\"}"
	             "\n"),
		&q);

	(void)state;
	assert_int_equal(bad, 2);
	assert_int_equal(q.n, 2);
	assert_string_equal(q.rows[0].queue, "deferred");
	assert_string_equal(q.rows[0].id, "B35BD11F1");
	assert_int_equal(q.rows[0].arrived_ms, 1795373983000);
	assert_int_equal(q.rows[0].recipients.n, 2);
	assert_string_equal(q.rows[1].sender, "");
}

static void paths_from_the_old_queue_are_held_against_a_rule(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{ "incoming/B35BD11F1", true },
		{ "deferred/B/B35BD11F1", true },
		{ "defer/4/4jXYkc6qsqz1d2YY", true },
		{ "", false },
		{ "/etc/passwd", false },
		{ "deferred/../../etc/passwd", false },
		{ "deferred//x", false },
		{ "deferred/x/", false },
		{ "deferred/a b", false },
		{ "a/b/c/d/e/f/g/h", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (postfix_queue_path_good(rows[i].path) != rows[i].good)
			fail_msg("%s", rows[i].path);
}

/* tar itself says whether the header is one. */
static void a_header_is_one_that_tar_takes(void **state)
{
	char folder[] = "/tmp/unit-unpack-XXXXXX", header[512], path[128], command[256];
	struct unpack_file file = { .path = "deferred/A/ABC",
		                    .mode = 0700,
		                    .uid = 103,
		                    .gid = 107,
		                    .size = 5,
		                    .mtime_ns = 1795373983123456789 };
	char listing[256] = "";
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/x.tar", folder);
	assert_true(unpack_header(&file, header));
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(header, 1, sizeof header, f);
	fwrite("12345", 1, 5, f);
	for (int i = 0; i < 507 + 1024; i++)
		fputc(0, f);
	fclose(f);
	snprintf(command, sizeof command, "TZ=UTC tar --numeric-owner -tvf %s", path);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(listing, sizeof listing, f));
	assert_int_equal(pclose(f), 0);
	unlink(path);
	rmdir(folder);
	assert_string_equal(listing,
	                    "-rwx------ 103/107           5 2026-11-22 18:59 deferred/A/ABC\n");
	file.path = "a-name-that-is-longer-than-ninety-nine-octets-and-therefore-does-not-fit-into-"
		    "the-field-of-the-header";
	assert_false(unpack_header(&file, header));
}

static void what_was_carried_is_known_afterwards(void **state)
{
	char folder[] = "/tmp/unit-carried-XXXXXX", command[64];
	char message[] = "deferred/B/B1", named[] = "deferred/B/B7", log[] = "defer/B/B1";
	struct carried_file rows[] = {
		{ .path = message,
		  .size = 10,
		  .mtime_ns = -1,
		  .inode = 7,
		  .phase = CARRIED_STAGED },
		{ .path = log, .size = 2, .phase = CARRIED_NAMED },
	};
	AUTO_CARRIED_FILES struct carried_files files = { 0 };
	AUTO_MTA_CARRIED struct mta_carried_list list = { 0 };
	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_good(state_open(&s, folder, &err), &err);
	assert_good(carried_put(s, "old", "new", rows, 2, &err), &err);
	rows[0].phase = CARRIED_NAMED;
	rows[0].new_path = named;
	assert_good(carried_put(s, "old", "new", rows, 1, &err), &err);
	assert_good(carried_load(s, "old", "new", &files, &err), &err);
	assert_int_equal(files.n, 2);
	assert_int_equal(files.rows[1].phase, CARRIED_NAMED);
	assert_int_equal(files.rows[1].mtime_ns, -1);
	assert_good(mta_carried_load(s, "old", "new", &list, &err), &err);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].id, "B1");
	assert_string_equal(list.rows[0].new_id, "B7");
	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

UNIT_TESTS("mta/postfix_queue", cmocka_unit_test(queue_lines_become_messages),
           cmocka_unit_test(paths_from_the_old_queue_are_held_against_a_rule),
           cmocka_unit_test(a_header_is_one_that_tar_takes),
           cmocka_unit_test(what_was_carried_is_known_afterwards));
