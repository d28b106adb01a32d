/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/unit.h"

#include "unit/unit.h"

#include "base/cleanup.h"

#include <string.h>

static void a_unit_becomes_a_script(void **state)
{
	static const char text[] = "# a comment\n"
				   "[Unit]\n"
				   "After=network.target postgrey.service\n"
				   "ExecStart=/bin/not-here\n"
				   "[Service]\n"
				   "Type=notify\n"
				   "User=mail\n"
				   "RuntimeDirectory=filter\n"
				   "Environment=\"WORDS=a b\" MORE=%i\n"
				   "EnvironmentFile=-/etc/default/filter\n"
				   "ExecStartPre=-/usr/bin/mkdir -p /srv/x|y\n"
				   "ExecStart=/usr/sbin/filter --name %p \\\n"
				   "  # a comment between\n"
				   "  --instance=%i;1 $OPTIONS\n"
				   "ProtectSystem=full\n";
	static const char wanted[] =
		"install -d -o mail /run/filter\n"
		"export \"WORDS=a b\" MORE=one\n"
		"set -a; [ ! -r /etc/default/filter ] || . /etc/default/filter; set +a\n"
		"/usr/bin/mkdir -p /srv/x\\|y || :\n"
		"export NOTIFY_SOCKET=/run/n\n"
		"setsid setpriv --reuid mail --init-groups --regid $(id -g mail) /usr/sbin/filter "
		"--name filter   --instance=one\\;1 $OPTIONS </dev/null "
		">>/var/log/rehearse-filter@one.log 2>&1 & echo $! >/run/rehearse-filter@one.pid\n";
	AUTO_UNIT struct unit u = { 0 };
	AUTO_BUF struct buf out = { 0 };

	unit_read(&u, SPAN(text));
	assert_int_equal(u.type, UNIT_NOTIFY);
	assert_int_equal(u.after.n, 2);
	assert_false(unit_is_empty(&u));
	unit_add_script(&out, &u, "filter@one", "/run/n");
	assert_string_equal(buf_text(&out), wanted);
}

static void a_drop_in_empties_a_list_and_fills_it_anew(void **state)
{
	AUTO_UNIT struct unit u = { 0 };
	AUTO_BUF struct buf out = { 0 };

	unit_read(&u, SPAN("[Service]\nType=forking\nExecStart=/usr/sbin/a\nUser=x\n"));
	unit_read(&u,
	          SPAN("[Service]\r\nExecStart=\r\nExecStart=-/usr/sbin/b 'it is'\r\nUser=\r\n"));
	assert_int_equal(u.start.n, 1);
	assert_null(u.user);
	unit_add_script(&out, &u, "a", NULL);
	assert_string_equal(buf_text(&out), "/usr/sbin/b 'it is' </dev/null "
	                                    ">>/var/log/rehearse-a.log 2>&1 || :\n");
}

static void a_unit_that_does_nothing_is_known(void **state)
{
	AUTO_UNIT struct unit u = { 0 };

	unit_read(&u, SPAN("[Service]\nType=oneshot\nExecStart=/bin/true\nExecReload=/bin/true"));
	assert_true(unit_is_empty(&u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_becomes_a_script),
		cmocka_unit_test(a_drop_in_empties_a_list_and_fills_it_anew),
		cmocka_unit_test(a_unit_that_does_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
