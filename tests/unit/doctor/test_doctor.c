/* SPDX-License-Identifier: BSD-2-Clause */

/* Two folders that hold a host each: `back`, and `front` whose in queue is its own. */

#include "doctor/inside.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#define HOME "/usr/local/mailman"
#define NAME "1795360200.125+f19947ddd0bec9fa88189b32d8a742e9d700ff58.pck"
/* A text and its metadata, as a mail script writes them. */
#define ENTRY                                                                                      \
	"S'From: a@example.net\\nSubject: "                                                        \
	"hello\\n\\nx\\n'\n.(dS'listname'\nS'talk'\nsS'_parsemsg'\nI01\ns."

struct yard {
	char root[64];
	struct host *back, *front;
	struct lists_installations found[2];
	struct doctor d;
};

static char *at(const struct yard *y, const char *host, const char *path)
{
	return xasprintf("%s/%s%s", y->root, host, path);
}

static void put(const struct yard *y, const char *host, const char *path, const char *text)
{
	AUTO_FREE char *all = at(y, host, path);
	struct error err = { 0 };

	for (char *slash = strchr(all + strlen(y->root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(all, 0755);
		*slash = '/';
	}
	assert_good(file_write_path_durable(all, 0644, span_of(text), &err), &err);
}

static bool is_there(const struct yard *y, const char *host, const char *path)
{
	AUTO_FREE char *all = at(y, host, path);

	return access(all, F_OK) == 0;
}

static void open_one(const struct yard *y, const char *name, struct host **h,
                     struct lists_installations *found)
{
	AUTO_FREE char *folder = at(y, name, "");
	const struct host_place place = {
		.name = name, .reach = HOST_FOLDER, .target = folder, .control = true
	};
	struct error err = { 0 };

	assert_good(host_open(h, &place, &err), &err);
	assert_good(lists_paths_find(*h, NULL, found, &err), &err);
	assert_int_equal(found->n, 1);
}

static void make_host(const struct yard *y, const char *name)
{
	AUTO_FREE char *group = xasprintf("mailman:x:%u:\n", getgid());
	AUTO_FREE char *user = xasprintf("mailman:x:%u:%u::/:/x\n", getuid(), getgid());

	put(y, name, "/etc/passwd", user);
	put(y, name, "/etc/group", group);
	put(y, name, HOME "/Mailman/mm_cfg.py", "from Defaults import *\n");
	put(y, name, HOME "/Mailman/Version.py", "VERSION = '2.1.12'\n");
	put(y, name, HOME "/bin/mailmanctl", "#!/usr/bin/python2.6\n");
	put(y, name, HOME "/lists/talk/config.pck", "(d.");
	put(y, name, HOME "/qfiles/in/.keep", "");
}

static void look(struct yard *y, const char *back)
{
	struct error err = { 0 };

	open_one(y, "back", &y->back, &y->found[0]);
	open_one(y, "front", &y->front, &y->found[1]);
	doctor_add(&y->d, "back", y->back, &y->found[0].rows[0]);
	doctor_add(&y->d, "front", y->front, &y->found[1].rows[0]);
	assert_good(doctor_look(&y->d, back, &err), &err);
}

static void forget(struct yard *y)
{
	doctor_fini(&y->d);
	for (size_t i = 0; i < 2; i++)
		lists_installations_fini(&y->found[i]);
	host_close(y->back);
	host_close(y->front);
	y->back = y->front = NULL;
}

static int set_up(void **state)
{
	struct yard *y = xcalloc(1, sizeof *y);

	snprintf(y->root, sizeof y->root, "/tmp/mailhaul-unit-XXXXXX");
	assert_non_null(mkdtemp(y->root));
	make_host(y, "back");
	make_host(y, "front");
	*state = y;
	return 0;
}

static int tear_down(void **state)
{
	struct yard *y = *state;

	forget(y);
	files_remove(y->root);
	free(y);
	return 0;
}

static const struct doctor_finding *find(const struct yard *y, const char *id)
{
	for (size_t i = 0; i < y->d.findings_n; i++)
		if (!strcmp(y->d.findings[i].check->id, id))
			return &y->d.findings[i];
	return NULL;
}

/* ── handing in ──────────────────────────────────────────────────────────────────────────────── */

static void hand_in(struct yard *y, size_t want_done, size_t want_left, const char *words)
{
	struct error err = { 0 };
	size_t done, left, n;
	char *said = NULL;
	FILE *journal = open_memstream(&said, &n);

	look(y, "back");
	assert_good(doctor_hand_in(&y->d, false, journal, &done, &left, &err), &err);
	fclose(journal);
	if (done != want_done || left != want_left || !strstr(said, words))
		fail_msg("%zu done, %zu left:\n%s", done, left, said);
	free(said);
	forget(y);
}

static void assert_content(const struct yard *y, const char *host, const char *path,
                           const char *wanted)
{
	AUTO_FREE char *all = at(y, host, path);
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };

	assert_good(file_read(all, 1 << 24, &text, &err), &err);
	assert_int_equal(text.n, strlen(wanted));
	assert_memory_equal(text.p, wanted, text.n);
}

static void assert_nothing_else(const struct yard *y, unsigned back)
{
	AUTO_FREE char *there = at(y, "back", HOME "/qfiles/in");
	AUTO_FREE char *here = at(y, "front", HOME "/qfiles/in");

	/* .keep */
	assert_int_equal(files_count(there), 1 + back);
	assert_int_equal(files_count(here), 1);
}

static void what_is_stranded_is_named_and_handed_in_as_it_is(void **state)
{
	struct yard *y = *state;

	put(y, "front", HOME "/qfiles/in/" NAME, ENTRY);
	hand_in(y, 1, 0, "list talk, from a@example.net, \"hello\"");
	assert_content(y, "back", HOME "/qfiles/in/" NAME, ENTRY);
	assert_nothing_else(y, 1);
	hand_in(y, 0, 0, "");
}

static void a_long_one_travels_in_pieces(void **state)
{
	AUTO_BUF struct buf entry = { 0 };
	struct yard *y = *state;

	buf_add_text(&entry, "S'From: a@example.net\\n\\n");
	for (int i = 0; i < 100000; i++)
		buf_addf(&entry, "line %d\\n", i);
	buf_add_text(&entry, "'\n.(dS'listname'\nS'talk'\nsS'_parsemsg'\nI01\ns.");
	put(y, "front", HOME "/qfiles/in/" NAME, buf_text(&entry));
	hand_in(y, 1, 0, "list talk");
	assert_content(y, "back", HOME "/qfiles/in/" NAME, buf_text(&entry));
	assert_nothing_else(y, 1);
}

/* Each state in which a break can leave the two hosts: afterwards the entry was given once. */
static void a_hand_in_that_was_broken_off_is_ended_by_the_next(void **state)
{
	static const struct {
		const char *front, *back;
		bool was_given; /* and a runner has taken it since */
	} rows[] = {
		{ NAME HANDIN_TAKEN, NULL, false },
		{ NAME HANDIN_TAKEN, NAME HANDIN_COMING, false },
		{ NAME HANDIN_SENT, NAME HANDIN_COMING, false },
		{ NAME HANDIN_SENT, NULL, true },
	};
	struct yard *y = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *front = xasprintf(HOME "/qfiles/in/%s", rows[i].front);
		AUTO_FREE char *given = at(y, "back", HOME "/qfiles/in/" NAME);

		put(y, "front", front, ENTRY);
		if (rows[i].back) {
			AUTO_FREE char *back = xasprintf(HOME "/qfiles/in/%s", rows[i].back);

			put(y, "back", back, i == 1 ? "torn" : ENTRY);
		}
		hand_in(y, 1, 0, "handed in");
		assert_int_equal(is_there(y, "back", HOME "/qfiles/in/" NAME), !rows[i].was_given);
		if (!rows[i].was_given)
			assert_content(y, "back", HOME "/qfiles/in/" NAME, ENTRY);
		assert_nothing_else(y, !rows[i].was_given);
		(void)unlink(given);
	}
}

