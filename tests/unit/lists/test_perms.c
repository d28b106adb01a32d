/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/perms.h"
#include "lists/settings.h"
#include "unit/lists/hosts.h"

#define PREFIX "/usr/local/mailman"
#define PRIVATE PREFIX "/archives/private"
#define PUBLIC PREFIX "/archives/public"

static void set_mode(const char *path, mode_t mode)
{
	AUTO_FREE char *all = hosts_path(path);

	assert_int_equal(chmod(all, mode), 0);
}

static void make_dir(const char *path, mode_t mode)
{
	hosts_mkdir(path);
	set_mode(path, mode);
}

static void make_file(const char *path, const char *text, mode_t mode)
{
	hosts_write(path, text);
	set_mode(path, mode);
}

/* A list with all that it has; its archive is private or not. */
static void make_list(const char *name, bool private)
{
	AUTO_FREE char *dir = xasprintf(PREFIX "/lists/%s", name);
	AUTO_FREE char *config = xasprintf("%s/config.pck", dir);
	AUTO_FREE char *request = xasprintf("%s/request.pck", dir);
	AUTO_FREE char *archive = xasprintf(PRIVATE "/%s", name);
	AUTO_FREE char *mbox_dir = xasprintf(PRIVATE "/%s.mbox", name);
	AUTO_FREE char *mbox = xasprintf("%s/%s.mbox", mbox_dir, name);
	AUTO_FREE char *database = xasprintf("%s/database", archive);
	AUTO_FREE char *text = xasprintf("(dS'archive_private'\nI0%d\ns.", private);

	make_dir(dir, 02775);
	make_file(config, text, 0660);
	make_file(request, "(d.", 0660);
	make_dir(archive, private ? 02770 : 02775);
	make_dir(database, 02770);
	make_dir(mbox_dir, private ? 02770 : 02775);
	make_file(mbox, "", 0660);
}

/* A site in which everything is as it has to be; the group is that of who runs the test. */
static void make_site(void)
{
	static const char *const dirs[] = {
		"",      "/lists", "/data", "/archives", "/archives/public",
		"/spam", "/locks", "/logs", "/Mailman",  "/qfiles"
	};
	AUTO_FREE char *group = xasprintf("root:x:0:\nmailman:x:%u:\n", getgid());

	for (size_t i = 0; i < ROWS(dirs); i++) {
		AUTO_FREE char *path = xasprintf(PREFIX "%s", dirs[i]);

		make_dir(path, 02775);
	}
	hosts_write("/etc/passwd", "root:x:0:0::/:/bin/sh\n");
	hosts_write("/etc/group", group);
	make_file(PREFIX "/Mailman/mm_cfg.py", "from Defaults import *\nMTA = 'Postfix'\n", 0644);
	make_dir(PREFIX "/qfiles/in", 02770);
	make_dir(PRIVATE, 02771);
	make_list("mailman", false);
	make_list("open", false);
	make_list("closed", true);
	hosts_link(PUBLIC "/open", PRIVATE "/open");
	hosts_link(PUBLIC "/mailman", PRIVATE "/mailman");
	make_file(PREFIX "/data/adm.pw", "x\n", 0640);
	make_file(PREFIX "/data/aliases", "x\n", 0664);
	make_file(PREFIX "/logs/post", "", 0660);
	make_file(PREFIX "/mail/mailman", "", 02755);
	make_file(PREFIX "/qfiles/in/1.5+abc.pck", "", 0660);
}

static void check(struct lists_perms *p)
{
	AUTO_LISTS_INSTALLATIONS struct lists_installations all = { 0 };
	struct error err = { 0 };

	assert_good(lists_paths_find(hosts_host(true), NULL, &all, &err), &err);
	assert_int_equal(all.n, 1);
	assert_good(lists_perms_check(hosts_host(true), &all.rows[0], p, &err), &err);
	for (size_t i = 0; i < p->troubles.n; i++)
		print_message("%s\n", p->troubles.rows[i]);
	assert_int_equal(p->troubles.n, 0);
}

static void show(const struct lists_perms *p)
{
	for (size_t i = 0; i < p->findings_n; i++)
		print_message("%d %s: %s\n", p->findings[i].fault, p->findings[i].path,
		              p->findings[i].words);
}

static const struct lists_perm_finding *find(const struct lists_perms *p, const char *path,
                                             enum lists_perm_fault fault)
{
	for (size_t i = 0; i < p->findings_n; i++)
		if (!strcmp(p->findings[i].path, path) && p->findings[i].fault == fault)
			return &p->findings[i];
	show(p);
	fail_msg("nothing is said of %s", path);
	return NULL;
}

