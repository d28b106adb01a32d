/* SPDX-License-Identifier: BSD-2-Clause */

/* Everything that is said to a name server, said to a real BIND. */

#include "dns/sets.h"
#include "dns/update.h"
#include "unit/dns/net.h"

#include <poll.h>

static struct net net;
static struct dns_server primary = { .address = (char[]){ "127.0.0.53" }, .port = 53 };

static const char conf[] =
	"options { directory \"%DIR%\"; listen-on { 127.0.0.53; }; listen-on-v6 { ::1; };\n"
	"  pid-file none; session-keyfile none; recursion no; empty-zones-enable no;\n"
	"  dnssec-validation no; notify no; minimal-responses yes;\n"
	"  transfer-format one-answer; };\n"
	"controls { };\n"
	"key \"mover\" { algorithm hmac-sha256; secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n"
	"key \"mover384\" { algorithm hmac-sha384; secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n"
	"key \"mover512\" { algorithm hmac-sha512; secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n"
	"key \"nobody\" { algorithm hmac-sha256; secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n"
	"zone \"example.org\" { type primary; file \"%DIR%/example.org.zone\"; update-policy {\n"
	"  grant mover zonesub ANY; grant mover384 zonesub ANY; grant mover512 zonesub ANY; };\n"
	"  allow-transfer { key mover; key mover512; }; };\n"
	"zone \"example.net\" { type primary; file \"%DIR%/example.net.zone\";\n"
	"  update-policy { grant mover zonesub ANY; }; };\n";

static void write_zones(void)
{
	AUTO_BUF struct buf zone = { 0 };

	buf_add_text(&zone,
	             "$TTL 300\n"
	             "@ SOA ns1 hostmaster 1 3600 600 86400 60\n"
	             "@ NS ns1\n@ NS ns2\n@ 120 MX 20 backup.example.net.\n@ 120 MX 10 Mail\n"
	             "ns1 A 127.0.0.53\nns2 A 127.0.0.54\n"
	             "mail 20 A 203.0.113.10\nmail 20 AAAA 2001:db8::10\n"
	             "two A 203.0.113.10\ntwo A 203.0.113.11\n"
	             "race A 203.0.113.99\n"
	             "imap 50 CNAME mail\naway CNAME mail.example.com.\n"
	             "a.b.c TXT \"deep\"\n");
	for (int i = 1; i <= 95; i++)
		buf_addf(&zone, "many A 198.51.100.%d\n", i);
	net_write(&net, "example.org.zone", buf_text(&zone));
	net_write(&net, "example.net.zone",
	          "$TTL 300\n@ SOA ns1.example.org. hostmaster 1 3600 600 86400 60\n"
	          "@ NS ns1.example.org.\n@ A 198.51.100.7\nnomail MX 0 .\n");
}

static int begin(void **state)
{
	(void)state;
	net_enter(&net);
	net_write(&net, "primary.conf", conf);
	write_zones();
	net_write(&net, "mover.key",
	          "key \"mover\" {\n\talgorithm hmac-sha256;\n"
	          "\tsecret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\";\n};\n");
	net_write(&net, "mover384.key",
	          "key \"mover384\" { algorithm hmac-sha384; "
	          "secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n");
	net_write(&net, "mover512.key",
	          "key \"mover512\" { algorithm hmac-sha512; "
	          "secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n");
	net_write(&net, "nobody.key",
	          "key \"nobody\" { algorithm hmac-sha256; "
	          "secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n");
	net_write(&net, "badsig.key",
	          "key \"mover\" { algorithm hmac-sha256; "
	          "secret \"YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg==\"; };\n");
	net_write(&net, "badkey.key",
	          "key \"stranger\" { algorithm hmac-sha256; "
	          "secret \"c2VjcmV0IG9mIHRoZSBtb3Zlcg==\"; };\n");
	net_start_bind(&net, "primary", "127.0.0.53", "example.org");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	net_leave(&net);
	return 0;
}

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

static void an_answer_has_records_with_their_ttl_and_says_who_speaks(void **state)
{
	struct dns_question q = { .name = "Example.ORG.", .type = DNS_MX };
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_ask(&primary, &q, &a, &err), &err);
	assert_int_equal(a.rcode, DNS_NOERROR);
	assert_true(a.authoritative);
	assert_int_equal(a.answer.n, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct dns_record *r = &a.answer.rows[i];

		assert_int_equal(r->type, DNS_MX);
		assert_string_equal(r->name, "example.org");
		assert_int_equal(r->ttl, 120);
		assert_string_equal(r->data, r->preference == 10 ? "mail.example.org"
		                                                 : "backup.example.net");
	}
}

