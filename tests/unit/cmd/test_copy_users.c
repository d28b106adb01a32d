/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/copy_users.h"

#include "base/cleanup.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void names(const char *text, const char *user, const char *host, unsigned port, bool tls)
{
	struct copy_url url;

	assert_true(copy_url_parse(text, &url));
	if (user)
		assert_string_equal(url.user, user);
	else
		assert_null(url.user);
	assert_string_equal(url.host, host);
	assert_int_equal(url.port, port);
	assert_int_equal(url.implicit_tls, tls);
	copy_url_fini(&url);
}

static void a_place_names_user_host_and_port(void **state)
{
	names("imap://alice@mail.example.org/", "alice", "mail.example.org", 0, false);
	names("imaps://bob@example.net@mail.example.org:9993", "bob@example.net",
	      "mail.example.org", 9993, true);
	names("imap://bob%40example.net@[2001:db8::1]:143/", "bob@example.net", "2001:db8::1", 143,
	      false);
	names("imap://mail.example.org", NULL, "mail.example.org", 0, false);
}

static void a_password_in_a_place_and_other_nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"imap://alice:secret@mail.example.org/",
		"imap://alice@/",
		"imap://@mail.example.org/",
		"imap://mail.example.org:0/",
		"imap://mail.example.org:99999/",
		"imap://mail.example.org/INBOX",
		"imap://",
		"imap://[2001:db8::1",
	};
	struct copy_url url;

	for (size_t i = 0; i < ROWS(texts); i++) {
		assert_false(copy_url_parse(texts[i], &url));
		copy_url_fini(&url);
	}
}

static void lies_at(const char *place, const char *user, const char *want)
{
	AUTO_FREE char *made = copy_users_place(place, user);

	assert_non_null(made);
	assert_string_equal(made, want);
}

static void users_become_places_and_none_leaves_its_own(void **state)
{
	lies_at("/srv/mail", "alice", "/srv/mail/alice");
	lies_at("/srv/%d/%n/Maildir", "bob@example.net", "/srv/example.net/bob/Maildir");
	lies_at("/home/%u/Maildir", "alice", "/home/alice/Maildir");
	assert_null(copy_users_place("/srv", "../root"));
	assert_null(copy_users_place("/srv/%d", "bob@.."));
	assert_null(copy_users_place("/srv", "a/b"));
	assert_null(copy_users_place("/srv", ".."));
	assert_null(copy_users_place("/srv", ""));
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	fclose(f);
}

static void passwords_are_read_from_files_that_nobody_else_reads(void **state)
{
	struct copy_users u = { 0 };
	struct error err = { 0 };
	char path[] = "/tmp/mailhaul-test.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	write_file(path, "# all\nalice:a:b c\n\nbob\r\n", 0600);
	assert_good(copy_users_read(&u, path, &err), &err);
	assert_int_equal(u.n, 2);
	assert_string_equal(u.rows[0].name, "alice");
	assert_string_equal(u.rows[0].password, "a:b c");
	assert_string_equal(u.rows[1].name, "bob");
	assert_null(u.rows[1].password);
	write_file(path, "one word\ntwo\n", 0600);
	assert_good(copy_users_read_password(&u, path, &err), &err);
	assert_string_equal(u.password, "one word");
	copy_users_fini(&u);
	write_file(path, "\n", 0600);
	assert_fails(copy_users_read_password(&u, path, &err), &err, "no password");
	write_file(path, "secret\n", 0640);
	assert_fails(copy_users_read_password(&u, path, &err), &err, "others can read it");
	assert_null(strstr(err.text, "secret"));
	assert_int_equal(unlink(path), 0);
	copy_users_fini(&u);
}

UNIT_TESTS("cmd/copy_users", cmocka_unit_test(a_place_names_user_host_and_port),
           cmocka_unit_test(a_password_in_a_place_and_other_nonsense_is_refused),
           cmocka_unit_test(users_become_places_and_none_leaves_its_own),
           cmocka_unit_test(passwords_are_read_from_files_that_nobody_else_reads));
