/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/change.h"
#include "store/write.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where messages of a folder with an empty cur/ are, from the sixteenth on. */
#define ASIDE "tmp/mailhaul.tmp.cur"

struct place {
	char dir[64];
	int fd;
};

static void begin(struct place *p)
{
	struct sync_list sync = { 0 };
	struct error err = { 0 };

	snprintf(p->dir, sizeof p->dir, "/tmp/mailhaul-test.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_good(change_make_folder(p->fd, "/mail", "", 0700, getuid(), getgid(), &sync, &err),
	            &err);
	sync_fini(&sync);
}

static void end(struct place *p)
{
	close(p->fd);
	files_remove(p->dir);
}

static unsigned count(const struct place *p, const char *path)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", p->dir, path);

	return files_count(whole);
}

static int put(struct write_batch *b, const char *name, struct span content, struct error *err)
{
	const struct write_target t = { .root = "/mail",
		                        .folder = "",
		                        .name = name,
		                        .mode = 0600,
		                        .uid = getuid(),
		                        .gid = getgid(),
		                        .mtime_ns = 1 };
	const struct digest digest = digest_of(content);

	if (write_begin_message(b, &t, err) < 0 || write_bytes(b, content, err) < 0)
		return -1;
	return write_end(b, &digest, err);
}

static void nothing_is_seen_before_the_commit(void **state)
{
	size_t placed;
	struct error err = { 0 };
	struct place p;

	begin(&p);
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *name = xasprintf("%d.host:2,S", i);

		assert_good(put(b, name, SPAN("text"), &err), &err);
	}
	assert_int_equal(count(&p, "mail/cur"), 0);
	assert_int_equal(count(&p, "mail/tmp"), 16);
	assert_int_equal(count(&p, "mail/" ASIDE), 5);
	assert_good(write_commit(b, &placed, &err), &err);
	assert_int_equal(count(&p, "mail/cur"), 20);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	end(&p);
}

static void a_batch_that_is_given_up_leaves_nothing(void **state)
{
	struct error err = { 0 };
	struct place p;

	begin(&p);
	for (int n = 1; n < 32; n += 6) {
		AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);

		for (int i = 0; i < n; i++) {
			AUTO_FREE char *name = xasprintf("%d.host", i);

			assert_good(put(b, name, SPAN("text"), &err), &err);
		}
	}
	assert_int_equal(count(&p, "mail/tmp"), 0);
	assert_int_equal(count(&p, "mail/cur"), 0);
	end(&p);
}

