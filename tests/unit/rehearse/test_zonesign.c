/* SPDX-License-Identifier: BSD-2-Clause */

/* A real Unbound that starts at the pretended root, and believes its key alone. */

#include "rehearse/zonesign.h"

#include "rehearse/zonebook.h"
#include "unit/dns/net.h"

#include <arpa/inet.h>

#define SERVER "127.0.0.57"
#define VALIDATOR "127.0.0.55"
#define STRANGER "127.0.0.58" /* a validator with another root's key */

static struct net net;
static struct zonebook book;
static pid_t server;

static void serve(int fd)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t n = sizeof from;
		AUTO_BUF struct buf out = { 0 };
		char bytes[4096];
		ssize_t got = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &n);

		if (got > 0 &&
		    zonebook_answer(&book, (struct span){ bytes, (size_t)got }, 512, &out))
			(void)!sendto(fd, out.p, out.n, 0, (struct sockaddr *)&from, n);
	}
}

static void start_server(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	net_add_address(SERVER);
	inet_pton(AF_INET, SERVER, &at.sin_addr);
	assert_return_code(bind(fd, (struct sockaddr *)&at, sizeof at), errno);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd);
	}
	close(fd);
}

static void start_unbound(const char *name, const char *address, const char *anchor)
{
	AUTO_FREE char *file = xasprintf("%s.conf", name), *key = xasprintf("%s.key", name);
	AUTO_FREE char *conf = xasprintf("%s/%s", net.dir, file);
	AUTO_FREE char *text = xasprintf(
		"server:\n interface: %s\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n"
		" directory: \"%%DIR%%\"\n use-syslog: no\n "
		"access-control: 127.0.0.0/8 allow\n"
		" do-not-query-localhost: no\n do-ip6: no\n module-config: \"validator iterator\"\n"
		" root-hints: \"%%DIR%%/hints\"\n trust-anchor-file: \"%%DIR%%/%s\"\n",
		address, key);
	const char *argv[] = { "/usr/sbin/unbound", "-d", "-c", conf, NULL };

	net_write(&net, key, anchor);
	net_write(&net, file, text);
	net_add_address(address);
	net_start(&net, name, argv);
}

static int begin(void **state)
{
	AUTO_STRINGS struct strings none = { 0 };
	AUTO_BUF struct buf anchor = { 0 }, other = { 0 };
	struct zonesign *stranger = NULL;
	struct error err = { 0 };

	(void)state;
	net_enter(&net);
	zonebook_add_signed(&book, "Example.org.");
	zonebook_add_zone(&book, "example.net");
	zonebook_add(&book, "example.org", DNS_NS, 60, "ns.example.org.");
	zonebook_add(&book, "ns.example.org", DNS_A, 60, SERVER);
	zonebook_add(&book, "example.org", DNS_MX, 60, "10 mail.example.org.");
	zonebook_add(&book, "mail.example.org", DNS_A, 60, "203.0.113.20");
	zonebook_add(&book, "imap.example.org", DNS_CNAME, 60, "mail.example.org.");
	zonebook_add(&book, "away.example.org", DNS_CNAME, 60, "mail.example.net.");
	zonebook_add(&book, "*.wild.example.org", DNS_A, 60, "203.0.113.9");
	zonebook_add(&book, "mail.example.net", DNS_A, 60, "203.0.113.30");
	assert_good(zonesign_make(&book.signer, &book.dnssec, &err), &err);
	assert_good(zonesign_make(&stranger, &none, &err), &err);
	zonesign_anchor(book.signer, &anchor);
	zonesign_anchor(stranger, &other);
	zonesign_free(stranger);
	start_server();
	net_write(&net, "hints",
	          ". 3600 NS ns.root.example.\nns.root.example. 3600 A " SERVER "\n");
	start_unbound("validator", VALIDATOR, buf_text(&anchor));
	start_unbound("stranger", STRANGER, buf_text(&other));
	net_await_name(&net, "validator", VALIDATOR, "example.org");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	zonebook_fini(&book);
	net_leave(&net);
	return 0;
}

/* "NOERROR authentic data data ...", asked until somebody answers. */
static char *told(const char *validator, const char *name, unsigned type)
{
	struct dns_server at = { .address = (char *)(uintptr_t)validator, .port = 53 };
	struct dns_question q = { .name = name, .type = (enum dns_type)type, .recurse = true };
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };

	for (int tries = 0; tries < 10; tries++) {
		AUTO_ANSWER struct dns_answer a = { 0 };

		if (dns_ask(&at, &q, &a, &err) < 0)
			continue;
		buf_addf(&out, "%s%s", dns_rcode_name(a.rcode), a.authentic ? " authentic" : "");
		for (size_t i = 0; i < a.answer.n; i++)
			buf_addf(&out, " %s", a.answer.rows[i].data);
		return buf_take(&out);
	}
	return xstrdup(err.text);
}

static void expect(const char *name, unsigned type, const char *words)
{
	AUTO_FREE char *said = told(VALIDATOR, name, type);

	assert_string_equal(said, words);
}

static void what_a_signed_zone_holds_is_authentic(void **state)
{
	(void)state;
	expect("mail.example.org", DNS_A, "NOERROR authentic 203.0.113.20");
	expect("imap.example.org", DNS_A, "NOERROR authentic mail.example.org 203.0.113.20");
	expect("any.wild.example.org", DNS_A, "NOERROR authentic 203.0.113.9");
	expect("example.org", DNS_MX, "NOERROR authentic mail.example.org");
}

static void what_it_does_not_hold_is_proven(void **state)
{
	(void)state;
	expect("mail.example.org", DNS_AAAA, "NOERROR authentic");
	expect("example.org", DNS_AAAA, "NOERROR authentic");
	expect("mail.example.org", DNS_A, "NOERROR authentic 203.0.113.20");
	expect("nobody.example.org", DNS_A, "NOERROR authentic");
	expect("_25._tcp.mail.example.org", 52, "NOERROR authentic");
}

static void the_rest_of_the_world_is_there_and_unsigned(void **state)
{
	(void)state;
	expect("mail.example.net", DNS_A, "NOERROR 203.0.113.30");
	expect("other.example.org.uk", DNS_A, "NOERROR");
	expect("www.example.com", DNS_A, "NOERROR 198.18.0.25");
	expect("away.example.org", DNS_A, "NOERROR mail.example.net 203.0.113.30");
}

static void who_believes_another_root_takes_none_of_it(void **state)
{
	AUTO_FREE char *said = told(STRANGER, "mail.example.org", DNS_A);

	(void)state;
	assert_string_equal(said, "SERVFAIL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_signed_zone_holds_is_authentic),
		cmocka_unit_test(what_it_does_not_hold_is_proven),
		cmocka_unit_test(the_rest_of_the_world_is_there_and_unsigned),
		cmocka_unit_test(who_believes_another_root_takes_none_of_it),
	};

	return cmocka_run_group_tests_name("rehearse/zonesign", tests, begin, finish);
}
