/* SPDX-License-Identifier: BSD-2-Clause */

/* Addresses that leave a host and come back, by a real agent and ip(8) in a network of its own. */

#include "move/interface.h"
#include "unit/unit.h"

#include "base/memory.h"
#include "base/process.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct host *host;

static char *run(const char *script)
{
	const char *argv[] = { "/bin/sh", "-ec", script, NULL };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	struct error err = { 0 };

	assert_good(process_run(argv, &(struct process_options){ 0 }, &r, &err), &err);
	assert_good(process_expect_good(argv, &r, &err), &err);
	return xstrdup(buf_text(&r.out));
}

static void expect(const char *script, const char *words)
{
	AUTO_FREE char *said = run(script);

	assert_string_equal(said, words);
}

static int begin(void **state)
{
	struct host_place place = { .name = "old", .reach = HOST_LOCAL, .control = true };
	struct error err = { 0 };
	char agent[PATH_MAX], self[PATH_MAX / 2] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(agent, sizeof agent, "%s/../../mailhaul-agent", self);
	setenv("MAILHAUL_AGENT", agent, 0);
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		fail_msg("no network namespace: %s", strerror(errno));
	assert_good(host_open(&host, &place, &err), &err);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	host_close(host);
	return 0;
}

#define LINK                                                                                       \
	"ip link show eth0 >/dev/null 2>&1 && ip link del eth0; ip link set lo up\n"               \
	"ip link add eth0 type bridge; ip link set eth0 up\n"

static void leave_and_come_back(const char *address, unsigned prefix, const char *between)
{
	AUTO_BUF struct buf routes = { 0 };
	AUTO_FREE char *used = NULL;
	AUTO_BUF struct buf none = { 0 };
	struct error err = { 0 };

	assert_good(interface_routes(host, address, &routes, &err), &err);
	for (int twice = 0; twice < 2; twice++)
		assert_good(interface_drop(host, address, prefix, NULL, &err), &err);
	expect("ip route show default; ip -6 route show default", between);
	assert_good(interface_routes(host, address, &none, &err), &err);
	assert_int_equal(none.n, 0);
	for (int twice = 0; twice < 2; twice++) {
		free(used);
		used = NULL;
		assert_good(interface_add(host, address, prefix, NULL, &used, &err), &err);
		assert_good(interface_put_routes(host, buf_span(&routes), &err), &err);
	}
	assert_string_equal(used, "eth0");
}

static void the_last_address_has_its_way_out_again_when_it_is_back(void **state)
{
	expect(LINK "ip address add 192.0.2.10/24 dev eth0\n"
	            "ip route add default via 192.0.2.1 dev eth0 proto static metric 100\n"
	            "ip address add 2001:db8::10/64 dev eth0 nodad\n"
	            "ip -6 route add default via 2001:db8::1 dev eth0 proto static metric 1024\n",
	       "");
	AUTO_FREE char *four = run("ip route show default");
	AUTO_FREE char *six = run("ip -6 route show default");
	AUTO_FREE char *both = xasprintf("%s%s", four, six);

	(void)state;
	assert_non_null(strstr(four, "default via 192.0.2.1 dev eth0 proto static metric 100"));
	leave_and_come_back("192.0.2.10", 24, six);
	leave_and_come_back("2001:db8::10", 64, both);
	expect("ip route show default; ip -6 route show default", both);
}

static void another_address_keeps_its_way_out_and_is_there_once(void **state)
{
	expect(LINK "ip address add 192.0.2.10/24 dev eth0\n"
	            "ip address add 192.0.2.11/24 dev eth0\n"
	            "ip route add default via 192.0.2.1 dev eth0 metric 100\n",
	       "");
	AUTO_FREE char *way = run("ip route show default");

	(void)state;
	leave_and_come_back("192.0.2.10", 24, way);
	expect("ip route show default", way);
	expect("ip -4 -o address show dev eth0 | grep -c 'inet 192.0.2.11/24'", "1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_address_has_its_way_out_again_when_it_is_back),
		cmocka_unit_test(another_address_keeps_its_way_out_and_is_there_once),
	};

	return cmocka_run_group_tests_name("move/interface", tests, begin, finish);
}
