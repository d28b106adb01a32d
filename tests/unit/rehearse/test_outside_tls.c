/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/outside_tls.h"

#include "unit/unit.h"

#include <openssl/err.h>
#include <string.h>

/* Both ends, with memory between them. */
struct line {
	SSL_CTX *context, *client_context;
	SSL *client;
	BIO *in, *out;
	struct outside_tls server;
	struct buf plain; /* that the server has read */
	bool good;
};

static void begin(struct line *l)
{
	*l = (struct line){ .context = outside_tls_new("mx.example.net"),
		            .client_context = SSL_CTX_new(TLS_client_method()),
		            .in = BIO_new(BIO_s_mem()),
		            .out = BIO_new(BIO_s_mem()),
		            .good = true };
	assert_non_null(l->context);
	l->client = SSL_new(l->client_context);
	SSL_set_bio(l->client, l->in, l->out);
	SSL_set_connect_state(l->client);
	outside_tls_begin(&l->server, l->context);
}

static void end(struct line *l)
{
	SSL_free(l->client);
	outside_tls_fini(&l->server);
	SSL_CTX_free(l->client_context);
	SSL_CTX_free(l->context);
	buf_fini(&l->plain);
	ERR_clear_error();
}

/* What the client has said goes over, an octet at a time, and the answer comes back. */
static void pass(struct line *l)
{
	AUTO_BUF struct buf wire = { 0 };
	char octet;

	while (l->good && BIO_read(l->out, &octet, 1) == 1)
		l->good = outside_tls_take(&l->server, (struct span){ &octet, 1 }, &l->plain,
		                           &wire);
	if (wire.n)
		assert_int_equal(BIO_write(l->in, wire.p, (int)wire.n), wire.n);
}

static void shake_hands(struct line *l)
{
	for (int i = 0; i < 4 && SSL_do_handshake(l->client) != 1 && l->good; i++)
		pass(l);
	pass(l);
}

static void what_is_said_in_it_comes_over(void **state)
{
	struct line l;
	AUTO_BUF struct buf wire = { 0 };
	char said[64];

	begin(&l);
	shake_hands(&l);
	assert_true(l.good && l.server.is_secure);
	assert_int_equal(SSL_write(l.client, "EHLO x\r\n", 8), 8);
	pass(&l);
	assert_string_equal(buf_text(&l.plain), "EHLO x\r\n");
	assert_true(outside_tls_say(&l.server, SPAN("250 good\r\n"), &wire));
	assert_int_equal(BIO_write(l.in, wire.p, (int)wire.n), wire.n);
	assert_int_equal(SSL_read(l.client, said, sizeof said), 10);
	assert_memory_equal(said, "250 good\r\n", 10);
	SSL_shutdown(l.client);
	pass(&l);
	assert_false(l.good);
	end(&l);
}

static void an_old_version_and_what_is_no_tls_are_refused(void **state)
{
	AUTO_BUF struct buf plain = { 0 }, wire = { 0 };
	struct line l;

	begin(&l);
	SSL_CTX_set_security_level(l.client_context, 0);
	SSL_set_security_level(l.client, 0);
	SSL_set_min_proto_version(l.client, TLS1_VERSION);
	SSL_set_max_proto_version(l.client, TLS1_1_VERSION);
	shake_hands(&l);
	assert_false(l.good);
	assert_false(l.server.is_secure);
	end(&l);

	begin(&l);
	assert_false(
		outside_tls_take(&l.server, SPAN("MAIL FROM:<a@example.org>\r\n"), &plain, &wire));
	assert_int_equal(plain.n, 0);
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_in_it_comes_over),
		cmocka_unit_test(an_old_version_and_what_is_no_tls_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
