/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/sites.h"
#include "state/signs.h"

#include <time.h>

#define ACCOUNTS 20u
#define M "old/home/u3/Maildir/"
#define N "new/home/u3/Maildir/"
#define TICK_NS (30 * 1000000L) /* longer than the tick that store/sign.c waits for */

struct house {
	struct sites s;
	struct mailbox_account sides[ACCOUNTS];
	struct copy_account accounts[ACCOUNTS];
};

static void wait_a_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = TICK_NS }, NULL);
}

static void make_house(struct house *h)
{
	sites_begin(&h->s, MAILBOX_MAILDIR);
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		AUTO_FREE char *cur = xasprintf("old/home/u%u/Maildir/cur", i);
		AUTO_FREE char *new = xasprintf("old/home/u%u/Maildir/new", i);
		AUTO_FREE char *message = xasprintf("%s/100.a.host:2,S", cur);
		AUTO_FREE char *text = xasprintf("Subject: %u\n\nx\n", i);

		sites_make(&h->s, cur);
		sites_make(&h->s, new);
		sites_message(&h->s, message, text, 1000000000);
		h->sides[i] = h->s.from;
		h->sides[i].user = xasprintf("u%u", i);
		h->sides[i].home = xasprintf("/home/u%u", i);
		h->sides[i].root = xasprintf("/home/u%u/Maildir", i);
		h->accounts[i] = (struct copy_account){ &h->sides[i], &h->sides[i], &h->s.beside };
	}
	sites_write(&h->s, M "subscriptions", "V\t2\n\nSent\n");
	sites_write(&h->s, M "dovecot-uidlist",
	            "3 V1173186633 N2 G3085f01b7f11094c501100008c4a11c1\n1 :100.a.host\n");
}

static void end_house(struct house *h)
{
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		free(h->sides[i].user);
		free(h->sides[i].home);
		free(h->sides[i].root);
	}
	sites_end(&h->s);
}

static void pass(struct house *h, const struct copy_options *options, struct copy_result *out)
{
	static const struct copy_options none;
	struct error err = { 0 };

	copy_result_fini(out);
	assert_good(copy_accounts(h->s.old, h->s.new, h->accounts, ACCOUNTS, h->s.state,
	                          options ? options : &none, out, &err),
	            &err);
}

static int count(void *context, const struct sign_record *record, struct error *err)
{
	++*(unsigned *)context;
	return 0;
}

static unsigned signs(const struct house *h)
{
	struct error err = { 0 };
	unsigned n = 0;

	assert_good(signs_walk(h->s.state, count, &n, &err), &err);
	return n;
}

static void make_copied_house(struct house *h, struct copy_result *r)
{
	make_house(h);
	pass(h, NULL, r);
}

/* Until each mailbox is known by its look. */
static void settle(struct house *h)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };

	pass(h, NULL, &r);
	wait_a_tick();
	pass(h, NULL, &r);
	assert_false(copy_result_changed(&r));
	assert_int_equal(signs(h), ACCOUNTS);
}

static void many_accounts_are_copied_as_each_alone(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_copied_house(&h, &r);
	assert_int_equal(r.copied, ACCOUNTS);
	assert_int_equal(r.old_messages, ACCOUNTS);
	assert_int_equal(r.skipped.n, 0);
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		AUTO_FREE char *path = xasprintf("new/home/u%u/Maildir/cur/100.a.host:2,S", i);
		AUTO_FREE char *want = xasprintf("Subject: %u\n\nx\n", i);
		AUTO_FREE char *text = sites_read(&h.s, path);

		assert_string_equal(text, want);
	}
	assert_true(sites_has(&h.s, N "dovecot-uidlist"));
	assert_true(sites_has(&h.s, N "subscriptions"));
	end_house(&h);
}

static void one_account_that_is_gone_keeps_no_other_from_it(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_house(&h);
	sites_rename(&h.s, "old/home/u7/Maildir", "old/home/u7/elsewhere");
	pass(&h, NULL, &r);
	assert_int_equal(r.copied, ACCOUNTS - 1);
	assert_int_equal(r.skipped.n, 1);
	assert_non_null(strstr(r.skipped.rows[0], "u7"));
	end_house(&h);
}

/* What fails only when things are stored: a file is where the folder has to be. */
static void one_account_that_can_t_be_stored_keeps_no_other_from_it(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_house(&h);
	sites_make(&h.s, "new/home/u7");
	sites_write(&h.s, "new/home/u7/Maildir", "no directory");
	pass(&h, NULL, &r);
	assert_int_equal(r.copied, ACCOUNTS - 1);
	assert_true(r.skipped.n > 0);
	assert_non_null(strstr(r.skipped.rows[0], "u7"));
	assert_true(sites_has(&h.s, "new/home/u19/Maildir/cur/100.a.host:2,S"));
	end_house(&h);
}