static void what_is_there_already_and_what_breaks_a_runner_is_left(void **state)
{
	struct yard *y = *state;

	put(y, "front", HOME "/qfiles/in/" NAME, ENTRY);
	put(y, "back", HOME "/qfiles/in/" NAME, "another");
	put(y, "front", HOME "/qfiles/in/no-plus.pck", ENTRY);
	put(y, "front", HOME "/qfiles/in/no-plus.pck" HANDIN_SENT, ENTRY);
	hand_in(y, 0, 3, "is there already");
	assert_content(y, "back", HOME "/qfiles/in/" NAME, "another");
	assert_true(is_there(y, "front", HOME "/qfiles/in/" NAME));
	assert_true(is_there(y, "front", HOME "/qfiles/in/no-plus.pck"));
}

static void nothing_is_handed_in_where_the_back_end_is_guessed(void **state)
{
	struct yard *y = *state;
	struct error err = { 0 };
	size_t done, left;

	put(y, "front", HOME "/qfiles/in/" NAME, ENTRY);
	look(y, NULL);
	assert_fails(doctor_hand_in(&y->d, true, stdout, &done, &left, &err), &err, "no");
	assert_true(is_there(y, "front", HOME "/qfiles/in/" NAME));
}

/* ── probing ─────────────────────────────────────────────────────────────────────────────────── */

