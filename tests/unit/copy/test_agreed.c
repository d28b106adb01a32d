/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/sites.h"
#include "state/agreed.h"

#include <stdlib.h>

#define OLD "old/home/alice/Maildir/"
#define NEW "new/home/alice/Maildir/"
#define ROUNDS 150
#define FOLDERS 3

static void pass(struct sites *s, const struct copy_options *options, struct copy_result *out)
{
	const struct copy_account account = { &s->from, &s->to, &s->beside };
	struct error err = { 0 };

	copy_result_fini(out);
	assert_good(copy_pass(s->old, s->new, &account, s->state, options, out, &err), &err);
}

/* A pass, and then nothing is left to do for one that looks at everything. */
static void pass_and_check(struct sites *s)
{
	const struct copy_options none = { 0 };
	const struct copy_options whole = { .dry_run = true, .look_everywhere = true };
	AUTO_COPY_RESULT struct copy_result done = { 0 }, left = { 0 };
	uint64_t messages, octets;
	struct error err = { 0 };

	pass(s, &none, &done);
	pass(s, &whole, &left);
	assert_int_equal(done.skipped.n, 0);
	assert_int_equal(left.skipped.n, 0);
	assert_false(copy_result_changed(&left));
	assert_int_equal(done.old_messages, left.old_messages);
	assert_int_equal(done.old_octets, left.old_octets);
	assert_int_equal(done.unchanged + done.renamed + done.copied, left.unchanged);
	sites_differences(s, true, 0, "");
	assert_good(messages_count(s->state, "alice", MESSAGES_PRESENT, &messages, &octets, &err),
	            &err);
	assert_int_equal(messages, left.old_messages);
	assert_int_equal(octets, left.old_octets);
}

/* Passes until one finds nothing: from then on both sides agree. */
static void settle(struct sites *s)
{
	const struct copy_options none = { 0 };
	AUTO_COPY_RESULT struct copy_result r = { 0 };

	pass(s, &none, &r);
	pass(s, &none, &r);
	assert_false(copy_result_changed(&r));
}

static int count(void *context, struct mail_agreed *agreed, struct error *err)
{
	assert_true(mail_agreed_read(agreed));
	*(size_t *)context += agreed->n;
	return 0;
}

static size_t agreed(const struct sites *s)
{
	struct error err = { 0 };
	size_t n = 0;

	assert_good(agreed_walk(s->state, "alice", count, &n, &err), &err);
	return n;
}

static void begin(struct sites *s)
{
	sites_begin(s, MAILBOX_MAILDIR);
	sites_maildir(s, OLD);
	sites_message(s, OLD "cur/100.a.host:2,S", "Subject: a\n\na\n", 1000000000);
	sites_message(s, OLD "cur/200.b.host:2,", "Subject: b\n\nb\n", 1100000000);
	sites_message(s, OLD "new/300.c.host", "Subject: c\n\nc\n", 1200000000);
	sites_write(s, OLD "dovecot-uidlist",
	            "3 V1173186633 N3 G3085f01b7f11094c501100008c4a11c1\n"
	            "1 :100.a.host\n2 :200.b.host\n");
}

static void a_pass_that_left_nothing_out_agrees(void **state)
{
	const struct copy_options none = { 0 };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	(void)state;
	begin(&s);
	pass(&s, &none, &r);
	assert_int_equal(agreed(&s), 3);
	sites_message(&s, "new/home/alice/Maildir/new/900.z.host", "Subject: z\n\n", 1);
	sites_remove(&s, OLD "cur/200.b.host:2,");
	pass(&s, &none, &r);
	/* something on new is none of ours: so it is looked at until that is gone */
	assert_int_equal(r.extra.n, 1);
	assert_int_equal(agreed(&s), 3);
	sites_remove(&s, NEW "new/900.z.host");
	pass(&s, &none, &r);
	assert_int_equal(agreed(&s), 2);
	sites_end(&s);
}