/* A date that was changed in its place is what a sign does not see: so it tells if one was listed. */
static void an_untouched_mailbox_is_not_listed_again(void **state)
{
	const struct copy_options everywhere = { .look_everywhere = true };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_house(&h);
	settle(&h);
	AUTO_FREE char *path = sites_path(&h.s, M "cur/100.a.host:2,S");
	assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
	pass(&h, NULL, &r);
	assert_false(copy_result_changed(&r));
	assert_int_equal(r.unchanged, ACCOUNTS);
	assert_int_equal(r.old_messages, ACCOUNTS);
	pass(&h, &everywhere, &r);
	assert_int_equal(r.renamed, 1);
	end_house(&h);
}

/* A file that Dovecot keeps for itself comes into a folder: the outline is another, the sign is not. */
static void a_cache_that_comes_is_no_change(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_house(&h);
	settle(&h);
	sites_write(&h.s, M "dovecot.index.cache", "x");
	AUTO_FREE char *path = sites_path(&h.s, M "cur/100.a.host:2,S");
	assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0); /* tells if it was listed */
	pass(&h, NULL, &r);
	assert_false(copy_result_changed(&r));
	assert_int_equal(r.unchanged, ACCOUNTS);
	end_house(&h);
}

static int count_outlined(void *context, const struct sign_record *record, struct error *err)
{
	*(unsigned *)context += record->old_outline.places.n && record->new_outline.places.n;
	return 0;
}

static unsigned outlined(const struct house *h)
{
	struct error err = { 0 };
	unsigned n = 0;

	assert_good(signs_walk(h->s.state, count_outlined, &n, &err), &err);
	return n;
}

/* Where caches came into many mailboxes, they are known by their outlines again after one pass. */
static void outlines_that_hold_no_more_are_taken_anew(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_house(&h);
	settle(&h);
	assert_int_equal(outlined(&h), ACCOUNTS);
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		AUTO_FREE char *cache = xasprintf("old/home/u%u/Maildir/dovecot.index.cache", i);

		sites_write(&h.s, cache, "x");
	}
	pass(&h, NULL, &r); /* too young to be written down, on a machine that is fast enough */
	wait_a_tick();
	pass(&h, NULL, &r);
	assert_int_equal(outlined(&h), ACCOUNTS);
	assert_int_equal(r.unchanged, ACCOUNTS);
	end_house(&h);
}

static int note(void *context, size_t account, struct error *err)
{
	unsigned *seen = context;

	seen[account]++;
	return 0;
}

static void only_what_has_changed_is_prepared(void **state)
{
	unsigned seen[ACCOUNTS] = { 0 };
	const struct copy_options options = { .prepare = note, .context = seen };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_house(&h);
	pass(&h, &options, &r);
	settle(&h);
	sites_write(&h.s, M "new/200.b.host", "Subject: new\n\n");
	pass(&h, &options, &r);
	for (unsigned i = 0; i < ACCOUNTS; i++)
		assert_int_equal(seen[i], i == 3 ? 2 : 1);
	end_house(&h);
}

static void deliver(struct sites *s)
{
	sites_write(s, M "new/200.b.host", "Subject: new\n\n");
}

static void set_a_flag(struct sites *s)
{
	sites_rename(s, M "cur/100.a.host:2,S", M "cur/100.a.host:2,FS");
}

static void expunge(struct sites *s)
{
	sites_remove(s, M "cur/100.a.host:2,S");
}

static void make_a_folder(struct sites *s)
{
	sites_make(s, M ".Sent/cur");
	sites_make(s, M ".Sent/new");
}

/* Written in its place, to the same length. */
static void subscribe(struct sites *s)
{
	sites_write(s, M "subscriptions", "V\t2\n\nDone\n");
}

static void bring_a_file(struct sites *s)
{
	sites_write(s, M "dovecot-acl", "user=bob lr\n");
}

static void empty_a_folder_and_hide_it(struct sites *s)
{
	/* the directory of the same name as before is another one */
	sites_rename(s, M "cur", M "was");
	sites_make(s, M "cur");
	sites_rename(s, M "was", "old/was");
}

static void give_a_uid(struct sites *s)
{
	sites_write(s, M "dovecot-uidlist",
	            "3 V1173186633 N3 G3085f01b7f11094c501100008c4a11c1\n2 :100.a.host\n");
}

static void lose_it_on_new(struct sites *s)
{
	sites_remove(s, N "cur/100.a.host:2,S");
}

static void flag_it_on_new(struct sites *s)
{
	sites_rename(s, N "cur/100.a.host:2,S", N "cur/100.a.host:2,T");
}