static void names_that_are_not_there_and_zones_of_others_are_answers_too(void **state)
{
	struct dns_question nothing = { .name = "nothing.example.org", .type = DNS_A };
	struct dns_question foreign = { .name = "example.com", .type = DNS_A };
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_ask(&primary, &nothing, &a, &err), &err);
	assert_int_equal(a.rcode, DNS_NXDOMAIN);
	assert_true(a.authoritative);
	assert_good(dns_ask(&primary, &foreign, &a, &err), &err);
	assert_int_equal(a.rcode, DNS_REFUSED);
}

static void what_does_not_fit_into_a_packet_comes_by_tcp(void **state)
{
	struct dns_question q = { .name = "many.example.org", .type = DNS_A };
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_ask(&primary, &q, &a, &err), &err);
	assert_int_equal(a.answer.n, 95);
}

/* Each record comes in a message of its own, and is signed together with the one before. */
static void a_whole_zone_is_read_by_those_who_may(void **state)
{
	static const char *const good[] = { "mover", "mover512" };
	static const char *const bad[] = { "nobody", "badsig", "badkey" };
	AUTO_SETS struct dns_sets all = { 0 };
	struct error err = { 0 };
	size_t n;

	(void)state;
	for (size_t i = 0; i < ROWS(good) + ROWS(bad); i++) {
		const char *name = i < ROWS(good) ? good[i] : bad[i - ROWS(good)];
		AUTO_FREE char *path = xasprintf("%s/%s.key", net.dir, name);
		AUTO_KEY struct dns_key key = { 0 };

		assert_good(dns_key_load(path, &key, &err), &err);
		if (i >= ROWS(good)) {
			assert_int_equal(
				dns_read_whole_zone(&primary, "example.org", &key, &all, &err), -1);
			assert_int_equal(err.retry, ERROR_RETRY_PERSON);
			continue;
		}
		assert_good(dns_read_whole_zone(&primary, "example.org", &key, &all, &err), &err);
		n = 0;
		for (size_t k = 0; k < all.n; k++)
			if (!strcmp(all.rows[k].name, "many.example.org"))
				n = all.rows[k].data.n;
		assert_int_equal(n, 95);
	}
	assert_int_equal(dns_read_whole_zone(&primary, "example.org", NULL, &all, &err), -1);
	assert_good(dns_read_whole_zone(&primary, "example.net", NULL, &all, &err), &err);
	assert_int_equal(all.n, 3);
	assert_string_equal(all.rows[0].data.rows[0], "198.51.100.7");
}

static void a_server_is_asked_over_ipv6_as_well(void **state)
{
	struct dns_server six = { .address = (char[]){ "::1" }, .port = 53 };
	struct dns_question q = { .name = "mail.example.org", .type = DNS_AAAA };
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_ask(&six, &q, &a, &err), &err);
	assert_string_equal(a.answer.rows[0].data, "2001:db8::10");
}

static void a_dead_server_costs_the_time_out_and_no_more(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct dns_server silent = { .address = (char[]){ "127.0.0.99" }, .port = 53 };
	struct dns_server nobody = { .address = (char[]){ "127.0.0.98" }, .port = 53 };
	struct dns_server nowhere = { .address = (char[]){ "2001:db8::1" }, .port = 53 };
	struct dns_question q = { .name = "example.org", .type = DNS_A, .timeout_ms = 400 };
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int64_t begun = clock_monotonic_ms();

	(void)state;
	at.sin_addr.s_addr = htonl(0x7f000063);
	assert_return_code(bind(fd, (struct sockaddr *)&at, sizeof at), errno);
	assert_fails(dns_ask(&silent, &q, &a, &err), &err, "127.0.0.99 port 53");
	assert_int_equal(err.sys_errno, ETIMEDOUT);
	assert_int_equal(err.retry, ERROR_RETRY_REACH);
	assert_true(clock_monotonic_ms() - begun >= 390);
	/* where nobody is, that is known at once */
	begun = clock_monotonic_ms();
	q.timeout_ms = 600000;
	assert_fails(dns_ask(&nobody, &q, &a, &err), &err, "refused");
	assert_true(clock_monotonic_ms() - begun < 300000);
	assert_fails(dns_ask(&nowhere, &q, &a, &err), &err, "2001:db8::1");
	assert_int_equal(err.sys_errno, ENETUNREACH);
	close(fd);
}