/* All that new is asked with is a digest, and names only where that is not enough. */
static void names_that_new_was_given_are_not_told_to_it_again(void **state)
{
	const struct copy_options none = { 0 };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	uint64_t sent;
	struct sites s;

	(void)state;
	begin(&s);
	for (unsigned i = 0; i < 600; i++) {
		AUTO_FREE char *path = xasprintf(OLD "cur/%u.many.host:2,", 1000 + i);

		sites_message(&s, path, "Subject: m\n\nm\n", 1000000000 + (time_t)i);
	}
	pass(&s, &none, &r);
	sent = host_octets_sent(s.new);
	sites_message(&s, OLD "cur/100.a.host:2,S", "Subject: a\n\na\n", 1000000000);
	sites_rename(&s, OLD "cur/200.b.host:2,", OLD "cur/200.b.host:2,S");
	sites_message(&s, OLD "new/400.d.host", "Subject: d\n\nd\n", 1300000000);
	pass(&s, &none, &r);
	assert_int_equal(r.copied, 1);
	assert_int_equal(r.renamed, 1);
	assert_true(host_octets_sent(s.new) - sent < 4096);
	sent = host_octets_sent(s.new);
	sites_rename(&s, NEW "cur/200.b.host:2,S", NEW "cur/200.b.host:2,T");
	pass(&s, &none, &r);
	assert_int_equal(r.renamed, 1);
	assert_true(host_octets_sent(s.new) - sent > 600 * 16);
	sites_end(&s);
}

static void what_others_do_on_new_after_a_pass_that_brought_mail_is_seen(void **state)
{
	AUTO_FREE char *text = NULL;
	struct sites s;

	(void)state;
	begin(&s);
	pass_and_check(&s);
	sites_remove(&s, NEW "cur/100.a.host:2,S");
	pass_and_check(&s);
	sites_message(&s, OLD "new/400.d.host", "Subject: d\n\nd\n", 1300000000);
	pass_and_check(&s);
	/* another file under its name, which only its inode tells */
	sites_message(&s, NEW "tmp/x", "Subject: e\n\nlonger\n", 1300000000);
	sites_rename(&s, NEW "tmp/x", NEW "new/400.d.host");
	sites_rename(&s, OLD "cur/200.b.host:2,", OLD "cur/200.b.host:2,S");
	pass_and_check(&s);
	text = sites_read(&s, NEW "new/400.d.host");
	assert_string_equal(text, "Subject: d\n\nd\n");
	sites_end(&s);
}

/* Which also shows that only differences are looked at. */
static void what_changed_in_its_place_is_seen_by_a_look_at_everything(void **state)
{
	const struct copy_options none = { 0 }, whole = { .look_everywhere = true };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	(void)state;
	begin(&s);
	settle(&s);
	sites_message(&s, OLD "cur/200.b.host:2,", "Subject: b\n\nX\n", 1100000001);
	sites_rename(&s, OLD "new/300.c.host", OLD "cur/300.c.host:2,S");
	pass(&s, &none, &r);
	assert_int_equal(r.renamed, 1);
	assert_int_equal(r.copied, 0);
	pass(&s, &whole, &r);
	assert_int_equal(r.copied, 1);
	sites_differences(&s, true, 0, "");
	sites_end(&s);
}

/* A process number that came back within a second: expunged, and another delivered. */
static void another_message_under_the_same_name_is_brought(void **state)
{
	AUTO_FREE char *text = NULL;
	struct sites s;

	(void)state;
	begin(&s);
	settle(&s);
	sites_message(&s, OLD "tmp/200.b.host:2,", "Subject: b\n\nX\n", 1100000001);
	sites_rename(&s, OLD "tmp/200.b.host:2,", OLD "cur/200.b.host:2,");
	pass_and_check(&s);
	text = sites_read(&s, NEW "cur/200.b.host:2,");
	assert_string_equal(text, "Subject: b\n\nX\n");
	sites_end(&s);
}

static void a_message_that_came_and_went_since_is_not_expected_any_more(void **state)
{
	const struct copy_options none = { 0 };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	(void)state;
	begin(&s);
	settle(&s);
	sites_message(&s, OLD "new/400.d.host", "Subject: d\n\nd\n", 1300000000);
	pass(&s, &none, &r);
	assert_int_equal(r.copied, 1);
	sites_remove(&s, OLD "new/400.d.host");
	sites_remove(&s, NEW "new/400.d.host");
	pass_and_check(&s);
	sites_end(&s);
}

static void rows_that_can_t_be_read_are_not_gone_by(void **state)
{
	struct mail_agreed broken = { .folder = (char *)(uintptr_t) "" };
	struct error err = { 0 };
	struct sites s;

	(void)state;
	begin(&s);
	settle(&s);
	buf_add_text(&broken.text, "no rows");
	assert_good(agreed_put(s.state, "alice", &broken, &err), &err);
	buf_fini(&broken.text);
	sites_rename(&s, OLD "new/300.c.host", OLD "cur/300.c.host:2,S");
	pass_and_check(&s);
	sites_end(&s);
}

