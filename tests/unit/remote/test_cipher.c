/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/cipher.h"

#include "unit/remote/far.h"

#define OWN "chacha20-poly1305@openssh.com,aes128-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com"
#define FAST_FIRST                                                                                 \
	"aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com"

/* An ssh that says what it would offer: what stands in $CIPHERS, or with "-F /dev/null" its own. */
static const char asked_ssh[] = "#!/bin/sh\n"
				"case \" $* \" in\n"
				"*' -G '*) ;;\n"
				"*) exit 255 ;;\n"
				"esac\n"
				"[ \"$1\" != -F ] || CIPHERS=" OWN "\n"
				"printf 'user root\\nciphers %s\\nport 22\\n' \"$CIPHERS\"\n";

static char *order(const char *script, const char *ciphers)
{
	AUTO_STRINGS struct strings words = { 0 };
	AUTO_FREE char *ssh = far_below("ssh");
	struct error err = { 0 };

	strings_add(&words, "ssh");
	strings_add(&words, "-T");
	strings_add(&words, "--");
	strings_add(&words, "old.example.org");
	assert_good(file_write_path_durable(ssh, 0755, span_of(script), &err), &err);
	setenv("CIPHERS", ciphers, 1);
	return cipher_order(&words);
}

static void the_fast_one_comes_first_where_nobody_has_chosen(void **state)
{
	AUTO_FREE char *list = order(asked_ssh, OWN);

	(void)state;
	assert_string_equal(list, FAST_FIRST);
}

static void what_somebody_has_chosen_stays(void **state)
{
	(void)state;
	assert_null(order(asked_ssh, "aes256-ctr,aes128-gcm@openssh.com"));
	assert_null(order(asked_ssh, "chacha20-poly1305@openssh.com"));
}

static void an_ssh_that_cannot_be_asked_is_left_as_it_is(void **state)
{
	(void)state;
	assert_null(order("#!/bin/sh\nexit 255\n", OWN));
	assert_null(order("#!/bin/sh\necho port 22\n", OWN));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, far_set_up, far_tear_down)

UNIT_TESTS("remote/cipher", TEST(the_fast_one_comes_first_where_nobody_has_chosen),
           TEST(what_somebody_has_chosen_stays),
           TEST(an_ssh_that_cannot_be_asked_is_left_as_it_is));
