/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor/mounts.h"

#include "base/cleanup.h"
#include "doctor/inside.h"
#include "unit/unit.h"

#include <string.h>

static const char table[] =
	"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"36 22 0:44 /exports/mailman /var/lib/mailman rw - nfs4 nas.example.org:/srv rw,vers=4.1\n"
	"37 36 8:17 / /var/lib/mailman/qfiles rw,noatime shared:9 master:3 - xfs /dev/sdb1 rw\n"
	"38 22 0:45 / /mnt/two\\040words rw - tmpfs none rw\n"
	"39 22 0:46 / /var/lib/mailman rw - nfs4 new.example.org:/srv rw\n"
	"40 22 0:47 / relative rw - tmpfs none rw\n"
	"broken line\n";

static void the_longest_and_last_mount_holds_a_path(void **state)
{
	__attribute__((cleanup(mounts_fini))) struct mounts m = { 0 };
	AUTO_BUF struct buf within = { 0 };

	mounts_parse(&m, span_of(table));
	assert_int_equal(m.n, 5);
	assert_int_equal(m.bad, 2);
	assert_string_equal(mounts_find(&m, "/etc/x")->source, "/dev/sda1");
	assert_string_equal(mounts_find(&m, "/var/lib/mailman/lists")->source,
	                    "new.example.org:/srv");
	assert_string_equal(mounts_find(&m, "/var/lib/mailman")->source, "new.example.org:/srv");
	assert_string_equal(mounts_find(&m, "/var/lib/mailman2")->source, "/dev/sda1");
	assert_string_equal(mounts_find(&m, "/var/lib/mailman/qfiles/in")->type, "xfs");
	assert_string_equal(mounts_find(&m, "/mnt/two words/x")->type, "tmpfs");
	assert_true(mount_is_shared(&m.rows[1]));
	assert_false(mount_is_shared(&m.rows[0]));
	mount_within(&m.rows[1], "/var/lib/mailman/lists", &within);
	assert_string_equal(buf_text(&within), "/exports/mailman/lists");
}

/* ── two machines ────────────────────────────────────────────────────────────────────────────── */

static struct mounts world;
enum { DISK, NFS, NFS_ELSEWHERE, NFS_OTHER };
static char in[] = "/m/in", in_elsewhere[] = "/srv/mm/in", out_elsewhere[] = "/srv/mm/out";

static int set_up(void **state)
{
	mounts_parse(&world, SPAN("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
	                          "36 22 0:44 / /m rw - nfs4 nas.example.org:/m rw\n"
	                          "37 22 0:51 / /srv/mm rw - nfs4 nas.example.org:/m rw\n"
	                          "38 22 0:44 / /m rw - nfs old.example.org:/m rw\n"));
	return 0;
}

static int tear_down(void **state)
{
	mounts_fini(&world);
	return 0;
}

/* Like a place of a host; `end` is borrowed, for nothing here is freed. */
static struct doctor_place place(int m, char *end, uint64_t inode, int64_t time)
{
	return (struct doctor_place){ .path = end,
		                      .end = end,
		                      .is_there = true,
		                      .mount = &world.rows[m],
		                      .inode = inode,
		                      .mtime_ns = time,
		                      .device = 0x801 };
}

static enum doctor_same compare(const char *kernel, struct doctor_place p, struct doctor_place q)
{
	char one[] = "kernel-a", *other = strdup(kernel);
	struct doctor *d = calloc(1, sizeof *d);
	enum doctor_same same;

	assert_non_null(d);
	d->n = 2;
	d->hosts[0].kernel = one;
	d->hosts[1].kernel = other;
	same = storage_compare(d, &p, 0, &q, 1, NULL);
	free(other);
	free(d);
	return same;
}

static void disks_of_two_machines_are_two_whatever_their_numbers_say(void **state)
{
	struct doctor_place a = place(DISK, in, 12, 500);

	assert_int_equal(compare("kernel-b", a, a), DOCTOR_OTHER);
	assert_int_equal(compare("kernel-a", a, a), DOCTOR_SAME);
}

static void one_export_is_one_at_whatever_path(void **state)
{
	struct doctor_place a = place(NFS, in, 12, 500);

	assert_int_equal(compare("kernel-b", a, place(NFS_ELSEWHERE, in_elsewhere, 12, 499)),
	                 DOCTOR_SAME);
	assert_int_equal(compare("kernel-b", a, place(NFS_ELSEWHERE, out_elsewhere, 13, 499)),
	                 DOCTOR_OTHER);
	assert_int_equal(compare("kernel-b", a, place(NFS_OTHER, in, 77, 499)), DOCTOR_OTHER);
}

/* The file server itself has it as a disk; and a server can have two names. */
static void inode_and_time_tell_where_names_do_not(void **state)
{
	struct doctor_place a = place(NFS, in, 12, 500);

	assert_int_equal(compare("kernel-b", a, place(DISK, in, 12, 500)), DOCTOR_SAME);
	assert_int_equal(compare("kernel-b", a, place(DISK, in, 12, 501)), DOCTOR_OTHER);
	assert_int_equal(compare("kernel-b", a, place(NFS_OTHER, in, 12, 500)), DOCTOR_SAME);
}

static void locks_want_hard_links(void **state)
{
	__attribute__((cleanup(mounts_fini))) struct mounts fat = { 0 };
	AUTO_DOCTOR struct doctor d = { .n = 2 };
	struct error err = { 0 };

	mounts_parse(&fat, SPAN("9 1 8:17 / /m rw - vfat /dev/sdb1 rw\n"));
	d.hosts[0].name = "back";
	d.hosts[1].name = "front";
	d.hosts[0].places[LISTS_LOCK_DIR] = place(NFS, NULL, 12, 500);
	assert_good(check_hard_links(&d, &doctor_checks[0], &err), &err);
	assert_int_equal(d.findings_n, 0);
	d.hosts[1].places[LISTS_LOCK_DIR] = place(DISK, NULL, 12, 500);
	d.hosts[1].places[LISTS_LOCK_DIR].mount = &fat.rows[0];
	assert_good(check_hard_links(&d, &doctor_checks[0], &err), &err);
	assert_int_equal(d.findings_n, 1);
	assert_true(d.findings[0].on[1] && !d.findings[0].on[0]);
}

UNIT_TESTS("doctor/mounts",
           cmocka_unit_test_setup_teardown(locks_want_hard_links, set_up, tear_down),
           cmocka_unit_test(the_longest_and_last_mount_holds_a_path),
           cmocka_unit_test_setup_teardown(disks_of_two_machines_are_two_whatever_their_numbers_say,
                                           set_up, tear_down),
           cmocka_unit_test_setup_teardown(one_export_is_one_at_whatever_path, set_up, tear_down),
           cmocka_unit_test_setup_teardown(inode_and_time_tell_where_names_do_not, set_up,
                                           tear_down));