/* ── mail, addresses, zones ──────────────────────────────────────────────────────────────────── */

static void the_mail_hosts_of_a_domain_come_in_order(void **state)
{
	AUTO_MAIL struct dns_mail m = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_find_mail(&primary, "example.org", false, &m, &err), &err);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.rows[0].host, "mail.example.org");
	assert_string_equal(m.rows[1].host, "backup.example.net");
	assert_false(m.implicit);
	assert_good(dns_find_mail(&primary, "example.net", false, &m, &err), &err);
	assert_true(m.implicit);
	assert_string_equal(m.rows[0].host, "example.net");
	assert_good(dns_find_mail(&primary, "nomail.example.net", false, &m, &err), &err);
	assert_true(m.refused);
	assert_int_equal(m.n, 0);
	assert_fails(dns_find_mail(&primary, "example.com", false, &m, &err), &err, "REFUSED");
}

static void addresses_of_both_families_come_with_the_longest_ttl(void **state)
{
	AUTO_ADDRESSES struct dns_addresses a = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_find_addresses(&primary, "mail.example.org", false, &a, &err), &err);
	assert_int_equal(a.rows.n, 2);
	assert_string_equal(a.rows.rows[0], "2001:db8::10");
	assert_string_equal(a.rows.rows[1], "203.0.113.10");
	assert_int_equal(a.ttl, 20);
	assert_true(a.authoritative);
	assert_good(dns_find_addresses(&primary, "imap.example.org", false, &a, &err), &err);
	assert_int_equal(a.rows.n, 2);
	assert_int_equal(a.ttl, 50); /* of the CNAME */
	assert_good(dns_find_addresses(&primary, "nothing.example.org", false, &a, &err), &err);
	assert_false(a.exists);
	assert_fails(dns_find_addresses(&primary, "away.example.org", false, &a, &err), &err,
	             "REFUSED");
}

static void the_zone_of_a_name_is_found_with_all_its_servers(void **state)
{
	AUTO_SERVERS struct dns_servers resolvers = { 0 };
	AUTO_ZONE struct dns_zone zone = { 0 };
	const char *list[] = { "127.0.0.98", "127.0.0.53" }; /* nobody is at the first */
	struct error err = { 0 };
	uint32_t ttl = 0;

	(void)state;
	assert_good(dns_resolvers(&resolvers, list, 2, &err), &err);
	assert_good(dns_find_zone(&resolvers, "b.c.example.org", &zone, &err), &err);
	assert_string_equal(zone.name, "example.org");
	assert_int_equal(zone.servers.n, 2);
	assert_string_equal(zone.servers.rows[0].name, "ns1.example.org");
	assert_string_equal(zone.servers.rows[0].address, "127.0.0.53");
	assert_string_equal(zone.servers.rows[1].address, "127.0.0.54");
	assert_fails(dns_find_zone(&resolvers, "nothing.example.org", &zone, &err), &err,
	             "nothing.example.org does not exist");
	assert_good(dns_longest_ttl(&resolvers, "mail.example.org", DNS_A, &ttl, &err), &err);
	assert_int_equal(ttl, 20);
}

/* ── changing ────────────────────────────────────────────────────────────────────────────────── */

static int change(const char *key, const char *name, const char *zone, const char *from,
                  const char *to, enum dns_change_result *out, struct error *err)
{
	AUTO_FREE char *key_file = key ? xasprintf("%s/%s.key", net.dir, key) : NULL;
	struct config_dns dns = { .server = (char[]){ "127.0.0.53" },
		                  .port = 53,
		                  .key_file = key_file };
	struct dns_change c = { .name = name, .zone = zone, .from = from, .to = to, .ttl = 30 };

	return dns_replace_address(&dns, &c, out, err);
}

