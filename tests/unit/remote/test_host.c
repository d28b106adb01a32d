/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "remote/host.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* A folder with a few files, and an agent (the real program) whose root it is. */
struct folder {
	char path[64];
	struct host *reader, *writer;
};

static struct host *open_folder(const char *path, bool control)
{
	struct host_place place = {
		.name = "old", .reach = HOST_FOLDER, .target = path, .control = control
	};
	struct error err = { 0 };
	struct host *h = NULL;

	assert_good(host_open(&h, &place, &err), &err);
	return h;
}

static int set_up(void **state)
{
	struct folder *f = calloc(1, sizeof *f);
	struct error err = { 0 };
	char path[128];

	snprintf(f->path, sizeof f->path, "/tmp/mailhaul-unit-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	snprintf(path, sizeof path, "%s/etc", f->path);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof path, "%s/etc/motd", f->path);
	assert_good(file_write_path_durable(path, 0644, SPAN("hello\n"), &err), &err);
	snprintf(path, sizeof path, "%s/etc/out", f->path);
	assert_int_equal(symlink("/etc/motd", path), 0);
	snprintf(path, sizeof path, "%s/etc/up", f->path);
	assert_int_equal(symlink("../../../../etc/passwd", path), 0);
	f->reader = open_folder(f->path, false);
	f->writer = open_folder(f->path, true);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;
	char command[128];

	host_close(f->reader);
	host_close(f->writer);
	snprintf(command, sizeof command, "rm -rf %s", f->path);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void a_file_is_read_whole_and_a_link_ends_at_the_root(void **state)
{
	struct folder *f = *state;
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	assert_good(host_read(f->reader, "/etc/motd", 100, &out, &err), &err);
	assert_string_equal(buf_text(&out), "hello\n");
	/* an absolute link means the folder's own file */
	assert_good(host_read(f->reader, "/etc/out", 100, &out, &err), &err);
	assert_string_equal(buf_text(&out), "hello\n");
	/* and ".." never climbs out: the folder has no etc/passwd */
	assert_int_equal(host_read(f->reader, "/etc/up", 100, &out, &err), -1);
	assert_int_equal(err.sys_errno, ENOENT);
}

static void a_file_longer_than_the_limit_is_an_error_not_a_part(void **state)
{
	struct folder *f = *state;
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	assert_fails(host_read(f->reader, "/etc/motd", 5, &out, &err), &err,
	             "longer than 5 octets");
	assert_good(host_read(f->reader, "/etc/motd", 6, &out, &err), &err);
}

static void a_read_only_agent_changes_nothing(void **state)
{
	struct folder *f = *state;
	struct error err = { 0 };

	assert_fails(host_write(f->reader, "/etc/motd", 0644, 0, 0, SPAN("x"), &err), &err,
	             "started read-only");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
	assert_fails(host_do(f->reader, "postfix-stop", NULL, SPAN(""), NULL, &err), &err,
	             "started read-only");
	assert_fails(host_mkdir(f->reader, "/x", 0755, 0, 0, &err), &err, "started read-only");
	assert_fails(host_rename(f->reader, "/etc/motd", "/etc/x", &err), &err,
	             "started read-only");
	assert_false(host_has(f->reader, "/etc/x"));
}

static void a_directory_s_missing_parents_are_open_to_all_as_their_own(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
	} rows[] = { { "srv", 0755 }, { "srv/mail", 0755 }, { "srv/mail/alice", 0700 } };
	struct folder *f = *state;
	struct error err = { 0 };

	assert_good(host_mkdir(f->writer, "/srv/mail/alice", 0700, getuid(), getgid(), &err), &err);
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", f->path, rows[i].path);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, rows[i].mode);
	}
}

static void only_rows_of_the_table_can_be_run(void **state)
{
	struct folder *f = *state;
	struct error err = { 0 };

	assert_fails(host_do(f->writer, "sh", NULL, SPAN(""), NULL, &err), &err,
	             "no such command row");
	assert_fails(host_do(f->writer, "postfix-start", NULL, SPAN(""), NULL, &err), &err,
	             "can't be asked of a folder");
}

static void a_list_is_sorted_and_does_not_follow_links(void **state)
{
	struct folder *f = *state;
	AUTO_LISTING struct host_listing l = { 0 };
	struct error err = { 0 };

	assert_good(host_list(f->reader, "/", 5, &l, &err), &err);
	assert_int_equal(l.n, 5);
	assert_string_equal(l.rows[0].path, "");
	assert_string_equal(l.rows[1].path, "etc");
	assert_string_equal(l.rows[2].path, "etc/motd");
	assert_true(S_ISLNK(l.rows[3].mode));
	assert_string_equal(l.rows[3].target, "/etc/motd");
	assert_int_equal(host_list(f->reader, "/none", 0, &l, &err), -1);
	assert_int_equal(err.sys_errno, ENOENT);
}

