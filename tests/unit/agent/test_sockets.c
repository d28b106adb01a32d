/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/processes.h"
#include "agent/sockets.h"
#include "unit/unit.h"

#include <string.h>

/* Lines as a little-endian kernel prints them. */
static const char four[] = "   0: 0A7100CB:0019 0B6433C6:D6D8 01 00000000:00000000 00:00000000 "
			   "00000000     0        0 21745 1 0000000000000000 100 0 0 10 0";
static const char six[] = "   1: B80D0120000000000000000010000000:0019 "
			  "B80D0120000000000000000010000000:9C40 0A 00000000:00000000 00:00000000 "
			  "00000000     0        0 7 1 0000000000000000 100 0 0 10 0";

static void a_line_of_the_kernels_table_is_a_socket(void **state)
{
	struct agent_socket s;

	(void)state;
	assert_true(agent_socket_parse(SPAN(four), &s));
	assert_int_equal(s.family, 4);
	assert_string_equal(s.local, "203.0.113.10");
	assert_int_equal(s.local_port, 25);
	assert_string_equal(s.remote, "198.51.100.11");
	assert_int_equal(s.remote_port, 55000);
	assert_int_equal(s.state, AGENT_SOCKET_ESTABLISHED);
	assert_int_equal(s.inode, 21745);
	assert_false(s.remote_is_self);
	assert_true(agent_socket_parse(SPAN(six), &s));
	assert_int_equal(s.family, 6);
	assert_string_equal(s.local, "2001:db8::10");
	assert_int_equal(s.state, AGENT_SOCKET_LISTEN);
	assert_true(s.remote_is_self);
}

static void what_is_no_such_line_is_none(void **state)
{
	struct agent_socket s;

	(void)state;
	assert_false(agent_socket_parse(SPAN("  sl  local_address rem_address   st tx_queue "
	                                     "rx_queue tr tm->when retrnsmt   uid  timeout inode"),
	                                &s));
	for (size_t n = 0; n < sizeof four; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, four, n);
		(void)agent_socket_parse((struct span){ copy, n }, &s);
		free(copy);
	}
	assert_false(agent_socket_parse(SPAN("0: 0A7100CB:FFFFF 0B6433C6:0 01 0 0 0 0 0 7"), &s));
	assert_false(agent_socket_parse(SPAN("0: 0A7100CX:0019 0B6433C6:0001 01 0 0 0 0 0 7"), &s));
}

static void a_process_may_be_called_anything(void **state)
{
	struct agent_process p;

	(void)state;
	assert_true(
		agent_process_parse(SPAN("4711 (a) R 1 (b)) S 17 4711 4711 0 -1 4194560 1 2 3 4 5 "
	                                 "6 7 8 20 0 1 0 123456 9 10\n"),
	                            &p));
	assert_int_equal(p.pid, 4711);
	assert_int_equal(p.parent, 17);
	assert_int_equal(p.state, 'S');
	assert_int_equal(p.started, 123456);
	assert_string_equal(p.name, "a) R 1 (b)");
	assert_false(agent_process_parse(SPAN(""), &p));
	assert_false(agent_process_parse(SPAN("12 (x"), &p));
	assert_false(agent_process_parse(SPAN("12 (x) S 1 2"), &p));
	assert_false(agent_process_parse(SPAN(") 12 (x S"), &p));
}

UNIT_TESTS("agent/sockets", cmocka_unit_test(a_line_of_the_kernels_table_is_a_socket),
           cmocka_unit_test(what_is_no_such_line_is_none),
           cmocka_unit_test(a_process_may_be_called_anything));