static void expect_addresses(const char *name, const char *words, uint32_t ttl)
{
	AUTO_ADDRESSES struct dns_addresses a = { 0 };
	AUTO_BUF struct buf said = { 0 };
	struct error err = { 0 };

	assert_good(dns_find_addresses(&primary, name, false, &a, &err), &err);
	for (size_t i = 0; i < a.rows.n; i++)
		buf_addf(&said, "%s%s", i ? " " : "", a.rows.rows[i]);
	assert_string_equal(buf_text(&said), words);
	assert_int_equal(a.ttl, ttl);
}

static void an_address_is_replaced_and_once_more_is_no_change(void **state)
{
	enum dns_change_result done;
	struct error err = { 0 };

	(void)state;
	assert_good(change("mover", "mail.example.org", NULL, "203.0.113.10", "203.0.113.20", &done,
	                   &err),
	            &err);
	assert_int_equal(done, DNS_CHANGED);
	expect_addresses("mail.example.org", "2001:db8::10 203.0.113.20", 30);
	assert_good(change("mover", "mail.example.org.", "example.org", "203.0.113.10",
	                   "203.0.113.20", &done, &err),
	            &err);
	assert_int_equal(done, DNS_CHANGED_BEFORE);
	assert_good(change("mover384", "mail.example.org", NULL, "203.0.113.20", "203.0.113.10",
	                   &done, &err),
	            &err);
	assert_int_equal(done, DNS_CHANGED);
	expect_addresses("mail.example.org", "2001:db8::10 203.0.113.10", 30);
}

static void ipv6_goes_the_same_way_however_it_is_written(void **state)
{
	enum dns_change_result done;
	struct error err = { 0 };

	(void)state;
	assert_good(change("mover512", "mail.example.org", NULL, "2001:0DB8:0:0::0010",
	                   "2001:db8::20", &done, &err),
	            &err);
	assert_int_equal(done, DNS_CHANGED);
	expect_addresses("mail.example.org", "2001:db8::20 203.0.113.10", 30);
	assert_fails(change("mover", "mail.example.org", NULL, "203.0.113.10", "2001:db8::20",
	                    &done, &err),
	             &err, "one family");
}

static void the_other_addresses_of_a_name_stay(void **state)
{
	enum dns_change_result done;
	struct error err = { 0 };

	(void)state;
	assert_good(change("mover", "two.example.org", NULL, "203.0.113.10", "203.0.113.20", &done,
	                   &err),
	            &err);
	expect_addresses("two.example.org", "203.0.113.11 203.0.113.20", 30);
}

static void what_somebody_else_has_changed_is_left_alone(void **state)
{
	enum dns_change_result done;
	struct error err = { 0 };

	(void)state;
	assert_fails(
		change("mover", "two.example.org", NULL, "192.0.2.1", "192.0.2.2", &done, &err),
		&err, "neither the old address 192.0.2.1 nor the new one");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
	assert_fails(change("mover", "imap.example.org", NULL, "203.0.113.10", "203.0.113.20",
	                    &done, &err),
	             &err, "only another name for mail.example.org");
}

/* A server that answers questions with what was true a moment ago ("race" is 203.0.113.10), and
 * hands updates through to the BIND that knows better. */
static void live_in_the_past(int ready)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53) };
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
	unsigned char m[600];

	at.sin_addr.s_addr = htonl(0x7f00003c);
	if (bind(udp, (struct sockaddr *)&at, sizeof at) < 0 ||
	    bind(tcp, (struct sockaddr *)&at, sizeof at) < 0 || listen(tcp, 5) < 0)
		_exit(1);
	(void)!write(ready, "r", 1);
	for (;;) {
		struct pollfd p[] = { { .fd = udp, .events = POLLIN },
			              { .fd = tcp, .events = POLLIN } };
		struct sockaddr_in from;
		socklen_t size = sizeof from;

		poll(p, 2, -1);
		if (p[0].revents &&
		    recvfrom(udp, m, 500, 0, (struct sockaddr *)&from, &size) > 12) {
			size_t n = 12 + sizeof "\4race\7example\3org" + 4; /* with its question */

			memcpy(m + 2, "\x84\0\0\1\0\1\0\0\0\0", 10);
			memcpy(m + n, "\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\xcb\0\x71\x0a", 16);
			sendto(udp, m, n + 16, 0, (struct sockaddr *)&from, size);
		}
		if (p[1].revents) {
			struct sockaddr_in bind_at = at;
			int client = accept(tcp, NULL, NULL),
			    server = socket(AF_INET, SOCK_STREAM, 0);
			ssize_t n;

			bind_at.sin_addr.s_addr = htonl(0x7f000035);
			(void)connect(server, (struct sockaddr *)&bind_at, sizeof bind_at);
			n = recv(client, m, sizeof m, 0);
			(void)!write(server, m, n > 0 ? (size_t)n : 0);
			n = recv(server, m, sizeof m, 0);
			(void)!write(client, m, n > 0 ? (size_t)n : 0);
			close(client);
			close(server);
		}
	}
}

