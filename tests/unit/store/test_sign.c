/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/sign.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS (30 * 1000000L) /* longer than the tick that store/sign.c waits for */

static const struct mailbox_account account = {
	.user = (char *)(uintptr_t) "alice",
	.root = (char *)(uintptr_t) "/mail",
	.format = MAILBOX_MAILDIR,
};

struct place {
	char dir[64];
	int fd;
};

static void make(const struct place *p, const char *path)
{
	assert_int_equal(mkdirat(p->fd, path, 0700), 0);
}

static void write_file(const struct place *p, const char *path, const char *text)
{
	AUTO_CLOSE int fd = openat(p->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void wait_a_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = TICK_NS }, NULL);
}

static void begin(struct place *p)
{
	snprintf(p->dir, sizeof p->dir, "/tmp/mailhaul-test.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make(p, "mail");
	make(p, "mail/cur");
	make(p, "mail/new");
	make(p, "mail/.Sent");
	make(p, "mail/.Sent/cur");
	make(p, "mail/.Sent/new");
	make(p, "mail/.Sent/tmp");
	write_file(p, "mail/.Sent/dovecot-uidlist", "3 V1 N1\n");
	make(p, "mail/lists");
	make(p, "mail/lists/old");
	make(p, "mail/lists/old/cur");
	wait_a_tick();
}

static void end(struct place *p)
{
	close(p->fd);
	files_remove(p->dir);
}

static void take_sign(const struct place *p, struct store_sign *out)
{
	struct error err = { 0 };

	store_sign_fini(out);
	assert_good(store_sign(p->fd, &account, NULL, out, &err), &err);
}

static bool holds(const struct place *p, const struct store_sign *sign)
{
	return store_has_outline(p->fd, &account, NULL, buf_span(&sign->outline.places),
	                         &sign->outline.digest);
}

static void deliver(const struct place *p)
{
	write_file(p, "mail/.Sent/new/100.a.host", "x");
}

static void add_a_uid(const struct place *p)
{
	write_file(p, "mail/.Sent/dovecot-uidlist", "3 V1 N2\n");
}

static void bring_a_file(const struct place *p)
{
	write_file(p, "mail/lists/old/dovecot-acl", "user=bob lr\n");
}

static void make_a_folder(const struct place *p)
{
	make(p, "mail/lists/new");
}

static void remove_a_folder(const struct place *p)
{
	assert_int_equal(unlinkat(p->fd, "mail/lists/old/cur", AT_REMOVEDIR), 0);
}

/* What it leads to looks the same: it is the same. */
static void put_a_link_in_its_place(const struct place *p)
{
	assert_int_equal(renameat(p->fd, "mail/.Sent", p->fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("../elsewhere", p->fd, "mail/.Sent"), 0);
}

static void what_changes_a_sign_changes_the_outline_too(void **state)
{
	static void (*const touches[])(const struct place *p) = {
		deliver,       add_a_uid,       bring_a_file,
		make_a_folder, remove_a_folder, put_a_link_in_its_place,
	};

	(void)state;
	for (size_t i = 0; i < ROWS(touches); i++) {
		AUTO_STORE_SIGN struct store_sign before = { 0 }, after = { 0 };
		struct place p;

		begin(&p);
		take_sign(&p, &before);
		assert_true(before.settled);
		assert_true(before.outline.places.n);
		assert_true(holds(&p, &before));
		touches[i](&p);
		assert_false(holds(&p, &before));
		take_sign(&p, &after);
		assert_false(digest_equal(&before.digest, &after.digest));
		end(&p);
	}
}

static void a_cache_changes_the_outline_alone(void **state)
{
	AUTO_STORE_SIGN struct store_sign before = { 0 }, after = { 0 };
	struct place p;

	(void)state;
	begin(&p);
	take_sign(&p, &before);
	write_file(&p, "mail/.Sent/dovecot.index.cache", "x");
	assert_false(holds(&p, &before));
	take_sign(&p, &after);
	assert_true(digest_equal(&before.digest, &after.digest));
	/* the folder's directory is too young: it may change again and look the same */
	assert_true(after.settled);
	assert_int_equal(after.outline.places.n, 0);
	wait_a_tick();
	take_sign(&p, &after);
	assert_true(holds(&p, &after));
	end(&p);
}

static void a_malformed_outline_holds_for_nothing(void **state)
{
	static const struct span rows[] = {
		SPAN(""),
		SPAN("\0"),
		SPAN("\0cur"),
		SPAN("\0cur\0"),
		SPAN("cur"),
		SPAN(".Sent\0cur\0"),
		SPAN("\0.Sent/cur\0\0"),
		SPAN("\0..\0\0"),
		SPAN("..\0\0"),
		SPAN("/\0\0"),
		SPAN("lists/../cur\0\0"),
	};
	const struct digest digest = { 0 };
	struct place p;

	(void)state;
	begin(&p);
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_false(store_has_outline(p.fd, &account, NULL, rows[i], &digest));
	end(&p);
}

static void an_account_of_very_many_folders_has_no_outline(void **state)
{
	AUTO_STORE_SIGN struct store_sign sign = { 0 };
	struct place p;

	(void)state;
	begin(&p);
	for (unsigned i = 0; i < 200; i++) {
		AUTO_FREE char *path = xasprintf("mail/.%0100u", i);

		make(&p, path);
	}
	wait_a_tick();
	take_sign(&p, &sign);
	assert_true(sign.settled);
	assert_int_equal(sign.outline.places.n, 0);
	end(&p);
}

UNIT_TESTS("store/sign", cmocka_unit_test(what_changes_a_sign_changes_the_outline_too),
           cmocka_unit_test(a_cache_changes_the_outline_alone),
           cmocka_unit_test(a_malformed_outline_holds_for_nothing),
           cmocka_unit_test(an_account_of_very_many_folders_has_no_outline));