static void a_write_that_fails_in_the_middle_leaves_nothing(void **state)
{
	const struct rlimit small = { 8192, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	static char big[20000];
	struct error err = { 0 };
	struct place p;

	begin(&p);
	struct write_batch *b = write_batch_new(p.fd);
	for (int i = 0; i < 12; i++) {
		AUTO_FREE char *name = xasprintf("%d.host", i);

		assert_good(put(b, name, SPAN("text"), &err), &err);
	}
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_fails(put(b, "big.host", (struct span){ big, sizeof big }, &err), &err,
	             "write /mail");
	write_batch_free(b);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	assert_int_equal(count(&p, "mail/cur"), 0);
	end(&p);
}

static void what_a_killed_process_left_is_removed(void **state)
{
	size_t placed;
	struct error err = { 0 };
	struct place p;

	begin(&p);
	AUTO_FREE char *left = xasprintf("%s/mail/tmp/mailhaul.tmp.77", p.dir);
	AUTO_FREE char *theirs = xasprintf("%s/mail/tmp/123.host", p.dir);
	AUTO_FREE char *aside = xasprintf("%s/mail/" ASIDE, p.dir);
	AUTO_FREE char *in_it = xasprintf("%s/1.host:2,S", aside);
	assert_int_equal(mkdir(aside, 0700), 0);
	close(open(in_it, O_CREAT | O_WRONLY, 0600));
	close(open(left, O_CREAT | O_WRONLY, 0600));
	close(open(theirs, O_CREAT | O_WRONLY, 0600));
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	assert_good(put(b, "1.host", SPAN("text"), &err), &err);
	assert_good(write_commit(b, &placed, &err), &err);
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(access(aside, F_OK), -1);
	assert_int_equal(access(theirs, F_OK), 0);
	end(&p);
}

static void put_some(struct write_batch *b, const char *tag, int n)
{
	struct error err = { 0 };

	for (int i = 0; i < n; i++) {
		AUTO_FREE char *name = xasprintf("%s.%d.host:2,S", tag, i);

		assert_good(put(b, name, SPAN("text"), &err), &err);
	}
}

static void a_batch_is_brought_into_place_while_the_next_is_written(void **state)
{
	struct error err = { 0 };
	struct place p;
	size_t placed;

	begin(&p);
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	put_some(b, "a", 30);
	assert_good(write_commit_ahead(b, &placed, &err), &err);
	assert_int_equal(placed, 0);
	put_some(b, "b", 20);
	assert_good(write_commit_ahead(b, &placed, &err), &err);
	assert_int_equal(placed, 30);
	put_some(b, "c", 3);
	assert_good(write_commit(b, &placed, &err), &err);
	assert_int_equal(placed, 23);
	assert_int_equal(count(&p, "mail/cur"), 53);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	end(&p);
}

static void what_fails_while_the_next_is_written_is_told(void **state)
{
	struct error err = { 0 };
	struct place p;
	size_t placed;

	begin(&p);
	AUTO_FREE char *cur = xasprintf("%s/mail/cur", p.dir);
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	put_some(b, "a", 30);
	assert_int_equal(rmdir(cur), 0);
	assert_good(write_commit_ahead(b, &placed, &err), &err);
	assert_fails(write_commit(b, &placed, &err), &err, "open /mail/cur");
	assert_int_equal(count(&p, "mail/tmp"), 0);
	end(&p);
}

static void a_batch_that_is_given_up_waits_for_what_is_under_way(void **state)
{
	struct error err = { 0 };
	struct place p;
	size_t placed;

	begin(&p);
	struct write_batch *b = write_batch_new(p.fd);
	put_some(b, "a", 30);
	assert_good(write_commit_ahead(b, &placed, &err), &err);
	put_some(b, "b", 30);
	write_batch_free(b);
	assert_int_equal(count(&p, "mail/cur"), 30);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	end(&p);
}

static struct stat look(const struct place *p, const char *path)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", p->dir, path);
	struct stat st = { 0 };

	assert_int_equal(stat(whole, &st), 0);
	return st;
}

static void an_empty_folder_gets_its_messages_at_once(void **state)
{
	struct error err = { 0 };
	struct stat was, now;
	struct place p;
	size_t placed;

	begin(&p);
	AUTO_FREE char *cur = xasprintf("%s/mail/cur", p.dir);
	assert_int_equal(chmod(cur, 02750), 0);
	was = look(&p, "mail/cur");
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	put_some(b, "a", 40);
	assert_good(write_commit(b, &placed, &err), &err);
	assert_int_equal(placed, 40);
	now = look(&p, "mail/cur");
	assert_int_not_equal(now.st_ino, was.st_ino);
	assert_int_equal(now.st_mode, was.st_mode);
	assert_int_equal(count(&p, "mail/cur"), 40);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	for (size_t i = 0; i < placed; i++) {
		AUTO_FREE char *name = xasprintf("mail/cur/a.%zu.host:2,S", i);

		assert_int_equal(look(&p, name).st_ino, write_inodes(b)[i]);
	}
	put_some(b, "b", 40); /* it is not empty any more */
	assert_good(write_commit(b, &placed, &err), &err);
	assert_int_equal(look(&p, "mail/cur").st_ino, now.st_ino);
	assert_int_equal(count(&p, "mail/cur"), 80);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	end(&p);
}

static void what_comes_into_cur_meanwhile_stays(void **state)
{
	struct error err = { 0 };
	struct place p;
	size_t placed;
	ino_t was;

	begin(&p);
	was = look(&p, "mail/cur").st_ino;
	AUTO_FREE char *theirs = xasprintf("%s/mail/cur/123.host:2,", p.dir);
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	put_some(b, "a", 40);
	close(open(theirs, O_CREAT | O_WRONLY, 0600));
	assert_good(write_commit(b, &placed, &err), &err);
	assert_int_equal(placed, 40);
	assert_int_equal(count(&p, "mail/cur"), 41);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	assert_int_equal(look(&p, "mail/cur").st_ino, was);
	end(&p);
}