static void a_change_between_reading_and_writing_is_not_overwritten(void **state)
{
	AUTO_FREE char *key_file = xasprintf("%s/mover.key", net.dir);
	struct config_dns dns = { .server = (char[]){ "127.0.0.60" },
		                  .port = 53,
		                  .key_file = key_file };
	struct dns_change c = { .name = "race.example.org",
		                .zone = "example.org",
		                .from = "203.0.113.10",
		                .to = "203.0.113.20",
		                .ttl = 30 };
	enum dns_change_result done;
	struct error err = { 0 };
	int ready[2];
	pid_t past;
	char octet;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	past = fork();
	if (past == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		live_in_the_past(ready[1]);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	assert_fails(dns_replace_address(&dns, &c, &done, &err), &err, "by somebody else");
	assert_int_equal(err.retry, ERROR_RETRY_LATER);
	kill(past, SIGKILL);
	waitpid(past, NULL, 0);
	expect_addresses("race.example.org", "203.0.113.99", 300);
}

static void each_refusal_says_what_to_do_and_never_the_secret(void **state)
{
	static const struct {
		const char *key, *name, *zone, *words, *hint;
	} rows[] = {
		{ NULL, "ns1.example.org", NULL, "REFUSED", "dns.key_file" },
		{ "nobody", "ns1.example.org", NULL, "REFUSED", "update-policy" },
		{ "badsig", "ns1.example.org", NULL, "BADSIG", "secret" },
		{ "badkey", "ns1.example.org", NULL, "BADKEY", "name" },
		{ "mover", "ns1.example.org", "example.com", "NOTAUTH", "primary" },
		{ "mover", "ns1.example.org", "example.net", "NOTZONE", "zone" },
		{ "mover", "www.example.com", NULL, "no zone for www.example.com", "primary" },
		{ "missing", "ns1.example.org", NULL, "missing.key", "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		enum dns_change_result done;
		struct error err = { 0 };

		assert_fails(change(rows[i].key, rows[i].name, rows[i].zone, "127.0.0.53",
		                    "127.0.0.55", &done, &err),
		             &err, rows[i].words);
		if (!strstr(err.hint, rows[i].hint))
			fail_msg("%s: \"%s\" is not in \"%s\"", rows[i].words, rows[i].hint,
			         err.hint);
		assert_null(strstr(err.text, "c2Vjcm"));
		assert_null(strstr(err.text, "YW5vd"));
	}
	expect_addresses("ns1.example.org", "127.0.0.53", 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_records_with_their_ttl_and_says_who_speaks),
		cmocka_unit_test(names_that_are_not_there_and_zones_of_others_are_answers_too),
		cmocka_unit_test(what_does_not_fit_into_a_packet_comes_by_tcp),
		cmocka_unit_test(a_whole_zone_is_read_by_those_who_may),
		cmocka_unit_test(a_server_is_asked_over_ipv6_as_well),
		cmocka_unit_test(a_dead_server_costs_the_time_out_and_no_more),
		cmocka_unit_test(the_mail_hosts_of_a_domain_come_in_order),
		cmocka_unit_test(addresses_of_both_families_come_with_the_longest_ttl),
		cmocka_unit_test(the_zone_of_a_name_is_found_with_all_its_servers),
		cmocka_unit_test(an_address_is_replaced_and_once_more_is_no_change),
		cmocka_unit_test(ipv6_goes_the_same_way_however_it_is_written),
		cmocka_unit_test(the_other_addresses_of_a_name_stay),
		cmocka_unit_test(what_somebody_else_has_changed_is_left_alone),
		cmocka_unit_test(a_change_between_reading_and_writing_is_not_overwritten),
		cmocka_unit_test(each_refusal_says_what_to_do_and_never_the_secret),
	};

	return cmocka_run_group_tests_name("dns/bind", tests, begin, finish);
}
