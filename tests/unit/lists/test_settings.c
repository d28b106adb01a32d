/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Modules by name, in memory. */
struct file {
	const char *module, *text;
};

static int read_file(void *context, const char *module, struct buf *text, char **file,
                     struct error *err)
{
	const struct file *rows = context;

	(void)err;
	for (; rows->module; rows++) {
		if (strcmp(rows->module, module) != 0)
			continue;
		buf_add_text(text, rows->text);
		*file = xasprintf("%s.py", module);
		return 1;
	}
	return 0;
}

static struct lists_settings read_all(const struct file *files)
{
	struct lists_modules modules = { .read = read_file, .context = (void *)(uintptr_t)files };
	struct lists_settings s;
	struct error err = { 0 };

	assert_good(lists_settings_read(&s, &modules, "mm_cfg", &err), &err);
	return s;
}

static struct lists_settings read_text(const char *text)
{
	const struct file files[] = { { "mm_cfg", text }, { 0 } };

	return read_all(files);
}

static char *shown(const struct lists_settings *s, const char *name)
{
	const struct lists_setting *row = lists_setting(s, name);
	AUTO_BUF struct buf out = { 0 };

	if (!row)
		return xstrdup("(not set)");
	if (!row->value)
		return xstrdup("(unknown)");
	python_repr(row->value, &out);
	return buf_take(&out);
}

static void expect(const struct lists_settings *s, const char *name, const char *want)
{
	AUTO_FREE char *got = shown(s, name);

	if (strcmp(got, want) != 0)
		fail_msg("%s is %s, wanted %s", name, got, want);
}

/* One expression, and what it is. */
static void values_in_plain_words_are_known(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "'plain'", "'plain'" },
		{ "\"double\"", "'double'" },
		{ "'''three\nlines'''", "'three\\nlines'" },
		{ "\"\"\"a \"quoted\" word\"\"\"", "'a \"quoted\" word'" },
		{ "r'^\\d+$'", "'^\\\\d+$'" },
		{ "u'\\u00e9'", "'\\xc3\\xa9'" },
		{ "ur'a\\b'", "'a\\\\b'" },
		{ "'a\\n\\t\\x41\\101\\q'", "'a\\n\\tAA\\\\q'" },
		{ "'one ' 'two' \"\"\" three\"\"\"", "'one two three'" },
		{ "'it\\'s'", "\"it's\"" },
		{ "'a\\\nb'", "'ab'" },
		{ "None", "None" },
		{ "True", "True" },
		{ "0660", "432" },
		{ "0x1F", "31" },
		{ "0o17", "15" },
		{ "0b101", "5" },
		{ "12L", "12" },
		{ "-3", "-3" },
		{ "~0", "-1" },
		{ "5.0", "5.0" },
		{ "1.5e2", "150.0" },
		{ "0.1", "0.1" },
		{ ".25", "0.25" },
		{ "60 * 60 * 24", "86400" },
		{ "2 + 3 * 4", "14" },
		{ "(2 + 3) * 4", "20" },
		{ "10 - 2 - 3", "5" },
		{ "-7 / 2", "-4" },
		{ "-7 % 3", "2" },
		{ "(2 << 24) | (1 << 16)", "33619968" },
		{ "7 & 3 ^ 1", "2" },
		{ "days(3)", "259200" },
		{ "hours(5) + minutes(2)", "18120" },
		{ "_('Deutsch')", "'Deutsch'" },
		{ "[]", "[]" },
		{ "['a', 'b',]", "['a', 'b']" },
		{ "('a',)", "('a',)" },
		{ "('a')", "'a'" },
		{ "()", "()" },
		{ "1, 2", "(1, 2)" },
		{ "1,", "(1,)" },
		{ "[('x', 1), ('y', 2)]", "[('x', 1), ('y', 2)]" },
		{ "{'a': 1, 'b': [2],}", "{'a': 1, 'b': [2]}" },
		{ "{'a': 1, 'a': 2}", "{'a': 2}" },
		{ "['a'] + ['b']", "['a', 'b']" },
		{ "'-' * 5", "'-----'" },
		{ "'%s/%s' % ('a', 'b')", "'a/b'" },
		{ "'%s' % 'a'", "'a'" },
		{ "'%d%%' % 50", "'50%'" },
		{ "'%(x)s!' % {'x': 'y'}", "'y!'" },
		{ "os.path.join('/var', 'lib', 'x')", "'/var/lib/x'" },
		{ "os.path.join('/var/', '/srv', 'x/')", "'/srv/x/'" },
		{ "os . path . join ( '/a' , 'b' )", "'/a/b'" },
		{ "BEFORE + '/x'", "'/before/x'" },
		{ "os.path.join(BEFORE,\n   # a remark\n   'x')", "'/before/x'" },
		{ "'a' \\\n  'b'", "'ab'" },
		{ "'# no remark' # a remark", "'# no remark'" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *text = xasprintf("import os\nBEFORE = '/before'\nX = %s\n",
		                                 rows[i].text);
		AUTO_LISTS_SETTINGS struct lists_settings s = read_text(text);

		expect(&s, "X", rows[i].want);
		assert_int_equal(s.reports_n, 0);
	}
}