static void repair(const struct lists_perms *p, size_t want, size_t want_failed)
{
	struct error err = { 0 };
	size_t done, failed;
	char *words = NULL;
	size_t n = 0;
	FILE *journal = open_memstream(&words, &n);

	assert_good(lists_perms_repair(hosts_host(true), p, journal, &done, &failed, &err), &err);
	fclose(journal);
	if (done != want || failed != want_failed)
		fail_msg("%zu done, %zu failed:\n%s", done, failed, words);
	free(words);
}

static void a_good_site_has_no_findings(void **state)
{
	AUTO_LISTS_PERMS struct lists_perms p = { 0 };

	(void)state;
	make_site();
	check(&p);
	show(&p);
	assert_int_equal(p.findings_n, 0);
	assert_true(p.n > 30);
}

/* Each is one thing that is wrong. */
static void each_wrong_right_is_found_and_mended(void **state)
{
	static const struct {
		const char *path;
		mode_t bad, good;
		enum lists_perm_fault fault;
	} rows[] = {
		{ PREFIX "/lists", 0775, 02775, LISTS_PERM_MODE },
		{ PREFIX "/lists/open/config.pck", 0640, 0660, LISTS_PERM_MODE },
		{ PREFIX "/lists/open/config.pck", 0664, 0660, LISTS_PERM_MODE },
		{ PREFIX "/lists/open/request.pck", 0600, 0660, LISTS_PERM_MODE },
		{ PREFIX "/qfiles/in", 0700, 02770, LISTS_PERM_MODE },
		{ PREFIX "/qfiles/in/1.5+abc.pck", 0600, 0660, LISTS_PERM_MODE },
		{ PREFIX "/data/adm.pw", 0644, 0640, LISTS_PERM_MODE },
		{ PREFIX "/data/aliases", 0660, 0664, LISTS_PERM_MODE },
		{ PREFIX "/logs/post", 0600, 0660, LISTS_PERM_MODE },
		{ PREFIX "/mail/mailman", 0755, 02755, LISTS_PERM_MODE },
		{ PREFIX "/Mailman/mm_cfg.py", 0600, 0644, LISTS_PERM_MODE },
		{ PRIVATE, 02775, 02771, LISTS_PERM_MODE },
		{ PRIVATE "/open/database", 02775, 02770, LISTS_PERM_MODE },
		{ PRIVATE "/open", 02770, 02775, LISTS_PERM_MODE },
		{ PRIVATE "/open.mbox/open.mbox", 0640, 0660, LISTS_PERM_MODE },
		{ PRIVATE "/closed", 02775, 02770, LISTS_PERM_LEAK },
		{ PRIVATE "/closed.mbox", 02771, 02770, LISTS_PERM_LEAK },
	};

	(void)state;
	make_site();
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_LISTS_PERMS struct lists_perms before = { 0 }, after = { 0 };
		AUTO_FREE char *path = hosts_path(rows[i].path);
		struct stat st;

		set_mode(rows[i].path, rows[i].bad);
		check(&before);
		find(&before, rows[i].path, rows[i].fault);
		assert_int_equal(before.findings_n, 1);
		repair(&before, 1, 0);
		check(&after);
		show(&after);
		assert_int_equal(after.findings_n, 0);
		assert_int_equal(stat(path, &st), 0);
		if ((st.st_mode & 07777) != rows[i].good)
			fail_msg("%s: %04o", rows[i].path, st.st_mode & 07777);
	}
}

static void public_links_lead_to_public_archives_alone(void **state)
{
	AUTO_LISTS_PERMS struct lists_perms before = { 0 }, after = { 0 };
	AUTO_FREE char *open = hosts_path(PUBLIC "/open"), *closed = hosts_path(PUBLIC "/closed");
	AUTO_FREE char *mailman = hosts_path(PUBLIC "/mailman");
	char target[256] = { 0 };
	struct stat st;

	(void)state;
	make_site();
	assert_int_equal(unlink(open), 0);
	assert_int_equal(unlink(mailman), 0);
	hosts_link(PUBLIC "/open", "/srv/old/archives/private/open");
	hosts_link(PUBLIC "/closed", PRIVATE "/closed");
	check(&before);
	find(&before, PUBLIC "/open", LISTS_PERM_LINK);
	find(&before, PUBLIC "/closed", LISTS_PERM_LEAK);
	find(&before, PUBLIC "/mailman", LISTS_PERM_LINK);
	assert_int_equal(before.findings_n, 3);
	repair(&before, 3, 0);
	assert_true(readlink(open, target, sizeof target - 1) > 0);
	assert_string_equal(target, PRIVATE "/open");
	assert_int_equal(lstat(closed, &st), -1);
	check(&after);
	show(&after);
	assert_int_equal(after.findings_n, 0);
	/* what was mended is found right by a second repair, which does nothing */
	repair(&after, 0, 0);
}