static void one_folder_can_be_forgotten_by_itself(void **state)
{
	struct mail_agreed other = { .folder = (char *)(uintptr_t) ".Sent" };
	struct error err = { 0 };
	struct sites s;

	(void)state;
	begin(&s);
	settle(&s);
	mail_agreed_add(&other, &(struct mail_agreed_row){ .base = "900.z.host", .suffix = "" });
	assert_good(agreed_put(s.state, "alice", &other, &err), &err);
	buf_fini(&other.text);
	assert_int_equal(agreed(&s), 4);
	assert_good(agreed_drop(s.state, "alice", "", &err), &err);
	assert_int_equal(agreed(&s), 1);
	assert_good(agreed_drop(s.state, "alice", NULL, &err), &err);
	assert_int_equal(agreed(&s), 0);
	sites_end(&s);
}

/* What the ledger says and what was agreed do not fit: then the ledger is right. */
static void an_agreement_that_the_ledger_does_not_know_is_not_gone_by(void **state)
{
	struct mail_agreed more = { .folder = (char *)(uintptr_t) "" };
	struct error err = { 0 };
	struct sites s;

	(void)state;
	begin(&s);
	settle(&s);
	mail_agreed_add(&more, &(struct mail_agreed_row){ .base = "900.z.host", .suffix = ":2,S" });
	assert_good(agreed_put(s.state, "alice", &more, &err), &err);
	buf_fini(&more.text);
	pass_and_check(&s);
	sites_end(&s);
}

/* ── anything, in any order ──────────────────────────────────────────────────────────────────── */

struct chance {
	struct sites s;
	unsigned seed, made;
};

static unsigned dice(struct chance *c, unsigned sides)
{
	c->seed = c->seed * 1103515245u + 12345u;
	return (c->seed >> 16) % sides;
}

static char *folder_of(struct chance *c, const char *side)
{
	unsigned k = dice(c, FOLDERS);

	return k ? xasprintf("%s.F%u/", side, k) : xstrdup(side);
}

/* A file of cur/ or new/ there, as path; NULL: there is none. The caller owns it. */
static char *some_message(struct chance *c, const char *side)
{
	AUTO_FREE char *folder = folder_of(c, side);
	AUTO_FREE char *part = xasprintf("%s%s", folder, dice(c, 3) ? "cur" : "new");
	AUTO_FREE char *whole = sites_path(&c->s, part);
	AUTO_STRINGS struct strings names = { 0 };
	struct dirent *entry;
	DIR *dir = opendir(whole);

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			strings_add(&names, entry->d_name);
	if (dir)
		closedir(dir);
	strings_sort(&names);
	return names.n ? xasprintf("%s/%s", part, names.rows[dice(c, (unsigned)names.n)]) : NULL;
}

static void deliver(struct chance *c)
{
	AUTO_FREE char *folder = folder_of(c, OLD);
	AUTO_FREE char *path = xasprintf("%snew/%u.host", folder, 1000 + c->made);
	AUTO_FREE char *text = xasprintf("Subject: %u\n\n%u\n", c->made, dice(c, 1000));

	if (sites_has(&c->s, folder))
		sites_message(&c->s, path, text, (time_t)(1000000000 + c->made++));
}

/* Into cur/, with other flags. */
static void mark(struct chance *c, const char *side)
{
	static const char *const letters[] = { ":2,", ":2,S", ":2,FS", ":2,RS", ":2,Sa", "" };
	AUTO_FREE char *from = some_message(c, side);
	AUTO_FREE char *to = NULL;
	char *name, *colon;

	if (!from)
		return;
	AUTO_FREE char *base = xstrdup(from);
	name = strrchr(base, '/');
	*name++ = 0;
	colon = strchr(name, ':');
	if (colon)
		*colon = 0;
	memcpy(name - 4, "cur", 3);
	to = xasprintf("%s/%s%s", base, name, letters[dice(c, ROWS(letters))]);
	sites_rename(&c->s, from, to);
}

static void expunge(struct chance *c, const char *side)
{
	AUTO_FREE char *path = some_message(c, side);

	if (path)
		sites_remove(&c->s, path);
}

static void replace(struct chance *c)
{
	AUTO_FREE char *path = some_message(c, OLD);
	AUTO_FREE char *text = path ? sites_read(&c->s, path) : NULL;

	if (!path)
		return;
	text[strlen(text) - 2] ^= 1;
	sites_message(&c->s, OLD "tmp/x", text, (time_t)(1400000000 + c->made++));
	sites_rename(&c->s, OLD "tmp/x", path);
}

