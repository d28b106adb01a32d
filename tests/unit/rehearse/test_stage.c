/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/stage.h"

#include "unit/unit.h"

#include "base/cleanup.h"

#include <string.h>

static void a_copy_has_its_addresses_and_a_gateway_in_each_network(void **state)
{
	static const char wanted[] = "name: x\n"
				     "segments:\n"
				     "  - name: site\n"
				     "    gateways:\n"
				     "      - \"203.0.113.2/32\"\n"
				     "      - \"198.51.100.1/32\"\n"
				     "      - \"2001:db8:113::1/128\"\n"
				     "hosts:\n"
				     "  - name: new\n"
				     "    hostname: new.example.org\n"
				     "    segment: site\n"
				     "    resolver: 198.18.0.53\n"
				     "    keep_names: true\n"
				     "    memory: true\n"
				     "    addresses:\n"
				     "      - \"203.0.113.1/24\"\n"
				     "      - \"203.0.113.20/24\"\n"
				     "      - \"198.51.100.7/24\"\n"
				     "      - \"2001:db8:113::20/64\"\n";
	struct stage_plan plan = { .hostname = "new.example.org" };
	AUTO_BUF struct buf out = { 0 };

	strings_add(&plan.addresses, "203.0.113.1/24");
	strings_add(&plan.addresses, "203.0.113.20/24");
	strings_add(&plan.addresses, "203.0.113.20/24");
	strings_add(&plan.addresses, "198.51.100.7/32");
	strings_add(&plan.addresses, "2001:db8:113::20/64");
	strings_add(&plan.addresses, "nonsense");
	stage_describe(&plan, "x", true, &out);
	assert_string_equal(buf_text(&out), wanted);
	strings_fini(&plan.addresses);
}

static void old_stands_beside_it_with_its_own_files_and_addresses(void **state)
{
	static const char wanted[] = "name: x\n"
				     "segments:\n"
				     "  - name: site\n"
				     "    gateways:\n"
				     "      - \"203.0.113.1/32\"\n"
				     "      - \"198.51.100.1/32\"\n"
				     "hosts:\n"
				     "  - name: new\n"
				     "    hostname: new.example.org\n"
				     "    segment: site\n"
				     "    resolver: 198.18.0.53\n"
				     "    keep_names: true\n"
				     "    memory: false\n"
				     "    disk: 300M\n"
				     "    addresses:\n"
				     "      - \"203.0.113.20/24\"\n"
				     "  - name: old\n"
				     "    hostname: old.example.org\n"
				     "    segment: site\n"
				     "    resolver: 198.18.0.53\n"
				     "    keep_names: true\n"
				     "    memory: false\n"
				     "    root: \"/srv/old\"\n"
				     "    disk: 300M\n"
				     "    addresses:\n"
				     "      - \"203.0.113.10/24\"\n"
				     "      - \"198.51.100.7/24\"\n";
	struct stage_plan plan = { .hostname = "new.example.org",
		                   .disk = "300M",
		                   .old_root = "/srv/old",
		                   .old_hostname = "old.example.org" };
	AUTO_BUF struct buf out = { 0 };

	strings_add(&plan.addresses, "203.0.113.20/24");
	strings_add(&plan.old_addresses, "203.0.113.10/24");
	strings_add(&plan.old_addresses, "203.0.113.20/24"); /* new has it already */
	strings_add(&plan.old_addresses, "198.51.100.7/32");
	stage_describe(&plan, "x", false, &out);
	assert_string_equal(buf_text(&out), wanted);
	stage_plan_fini(&plan);
}

static void a_mount_that_leads_to_the_real_host_is_told(void **state)
{
	static const char text[] =
		"1 0 0:1 / / rw,nodev - overlay overlay "
		"rw,lowerdir=.,upperdir=/sys/disk/main/upper\n"
		"2 1 0:2 / /proc rw - proc proc rw\n"
		"3 1 7:0 / /sys/disk rw,nodev - ext4 /sys/node rw\n"
		"4 1 254:0 / /etc/hosts ro,nodev - ext4 /dev/vda rw\n"
		"5 1 254:1 / /backup rw - ext4 /dev/vdb ro\n"
		"6 1 254:1 / /srv rw shared:1 - ext4 /dev/vdb rw\n"
		"7 1 0:3 / /home rw - overlay overlay rw,lowerdir=/a,upperdir=/b\n"
		"torn";
	AUTO_STRINGS struct strings wrong = { 0 };

	assert_int_equal(stage_judge_mounts(SPAN(text), &wrong), 7);
	assert_int_equal(wrong.n, 2);
	assert_non_null(strstr(wrong.rows[0], "/srv"));
	assert_non_null(strstr(wrong.rows[1], "/home"));
}

static void links_are_read_by_name(void **state)
{
	static const char text[] = "Inter-|   Receive\n face |bytes\n    lo: 1 2 3\n  eth0: 0 0\n";
	AUTO_STRINGS struct strings links = { 0 };

	stage_read_links(SPAN(text), &links);
	assert_int_equal(links.n, 2);
	assert_string_equal(links.rows[0], "lo");
	assert_string_equal(links.rows[1], "eth0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_has_its_addresses_and_a_gateway_in_each_network),
		cmocka_unit_test(old_stands_beside_it_with_its_own_files_and_addresses),
		cmocka_unit_test(a_mount_that_leads_to_the_real_host_is_told),
		cmocka_unit_test(links_are_read_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