/* One text that sets X, why it is not known, and the line that is named. */
static void what_is_cleverer_is_told_and_not_guessed(void **state)
{
	static const struct {
		const char *text, *why;
		unsigned line;
	} rows[] = {
		{ "X = socket.getfqdn()\n", "calls socket.getfqdn()", 1 },
		{ "X = 'a'\nif 1:\n    X = 'b'\n", "is set below \"if\"", 3 },
		{ "X = 'a'\nif 1: X = 'b'\n", "is set below \"if\"", 2 },
		{ "try:\n\tX = 'b'\nexcept:\n\tpass\n", "is set below \"try\"", 2 },
		{ "for X in 'a', 'b': pass\n", "is set by for", 1 },
		{ "X = 'a'\nwhile 1:\n  if 2:\n    X += 'b'\n", "is set below \"if\"", 4 },
		{ "X = ['a']\nX.append('b')\n", "is changed by more", 2 },
		{ "X = ['a']\nX[0] = 'b'\n", "is changed in its place", 2 },
		{ "X = ['a']\ndel X[0]\n", "a part of it is deleted", 2 },
		{ "X = open('/x').read()\n", "calls open()", 1 },
		{ "X = 'a' if 1 else 'b'\n", "more than a value", 1 },
		{ "X = [a for a in ()]\n", "names a, which nothing sets", 1 },
		{ "X = lambda: 1\n", "more than a value", 1 },
		{ "X = 'a'.upper()\n", "a part, a call", 1 },
		{ "X = ('a', 'b')[0]\n", "a part, a call", 1 },
		{ "X = 1 < 2\n", "more than a value", 1 },
		{ "X = not 1\n", "more than a value", 1 },
		{ "X = 2 ** 3\n", "a power", 1 },
		{ "X = 1 / 0\n", "64 bits", 1 },
		{ "X = 9223372036854775807 + 1\n", "64 bits", 1 },
		{ "X = 99999999999999999999\n", "too large", 1 },
		{ "X = u'\\N{DASH}'\n", "an escape", 1 },
		{ "X = '%s'\nX = X % ()\n", "a format", 2 },
		{ "X = 'a' + 1\n", "an operation", 1 },
		{ "Y = f()\n\nX = Y + 'a'\n", "names Y, whose value is not known (mm_cfg.py:1)",
		  3 },
		{ "X = NOBODY\n", "names NOBODY, which nothing sets", 1 },
		{ "X = 'a'\ndef set():\n    global X\n    X = 'b'\nset()\n", "a function sets", 3 },
		{ "def f():\n    global X\nX = 'a'\n", "a function sets it too", 3 },
		{ "def days(n): return n\nX = days(1)\n", "calls days()", 2 },
		{ "def X():\n    return 1\n", "is code", 1 },
		{ "X = ", "ends too early", 1 },
		{ "X = 'a' 'b' c\n", "more than a value", 1 },
		{ "X, Y = f()\n", "calls f()", 1 },
		{ "X, Y = 'a', 'b', 'c'\n", "a part of something", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_LISTS_SETTINGS struct lists_settings s = read_text(rows[i].text);
		bool told = false;

		expect(&s, "X", "(unknown)");
		for (size_t j = 0; j < s.reports_n; j++)
			told = told || (!strcmp(s.reports[j].name, "X") &&
			                strstr(s.reports[j].why, rows[i].why) &&
			                s.reports[j].line == rows[i].line);
		for (size_t j = 0; !told && j < s.reports_n; j++)
			print_message("%s:%u %s: %s\n", s.reports[j].file, s.reports[j].line,
			              s.reports[j].name, s.reports[j].why);
		if (!told)
			fail_msg("row %zu: %s", i, rows[i].text);
	}
}

static void a_later_word_wins_and_makes_known_again(void **state)
{
	AUTO_LISTS_SETTINGS struct lists_settings s = read_text("A = B = 'one'; C = 'three'\n"
	                                                        "A = f()\n"
	                                                        "A = 'two'\n"
	                                                        "D, E = 'four', 'five'\n"
	                                                        "del C\n"
	                                                        "F = 'si'\n"
	                                                        "F += 'x'\n"
	                                                        "True = 1\n");

	(void)state;
	expect(&s, "A", "'two'");
	expect(&s, "B", "'one'");
	expect(&s, "C", "(not set)");
	expect(&s, "D", "'four'");
	expect(&s, "E", "'five'");
	expect(&s, "F", "'six'");
	assert_int_equal(lists_setting(&s, "A")->line, 3);
	assert_true(lists_setting(&s, "A")->given);
	assert_false(s.open_ended);
}

static const char defaults[] = "import os\n"
			       "def days(d): return d * 60 * 60 * 24\n"
			       "def _(s):\n"
			       "    return s\n"
			       "try:\n"
			       "    True, False\n"
			       "except NameError:\n"
			       "    True = 1\n"
			       "Yes = True\n"
			       "VIRTUAL_HOSTS = {}\n"
			       "def add_virtualhost(urlhost, emailhost=None):\n"
			       "    if emailhost is None:\n"
			       "        emailhost = 'x'\n"
			       "    VIRTUAL_HOSTS[urlhost] = emailhost\n"
			       "LC_DESCRIPTIONS = {}\n"
			       "def add_language(code, description, charset, direction='ltr'):\n"
			       "    LC_DESCRIPTIONS[code] = (description, charset, direction)\n"
			       "add_language('de', _('German'), 'iso-8859-1')\n"
			       "PREFIX = '/usr/local/mailman'\n"
			       "VAR_PREFIX = PREFIX\n"
			       "EXEC_PREFIX = '${prefix}'\n"
			       "if EXEC_PREFIX == '${prefix}':\n"
			       "    EXEC_PREFIX = PREFIX\n"
			       "if VAR_PREFIX == '${prefix}':\n"
			       "    VAR_PREFIX = '/never'\n"
			       "LIST_DATA_DIR = os.path.join(VAR_PREFIX, 'lists')\n"
			       "del _\n"
			       "_hidden = 1\n";

static void a_site_file_stands_on_the_defaults(void **state)
{
	const struct file files[] = {
		{ "Defaults", defaults },
		{ "mm_cfg", "from Defaults import *\n"
		            "VAR_PREFIX = '/srv/mailman'\n"
		            "PUBLIC_MBOX = Yes\n"
		            "add_virtualhost('WWW.example.org', 'lists.example.org')\n"
		            "add_virtualhost('www.example.net')\n"
		            "add_language('xx', 'Ours', 'utf-8', 'rtl')\n"
		            "from mm_cfg_local import *\n" },
		{ "mm_cfg_local", "QUEUE_DIR = '/var/spool/mailman'\n" },
		{ 0 },
	};
	AUTO_LISTS_SETTINGS struct lists_settings s = read_all(files);

	(void)state;
	for (size_t i = 0; i < s.reports_n; i++)
		print_message("%s:%u %s: %s\n", s.reports[i].file, s.reports[i].line,
		              s.reports[i].name, s.reports[i].why);
	assert_int_equal(s.reports_n, 0);
	expect(&s, "VAR_PREFIX", "'/srv/mailman'");
	expect(&s, "EXEC_PREFIX", "'/usr/local/mailman'");
	/* Python worked it out before the site's word */
	expect(&s, "LIST_DATA_DIR", "'/usr/local/mailman/lists'");
	expect(&s, "QUEUE_DIR", "'/var/spool/mailman'");
	expect(&s, "PUBLIC_MBOX", "True");
	expect(&s, "_hidden", "(not set)");
	expect(&s, "VIRTUAL_HOSTS",
	       "{'www.example.org': 'lists.example.org', 'www.example.net': 'example.net'}");
	expect(&s, "LC_DESCRIPTIONS",
	       "{'de': ('German', 'iso-8859-1', 'ltr'), 'xx': ('Ours', 'utf-8', 'rtl')}");
	assert_false(lists_setting(&s, "LIST_DATA_DIR")->given);
	assert_true(lists_setting(&s, "QUEUE_DIR")->given);
	assert_string_equal(lists_setting(&s, "QUEUE_DIR")->file, "mm_cfg_local.py");
}

static void hosts_of_a_dict_that_was_replaced_are_not_seen(void **state)
{
	const struct file files[] = {
		{ "Defaults", defaults },
		{ "mm_cfg", "from Mailman.Defaults import *\n"
		            "add_virtualhost('a.example.org', 'b.example.org')\n"
		            "VIRTUAL_HOSTS.clear()\n"
		            "add_virtualhost('c.example.org', 'd.example.org')\n"
		            "OTHER = VIRTUAL_HOSTS\n"
		            "VIRTUAL_HOSTS['e.example.org'] = 'f.example.org'\n"
		            "VIRTUAL_HOSTS = {}\n"
		            "add_virtualhost('g.example.org', 'h.example.org')\n" },
		{ 0 },
	};
	AUTO_LISTS_SETTINGS struct lists_settings s = read_all(files);

	(void)state;
	/* Defaults.add_virtualhost() adds to Defaults.VIRTUAL_HOSTS, as Python does it */
	expect(&s, "VIRTUAL_HOSTS", "{}");
	expect(&s, "OTHER",
	       "{'c.example.org': 'd.example.org', 'e.example.org': 'f.example.org', "
	       "'g.example.org': 'h.example.org'}");
}

static void an_unknown_host_makes_the_hosts_unknown(void **state)
{
	const struct file files[] = {
		{ "Defaults", defaults },
		{ "mm_cfg", "from Defaults import *\n"
		            "import socket\n"
		            "try:\n    fqdn = socket.getfqdn()\nexcept:\n    fqdn = 'unknown'\n"
		            "DEFAULT_URL_HOST = fqdn\n"
		            "add_virtualhost(DEFAULT_URL_HOST, 'x.example.org')\n"
		            "add_virtualhost('a.example.org', 'b.example.org')\n" },
		{ 0 },
	};
	AUTO_LISTS_SETTINGS struct lists_settings s = read_all(files);

	(void)state;
	expect(&s, "DEFAULT_URL_HOST", "(unknown)");
	expect(&s, "VIRTUAL_HOSTS", "(unknown)");
	assert_false(s.open_ended);
	assert_true(lists_setting_is_unknown(&s, "DEFAULT_URL_HOST"));
}

static void what_may_set_any_name_is_said(void **state)
{
	static const char *const rows[] = {
		"from site_settings import *\n",
		"execfile('/etc/mailman/local.py')\n",
		"exec 'X = 1'\n",
		"globals()['X'] = 1\n",
		"X = 'never ends\nY = 1\n",
		"if 1:\n    from x import *\n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_LISTS_SETTINGS struct lists_settings s = read_text(rows[i]);

		if (!s.open_ended || !s.reports_n)
			fail_msg("row %zu: %s", i, rows[i]);
	}
}

static void files_that_import_each_other_end(void **state)
{
	const struct file files[] = {
		{ "mm_cfg", "from other import *\nX = 1\n" },
		{ "other", "from mm_cfg import *\nY = 2\n" },
		{ 0 },
	};
	AUTO_LISTS_SETTINGS struct lists_settings s = read_all(files);

	(void)state;
	expect(&s, "X", "1");
	expect(&s, "Y", "2");
	assert_true(s.open_ended);
}

static void without_a_site_file_the_defaults_hold(void **state)
{
	struct lists_modules modules = { .defaults = "MTA = 'Manual'\n" };
	AUTO_LISTS_SETTINGS struct lists_settings s = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(lists_settings_read(&s, &modules, "mm_cfg", &err), &err);
	assert_string_equal(lists_setting_text(&s, "MTA"), "Manual");
	assert_int_equal(s.reports_n, 1);
	assert_string_equal(s.reports[0].why, "mm_cfg.py can't be read");
}

/* What grows when it is worked out, and what is deep. */
static void work_has_an_end(void **state)
{
	AUTO_BUF struct buf text = { 0 };

	(void)state;
	buf_add_text(&text, "A = 'x'\nB = ['x']\nC = []\nD = 0\n");
	for (int i = 0; i < 100; i++)
		buf_add_text(&text, "A = A + A\nB = B + B\nC = [C, C]\n");
	buf_add_text(&text, "E = ");
	for (int i = 0; i < 5000; i++)
		buf_add_char(&text, '(');
	buf_add_text(&text, "\n");
	AUTO_LISTS_SETTINGS struct lists_settings s = read_text(buf_text(&text));
	expect(&s, "A", "(unknown)");
	expect(&s, "B", "(unknown)");
	expect(&s, "C", "(unknown)");
	assert_true(s.open_ended);

	buf_reset(&text);
	buf_add_text(&text, "E = 1");
	for (int i = 0; i < 2000; i++)
		buf_add_text(&text, "\nF = 'y' * 60000");
	buf_add_text(&text, "\nG = -------------------------------------------------------------"
	                    "-------------------------1\n");
	lists_settings_fini(&s);
	s = read_text(buf_text(&text));
	expect(&s, "F", "(unknown)");
	expect(&s, "G", "(unknown)");
	assert_int_equal(s.reports_n, LISTS_REPORTS_MAX + 1);
}

UNIT_TESTS("lists/settings", cmocka_unit_test(values_in_plain_words_are_known),
           cmocka_unit_test(what_is_cleverer_is_told_and_not_guessed),
           cmocka_unit_test(a_later_word_wins_and_makes_known_again),
           cmocka_unit_test(a_site_file_stands_on_the_defaults),
           cmocka_unit_test(hosts_of_a_dict_that_was_replaced_are_not_seen),
           cmocka_unit_test(an_unknown_host_makes_the_hosts_unknown),
           cmocka_unit_test(what_may_set_any_name_is_said),
           cmocka_unit_test(files_that_import_each_other_end),
           cmocka_unit_test(without_a_site_file_the_defaults_hold),
           cmocka_unit_test(work_has_an_end));