static void list_folder(struct chance *c, const char *folder, const char *part, struct buf *out)
{
	AUTO_FREE char *path = xasprintf("%s%s", folder, part);
	AUTO_FREE char *whole = sites_path(&c->s, path);
	struct dirent *entry;
	DIR *dir = opendir(whole);

	while (dir && (entry = readdir(dir))) {
		unsigned number = (unsigned)strtoul(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.')
			buf_addf(out, "%u :%u.host\n", number, number);
	}
	if (dir)
		closedir(dir);
}

/* Dovecot looks: what has no UID gets one. */
static void number(struct chance *c)
{
	AUTO_FREE char *folder = folder_of(c, OLD);
	AUTO_FREE char *path = xasprintf("%sdovecot-uidlist", folder);
	AUTO_BUF struct buf list = { 0 };

	if (!sites_has(&c->s, folder))
		return;
	buf_addf(&list, "3 V1173186633 N%u G3085f01b7f11094c501100008c4a11c1\n", 2000 + c->made);
	list_folder(c, folder, "new", &list);
	list_folder(c, folder, "cur", &list);
	sites_write(&c->s, path, buf_text(&list));
}

static void name_keywords(struct chance *c)
{
	AUTO_FREE char *folder = folder_of(c, OLD);
	AUTO_FREE char *path = xasprintf("%sdovecot-keywords", folder);
	AUTO_FREE char *text = xasprintf("0 $Label%u\n", dice(c, 4));

	if (sites_has(&c->s, folder))
		sites_write(&c->s, path, text);
}

static void come_or_go(struct chance *c)
{
	AUTO_FREE char *folder = xasprintf("%s.F%u/", OLD, 1 + dice(c, FOLDERS - 1));
	AUTO_FREE char *whole = sites_path(&c->s, folder);

	if (sites_has(&c->s, folder))
		files_remove(whole);
	else
		sites_maildir(&c->s, folder);
}

static void something(struct chance *c)
{
	switch (dice(c, 20)) {
	case 0:
		come_or_go(c);
		break;
	case 1:
		name_keywords(c);
		break;
	case 2:
		replace(c);
		break;
	case 3:
		mark(c, NEW);
		break;
	case 4:
		expunge(c, NEW);
		break;
	case 5 ... 6:
		number(c);
		break;
	case 7 ... 9:
		expunge(c, OLD);
		break;
	case 10 ... 13:
		mark(c, OLD);
		break;
	default:
		deliver(c);
	}
}

static void passes_by_differences_bring_what_a_look_at_everything_would(void **state)
{
	const char *seed = getenv("MAILHAUL_TEST_SEED");
	struct chance c = { .seed = seed ? (unsigned)strtoul(seed, NULL, 10) : 20260301 };
	unsigned agreeing = 0;

	(void)state;
	sites_place = "/dev/shm"; /* hundreds of passes, and no crash is tried */
	sites_begin(&c.s, MAILBOX_MAILDIR);
	sites_maildir(&c.s, OLD);
	sites_maildir(&c.s, OLD ".F1/");
	for (unsigned i = 0; i < 20; i++)
		deliver(&c);
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned n = dice(&c, 5); n; n--)
			something(&c);
		pass_and_check(&c.s);
		agreeing += agreed(&c.s) != 0;
	}
	/* it is of use only if there was something to go by, most of the time */
	assert_true(agreeing > ROUNDS / 2);
	sites_end(&c.s);
}

UNIT_TESTS("copy/agreed", cmocka_unit_test(a_pass_that_left_nothing_out_agrees),
           cmocka_unit_test(names_that_new_was_given_are_not_told_to_it_again),
           cmocka_unit_test(what_others_do_on_new_after_a_pass_that_brought_mail_is_seen),
           cmocka_unit_test(what_changed_in_its_place_is_seen_by_a_look_at_everything),
           cmocka_unit_test(another_message_under_the_same_name_is_brought),
           cmocka_unit_test(a_message_that_came_and_went_since_is_not_expected_any_more),
           cmocka_unit_test(rows_that_can_t_be_read_are_not_gone_by),
           cmocka_unit_test(one_folder_can_be_forgotten_by_itself),
           cmocka_unit_test(an_agreement_that_the_ledger_does_not_know_is_not_gone_by),
           cmocka_unit_test(passes_by_differences_bring_what_a_look_at_everything_would));