/* A user puts something of his own where messages were written. */
static void what_takes_their_place_is_told(void **state)
{
	struct error err = { 0 };
	struct place p;
	size_t placed;

	for (int link = 0; link < 2; link++) {
		begin(&p);
		AUTO_FREE char *aside = xasprintf("%s/mail/" ASIDE, p.dir);
		AUTO_FREE char *away = xasprintf("%s/away", p.dir);
		AUTO_FREE char *other = xasprintf("%s/other", p.dir);
		AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
		put_some(b, "a", 40);
		assert_int_equal(rename(aside, away), 0);
		assert_int_equal(mkdir(other, 0700), 0);
		assert_int_equal(link ? symlink(other, aside) : mkdir(aside, 0700), 0);
		assert_fails(write_commit(b, &placed, &err), &err,
		             link ? "mailhaul.tmp.cur" : "was exchanged");
		/* those that were begun before */
		assert_int_equal(count(&p, "mail/cur"), link ? 15 : 0);
		assert_int_equal(count(&p, "other"), 0);
		end(&p);
	}
}

static void octets_that_changed_on_the_way_reach_no_place(void **state)
{
	size_t placed;
	const struct write_target t = { .root = "/mail",
		                        .folder = "",
		                        .name = "1.host",
		                        .mode = 0600,
		                        .uid = getuid(),
		                        .gid = getgid() };
	const struct digest other = digest_of(SPAN("other"));
	struct error err = { 0 };
	struct place p;

	begin(&p);
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	assert_good(write_begin_message(b, &t, &err), &err);
	assert_good(write_bytes(b, SPAN("text"), &err), &err);
	assert_fails(write_end(b, &other, &err), &err, "not what was sent");
	assert_good(write_commit(b, &placed, &err), &err);
	assert_int_equal(count(&p, "mail/cur"), 0);
	assert_int_equal(count(&p, "mail/tmp"), 0);
	end(&p);
}

static void no_name_and_no_link_leads_out_of_the_root(void **state)
{
	static const char *const names[] = { "../x", "a/b", "", ".", ".." };
	struct error err = { 0 };
	struct place p;

	begin(&p);
	AUTO_FREE char *link = xasprintf("%s/mail/out", p.dir);
	assert_int_equal(symlink("/tmp", link), 0);
	AUTO_WRITE_BATCH struct write_batch *b = write_batch_new(p.fd);
	for (size_t i = 0; i < ROWS(names); i++)
		assert_fails(put(b, names[i], SPAN("text"), &err), &err, "no message may have");
	struct write_target t = { .root = "/mail", .path = "out/x", .mode = 0600 };
	assert_int_equal(write_begin_file(b, &t, &err), -1);
	t.path = "../x";
	assert_int_equal(write_begin_file(b, &t, &err), -1);
	t.folder = "out";
	t.name = "x";
	assert_int_equal(write_begin_message(b, &t, &err), -1);
	/* the root itself may be reached over a link, but only inside what is "/" here */
	t.root = "/mail/out";
	t.folder = "";
	assert_int_equal(write_begin_message(b, &t, &err), -1);
	end(&p);
}

UNIT_TESTS("store/write", cmocka_unit_test(nothing_is_seen_before_the_commit),
           cmocka_unit_test(a_batch_that_is_given_up_leaves_nothing),
           cmocka_unit_test(a_write_that_fails_in_the_middle_leaves_nothing),
           cmocka_unit_test(what_a_killed_process_left_is_removed),
           cmocka_unit_test(a_batch_is_brought_into_place_while_the_next_is_written),
           cmocka_unit_test(what_fails_while_the_next_is_written_is_told),
           cmocka_unit_test(a_batch_that_is_given_up_waits_for_what_is_under_way),
           cmocka_unit_test(an_empty_folder_gets_its_messages_at_once),
           cmocka_unit_test(what_comes_into_cur_meanwhile_stays),
           cmocka_unit_test(what_takes_their_place_is_told),
           cmocka_unit_test(octets_that_changed_on_the_way_reach_no_place),
           cmocka_unit_test(no_name_and_no_link_leads_out_of_the_root));