static void a_probe_tells_two_from_one_and_takes_everything_away(void **state)
{
	struct yard *y = *state;
	AUTO_BUF struct buf how = { 0 };
	struct error err = { 0 };

	put(y, "front", HOME "/qfiles/in/.mailhaul-probe-0123", "of one that was killed");
	put(y, "front", HOME "/qfiles/in/..mailhaul-probe-0124.mailhaul", "the same");
	look(y, "back");
	assert_good(doctor_probe(&y->d, &err), &err);
	assert_int_equal(y->d.troubles.n, 0);
	assert_int_equal(doctor_compare(&y->d, LISTS_INQUEUE_DIR, 0, 1, &how), DOCTOR_OTHER);
	assert_string_equal(buf_text(&how), "probe: what back wrote there was not found on front");
	assert_nothing_else(y, 0);
}

/* ── checks ──────────────────────────────────────────────────────────────────────────────────── */

static void a_python_that_is_too_new_is_told_unless_the_package_is_patched(void **state)
{
	struct yard *y = *state;
	struct error err = { 0 };

	put(y, "front", "/var/lib/dpkg/status",
	    "Package: mailman\nStatus: install ok installed\nVersion: 1:2.1.12-3\n\n"
	    "Package: python2.6\nStatus: deinstall ok config-files\nVersion: 2.6.6\n");
	look(y, "back");
	assert_good(doctor_judge(&y->d, &err), &err);
	assert_non_null(find(y, "version.python"));
	assert_int_equal(find(y, "version.python")->weight, DOCTOR_MUST);
	assert_true(find(y, "version.python")->on[0]);
	assert_int_equal((find(y, "version.python") + 1)->weight, DOCTOR_SHOULD);
	assert_int_equal(y->d.hosts[1].packages.n, 1);
	assert_null(find(y, "version.mailman"));
	assert_null(find(y, "version.pythons"));
}

static void what_was_left_in_a_former_queue_is_found(void **state)
{
	struct yard *y = *state;
	struct error err = { 0 };

	put(y, "back", HOME "/Mailman/mm_cfg.py",
	    "from Defaults import *\nQUEUE_DIR = '/srv/mm'\nINQUEUE_DIR = '/srv/mm/in'\n");
	put(y, "back", "/srv/mm/in/.keep", "");
	put(y, "back", HOME "/qfiles/in/" NAME, ENTRY);
	look(y, "back");
	assert_good(doctor_judge(&y->d, &err), &err);
	assert_non_null(find(y, "queues.left"));
	assert_true(find(y, "queues.left")->on[0]);
	assert_string_equal(find(y, "queues.left")->what, HOME "/qfiles/in");
	assert_int_equal(y->d.stranded_n, 1);
}

/* A copied lock, one of a host that nobody knows, and no lock at all. */
static void locks_that_nobody_will_let_go_are_told(void **state)
{
	struct yard *y = *state;
	struct error err = { 0 };
	size_t n = 0;

	put(y, "back", HOME "/locks/talk.lock", HOME "/locks/talk.lock.gone.example.org.7.0");
	put(y, "back", HOME "/locks/master-qrunner", HOME "/locks/master-qrunner.gone.12");
	put(y, "back", HOME "/locks/odd.lock", "....\n/");
	put(y, "back", HOME "/locks/talk.lock.gone.example.org.7.0", "x");
	look(y, "back");
	assert_good(doctor_judge(&y->d, &err), &err);
	for (size_t i = 0; i < y->d.findings_n; i++) {
		const struct doctor_finding *f = &y->d.findings[i];

		if (strcmp(f->check->id, "locks.held") != 0)
			continue;
		n++;
		assert_true(strstr(f->seen.rows[0], "none of the hosts that were named") ||
		            strstr(f->seen.rows[0], "is no lock of Mailman's"));
	}
	assert_int_equal(n, 3);
}

/* One of `back` and `front`, and no other finding of that id. */
static const struct doctor_finding *find_one(const struct yard *y, const char *id, unsigned host)
{
	const struct doctor_finding *f = find(y, id);

	assert_non_null(f);
	assert_true(f->on[host]);
	assert_false(f->on[!host]);
	if (f + 1 < y->d.findings + y->d.findings_n)
		assert_string_not_equal(f[1].check->id, id);
	return f;
}

/* What the kernel says of mounts can't be had of a folder. */
static void locks_where_there_are_no_hard_links_are_told(void **state)
{
	static const struct mount stick = { .point = (char *)(uintptr_t) "/media",
		                            .type = (char *)(uintptr_t) "vfat",
		                            .source = (char *)(uintptr_t) "/dev/sdb1" };
	struct yard *y = *state;
	struct error err = { 0 };

	look(y, "back");
	y->d.hosts[1].places[LISTS_LOCK_DIR].mount = &stick;
	assert_good(doctor_judge(&y->d, &err), &err);
	assert_non_null(strstr(find_one(y, "locks.links", 1)->seen.rows[0],
	                       "/locks is on vfat, /dev/sdb1"));
}