static void a_copy_in_the_place_of_a_link_is_for_a_person(void **state)
{
	AUTO_LISTS_PERMS struct lists_perms p = { 0 };

	(void)state;
	make_site();
	make_dir(PUBLIC "/closed", 02775);
	check(&p);
	assert_false(find(&p, PUBLIC "/closed", LISTS_PERM_LEAK)->mendable);
	repair(&p, 0, 0);
}

static void an_archive_elsewhere_belongs_to_the_site(void **state)
{
	AUTO_LISTS_PERMS struct lists_perms p = { 0 }, after = { 0 };

	(void)state;
	make_site();
	make_dir("/srv/big", 0775);
	make_file("/srv/big/page-article", "", 0600);
	hosts_link(PRIVATE "/big", "/srv/big");
	check(&p);
	find(&p, "/srv/big/page-article", LISTS_PERM_MODE);
	find(&p, "/srv/big", LISTS_PERM_MODE);
	repair(&p, 2, 0);
	check(&after);
	assert_int_equal(after.findings_n, 0);
}

static void what_changed_since_it_was_looked_at_stays(void **state)
{
	AUTO_LISTS_PERMS struct lists_perms p = { 0 };
	AUTO_FREE char *path = hosts_path(PREFIX "/lists/open/request.pck");
	struct stat st;

	(void)state;
	make_site();
	set_mode(PREFIX "/lists/open/request.pck", 0600);
	set_mode(PREFIX "/lists/open/config.pck", 0600);
	check(&p);
	assert_int_equal(p.findings_n, 2);
	/* a link to what is not ours came into its place */
	assert_int_equal(unlink(path), 0);
	make_file("/etc/shadow", "secret", 0600);
	hosts_link(PREFIX "/lists/open/request.pck", "/etc/shadow");
	repair(&p, 1, 1);
	AUTO_FREE char *shadow = hosts_path("/etc/shadow");
	assert_int_equal(stat(shadow, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_baseline_tells_what_a_copy_lost(void **state)
{
	AUTO_LISTS_PERMS struct lists_perms before = { 0 }, after = { 0 };
	AUTO_BUF struct buf baseline = { 0 };
	AUTO_STRINGS struct strings none = { 0 }, words = { 0 };
	AUTO_FREE char *gone = hosts_path(PREFIX "/data/adm.pw");
	struct error err = { 0 };

	(void)state;
	make_site();
	check(&before);
	lists_perms_baseline(&before, &baseline);
	assert_good(lists_perms_compare(&before, buf_span(&baseline), &none, &err), &err);
	assert_int_equal(none.n, 0);
	set_mode(PREFIX "/lists", 0755);
	assert_int_equal(unlink(gone), 0);
	make_file(PREFIX "/data/heldmsg-open-1.pck", "", 0660);
	check(&after);
	assert_good(lists_perms_compare(&after, buf_span(&baseline), &words, &err), &err);
	assert_int_equal(words.n, 3);
	assert_non_null(strstr(words.rows[0], "gone     DATA_DIR/adm.pw: was -0640"));
	assert_non_null(strstr(words.rows[1], "new      DATA_DIR/heldmsg-open-1.pck"));
	assert_non_null(strstr(words.rows[2], "differs  LIST_DATA_DIR/: was d2775"));
	assert_fails(lists_perms_compare(&after, SPAN("x\n"), &words, &err), &err,
	             "it is no baseline");
}

UNIT_TESTS("lists/perms", HOSTS_TEST(a_good_site_has_no_findings),
           HOSTS_TEST(each_wrong_right_is_found_and_mended),
           HOSTS_TEST(public_links_lead_to_public_archives_alone),
           HOSTS_TEST(a_copy_in_the_place_of_a_link_is_for_a_person),
           HOSTS_TEST(an_archive_elsewhere_belongs_to_the_site),
           HOSTS_TEST(what_changed_since_it_was_looked_at_stays),
           HOSTS_TEST(a_baseline_tells_what_a_copy_lost));