static void a_write_replaces_by_rename_and_a_rename_never_replaces(void **state)
{
	struct folder *f = *state;
	AUTO_BUF struct buf out = { 0 };
	AUTO_LISTING struct host_listing before = { 0 }, after = { 0 };
	struct error err = { 0 };

	assert_good(host_list(f->writer, "/etc/motd", 0, &before, &err), &err);
	assert_good(host_write(f->writer, "/etc/motd", 0600, 0, 0, SPAN("new"), &err), &err);
	assert_good(host_list(f->writer, "/etc/motd", 0, &after, &err), &err);
	assert_true(before.rows[0].inode != after.rows[0].inode);
	assert_int_equal(after.rows[0].mode & 07777, 0600);
	assert_good(host_write(f->writer, "/etc/other", 0644, 0, 0, SPAN("other"), &err), &err);
	assert_int_equal(host_rename(f->writer, "/etc/other", "/etc/motd", &err), -1);
	assert_int_equal(err.sys_errno, EEXIST);
	assert_good(host_read(f->writer, "/etc/motd", 10, &out, &err), &err);
	assert_string_equal(buf_text(&out), "new");
}

static void a_file_system_is_told_apart_from_others(void **state)
{
	struct folder *f = *state;
	struct host_space space;
	struct error err = { 0 };
	struct statvfs v;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(statvfs(f->path, &v), 0);
	assert_good(host_space(f->reader, "/", &space, &err), &err);
	assert_int_equal(space.device, st.st_dev);
	assert_int_equal(space.fs_id, v.f_fsid);
	assert_int_equal(space.size_octets, (uint64_t)v.f_blocks * v.f_frsize);
}

static void answers_come_in_the_order_of_asking(void **state)
{
	struct folder *f = *state;
	AUTO_BUF struct buf body = { 0 }, end = { 0 };
	struct error err = { 0 };

	wire_put_text(&body, "/none");
	assert_good(host_send(f->reader, WIRE_SPACE, buf_span(&body), &err), &err);
	buf_reset(&body);
	wire_put_text(&body, "/");
	assert_good(host_send(f->reader, WIRE_SPACE, buf_span(&body), &err), &err);
	assert_int_equal(host_collect(f->reader, NULL, NULL, &end, &err), -1);
	assert_good(host_collect(f->reader, NULL, NULL, &end, &err), &err);
	assert_int_equal(end.n, 40);
}

/* Answers that nobody has read yet, and a request that does not fit into the pipe: each side would
 * wait for the other. */
static void requests_and_answers_longer_than_a_pipe_do_not_stop_each_other(void **state)
{
	struct folder *f = *state;
	AUTO_BUF struct buf body = { 0 }, long_path = { 0 }, content = { 0 };
	struct error err = { 0 };
	char path[128];

	for (size_t i = 0; i < 200000; i++)
		buf_add_text(&content, "content\n");
	snprintf(path, sizeof path, "%s/etc/motd", f->path);
	assert_good(file_write_path_durable(path, 0644, buf_span(&content), &err), &err);
	wire_put_text(&body, "/etc/motd");
	wire_put_u64(&body, 0);
	wire_put_u64(&body, content.n);
	for (size_t i = 0; i < 40000; i++)
		buf_add_text(&long_path, "/x");
	AUTO_BUF struct buf far = { 0 };
	wire_put_text(&far, buf_text(&long_path));
	wire_put_u64(&far, 0);
	wire_put_u64(&far, 1);
	assert_good(host_send(f->reader, WIRE_READ, buf_span(&body), &err), &err);
	for (unsigned i = 0; i < 4; i++)
		assert_good(host_send(f->reader, WIRE_READ, buf_span(&far), &err), &err);
	assert_good(host_collect(f->reader, NULL, NULL, NULL, &err), &err);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(host_collect(f->reader, NULL, NULL, NULL, &err), -1);
	assert_good(host_read(f->reader, "/etc/motd", 1 << 22, &content, &err), &err);
}

static void an_agent_that_dies_is_a_host_out_of_reach(void **state)
{
	struct error err = { 0 };
	struct host *h = NULL;
	struct host_place place = { .name = "old", .reach = HOST_FOLDER, .target = "/nonexistent" };

	(void)state;
	assert_int_equal(host_open(&h, &place, &err), -1);
	assert_int_equal(err.retry, ERROR_RETRY_REACH);
	assert_int_equal(error_exit_code(&err), EXIT_CODE_UNREACHED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

UNIT_TESTS("remote/host", TEST(a_file_is_read_whole_and_a_link_ends_at_the_root),
           TEST(a_file_longer_than_the_limit_is_an_error_not_a_part),
           TEST(a_read_only_agent_changes_nothing),
           TEST(a_directory_s_missing_parents_are_open_to_all_as_their_own),
           TEST(only_rows_of_the_table_can_be_run),
           TEST(a_list_is_sorted_and_does_not_follow_links),
           TEST(a_write_replaces_by_rename_and_a_rename_never_replaces),
           TEST(a_file_system_is_told_apart_from_others), TEST(answers_come_in_the_order_of_asking),
           TEST(requests_and_answers_longer_than_a_pipe_do_not_stop_each_other),
           cmocka_unit_test(an_agent_that_dies_is_a_host_out_of_reach));