static void files_on_nfs_that_selinux_keeps_the_web_server_from_are_told(void **state)
{
	static const struct mount nas = { .point = (char *)(uintptr_t) "/usr/local/mailman",
		                          .type = (char *)(uintptr_t) "nfs4",
		                          .source = (char *)(uintptr_t) "nas.example.org:/mm" };
	static const char boolean[] = "/sys/fs/selinux/booleans/httpd_use_nfs";
	struct yard *y = *state;
	struct error err = { 0 };

	put(y, "front", "/sys/fs/selinux/enforce", "1");
	put(y, "front", boolean, "0 0\n");
	/* and on `back` it is let */
	put(y, "back", "/sys/fs/selinux/enforce", "1");
	put(y, "back", boolean, "1 1\n");
	look(y, "back");
	for (size_t i = 0; i < 2; i++)
		y->d.hosts[i].places[LISTS_LIST_DATA_DIR].mount = &nas;
	assert_good(doctor_judge(&y->d, &err), &err);
	assert_string_equal(find_one(y, "security.nfs", 1)->what, "httpd_use_nfs");
}

static void what_apparmor_denies_is_told_with_its_state(void **state)
{
	struct yard *y = *state;
	struct error err = { 0 };

	put(y, "front", "/sys/module/apparmor/parameters/enabled", "Y\n");
	put(y, "front", "/var/log/syslog",
	    "Nov 22 15:40:00 front kernel: apparmor=\"DENIED\" profile=\"mailman\" "
	    "name=\"/srv\"\n");
	put(y, "back", "/var/log/syslog",
	    "Nov 22 15:40:00 back kernel: apparmor=\"DENIED\" profile=\"cupsd\" name=\"/srv\"\n");
	look(y, "back");
	assert_good(doctor_judge(&y->d, &err), &err);
	assert_non_null(
		strstr(find_one(y, "security.denials", 1)->seen.rows[0], "AppArmor on; 1 denials"));
}

/* Postfix runs what root's table names as nobody. */
static void a_wrapper_that_was_built_for_others_is_told(void **state)
{
	struct yard *y = *state;
	AUTO_FREE char *wrapper = at(y, "back", HOME "/mail/mailman");
	AUTO_FREE char *group = xasprintf("mailman:x:%u:\nnogroup:x:65534:\n",
	                                  getgid() ? getgid() : 41);
	struct error err = { 0 };

	put(y, "back", "/etc/passwd", "mailman:x:41:41::/:/x\nnobody:x:65534:65534::/:/x\n");
	put(y, "back", "/etc/group", group);
	put(y, "back", HOME "/Mailman/mm_cfg.py", "from Defaults import *\nMTA = 'Postfix'\n");
	put(y, "back", HOME "/data/aliases.db", "");
	put(y, "back", HOME "/mail/mailman", "");
	assert_good(
		file_write_path_durable(wrapper, 0644, SPAN("\177ELF\0post\0mail\0owner\0"), &err),
		&err);
	look(y, "back");
	assert_good(doctor_judge(&y->d, &err), &err);
	assert_non_null(find(y, "wrapper.group"));
	assert_non_null(
		strstr(find(y, "wrapper.group")->seen.rows[0], "built for group mail, and"));
}

#define YARD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

UNIT_TESTS("doctor/doctor", YARD_TEST(what_is_stranded_is_named_and_handed_in_as_it_is),
           YARD_TEST(a_long_one_travels_in_pieces),
           YARD_TEST(a_hand_in_that_was_broken_off_is_ended_by_the_next),
           YARD_TEST(what_is_there_already_and_what_breaks_a_runner_is_left),
           YARD_TEST(nothing_is_handed_in_where_the_back_end_is_guessed),
           YARD_TEST(a_probe_tells_two_from_one_and_takes_everything_away),
           YARD_TEST(a_python_that_is_too_new_is_told_unless_the_package_is_patched),
           YARD_TEST(what_was_left_in_a_former_queue_is_found),
           YARD_TEST(locks_where_there_are_no_hard_links_are_told),
           YARD_TEST(files_on_nfs_that_selinux_keeps_the_web_server_from_are_told),
           YARD_TEST(what_apparmor_denies_is_told_with_its_state),
           YARD_TEST(a_wrapper_that_was_built_for_others_is_told),
           YARD_TEST(locks_that_nobody_will_let_go_are_told));