static void each_touch_is_seen(void **state)
{
	static const struct {
		void (*touch)(struct sites *s);
		uint64_t copied, renamed, removed, folders_made, files;
	} rows[] = {
		{ deliver, 1, 0, 0, 0, 0 },        { set_a_flag, 0, 1, 0, 0, 0 },
		{ expunge, 0, 0, 1, 0, 0 },        { make_a_folder, 0, 0, 0, 1, 0 },
		{ subscribe, 0, 0, 0, 0, 1 },      { give_a_uid, 0, 0, 0, 0, 1 },
		{ lose_it_on_new, 1, 0, 0, 0, 0 }, { flag_it_on_new, 0, 1, 0, 0, 0 },
		{ bring_a_file, 0, 0, 0, 0, 1 },   { empty_a_folder_and_hide_it, 0, 0, 1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_COPY_RESULT struct copy_result r = { 0 };
		struct house h;

		make_house(&h);
		settle(&h);
		rows[i].touch(&h.s);
		pass(&h, NULL, &r);
		if (r.copied != rows[i].copied || r.renamed != rows[i].renamed ||
		    r.removed != rows[i].removed || r.folders_made != rows[i].folders_made ||
		    r.files != rows[i].files)
			fail_msg("row %zu: %u copied, %u renamed, %u removed, %u made, %u files", i,
			         (unsigned)r.copied, (unsigned)r.renamed, (unsigned)r.removed,
			         (unsigned)r.folders_made, (unsigned)r.files);
		pass(&h, NULL, &r);
		assert_false(copy_result_changed(&r));
		end_house(&h);
	}
}

/* A stamp of this very tick says nothing: what comes next may bear the same one. */
static void a_mailbox_that_changed_just_now_is_listed_again(void **state)
{
	struct timespec later[2];
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_copied_house(&h, &r);
	/* so that it is the same tick on a slow machine too */
	clock_gettime(CLOCK_REALTIME, &later[0]);
	later[0].tv_sec += 60;
	later[1] = later[0];
	AUTO_FREE char *path = sites_path(&h.s, M "cur");
	assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
	wait_a_tick();
	pass(&h, NULL, &r);
	pass(&h, NULL, &r);
	assert_int_equal(signs(&h), ACCOUNTS - 1);
	end_house(&h);
}

static void what_is_odd_is_told_each_time(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_copied_house(&h, &r);
	sites_write(&h.s, N "new/900.only.here", "Subject: extra\n\n");
	for (int i = 0; i < 3; i++) {
		wait_a_tick();
		pass(&h, NULL, &r);
		assert_int_equal(r.extra.n, 1);
	}
	end_house(&h);
}

static void extra_mail_goes_when_that_is_asked_for(void **state)
{
	const struct copy_options options = { .delete_extra = true };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_copied_house(&h, &r);
	sites_write(&h.s, N "new/900.only.here", "Subject: extra\n\n");
	pass(&h, &options, &r);
	assert_int_equal(r.removed, 1);
	assert_int_equal(r.extra.n, 0);
	assert_false(sites_has(&h.s, N "new/900.only.here"));
	assert_true(sites_has(&h.s, N "cur/100.a.host:2,S"));
	end_house(&h);
}

/* One side is as it was, by its sign: what it has is not read again. */
static void one_side_that_changed_is_held_against_what_the_other_had(void **state)
{
	const struct copy_options whole = { .dry_run = true, .look_everywhere = true };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct house h;

	(void)state;
	make_copied_house(&h, &r);
	settle(&h);
	sites_message(&h.s, M "new/200.b.host", "Subject: b\n\nb\n", 1100000000);
	sites_rename(&h.s, M "cur/100.a.host:2,S", M "cur/100.a.host:2,FS");
	pass(&h, NULL, &r);
	assert_int_equal(r.copied, 1);
	assert_int_equal(r.renamed, 1);
	settle(&h);
	sites_rename(&h.s, N "cur/100.a.host:2,FS", N "cur/100.a.host:2,");
	sites_remove(&h.s, N "new/200.b.host");
	pass(&h, NULL, &r);
	assert_int_equal(r.copied, 1);
	assert_int_equal(r.renamed, 1);
	pass(&h, &whole, &r);
	assert_false(copy_result_changed(&r));
	end_house(&h);
}

UNIT_TESTS("copy/accounts", cmocka_unit_test(many_accounts_are_copied_as_each_alone),
           cmocka_unit_test(one_account_that_is_gone_keeps_no_other_from_it),
           cmocka_unit_test(one_account_that_can_t_be_stored_keeps_no_other_from_it),
           cmocka_unit_test(an_untouched_mailbox_is_not_listed_again),
           cmocka_unit_test(a_cache_that_comes_is_no_change),
           cmocka_unit_test(outlines_that_hold_no_more_are_taken_anew),
           cmocka_unit_test(only_what_has_changed_is_prepared),
           cmocka_unit_test(each_touch_is_seen),
           cmocka_unit_test(a_mailbox_that_changed_just_now_is_listed_again),
           cmocka_unit_test(what_is_odd_is_told_each_time),
           cmocka_unit_test(extra_mail_goes_when_that_is_asked_for),
           cmocka_unit_test(one_side_that_changed_is_held_against_what_the_other_had));
