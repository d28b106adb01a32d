/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/internet.h"
#include "rehearse/zonebook.h"

#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <ldns/ldns.h>
#include <string.h>

/* A question as a client sends it. */
static void add_query(struct buf *out, const char *name, unsigned type)
{
	ldns_pkt *p = ldns_pkt_query_new(ldns_dname_new_frm_str(name), (ldns_rr_type)type,
	                                 LDNS_RR_CLASS_IN, LDNS_RD);
	uint8_t *wire;
	size_t n;

	ldns_pkt_set_id(p, 4711);
	assert_int_equal(ldns_pkt2wire(&wire, p, &n), LDNS_STATUS_OK);
	buf_add(out, wire, n);
	LDNS_FREE(wire);
	ldns_pkt_free(p);
}

/* "RCODE data data ...". */
static char *answer_of(const struct zonebook *b, const char *name, unsigned type)
{
	AUTO_BUF struct buf query = { 0 }, reply = { 0 }, out = { 0 };
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	add_query(&query, name, type);
	assert_true(zonebook_answer(b, buf_span(&query), 512, &reply));
	assert_memory_equal(reply.p, query.p, 2);
	assert_int_equal(dns_answer_parse(buf_span(&reply), &a, &err), 0);
	assert_true(a.authoritative);
	buf_add_text(&out, dns_rcode_name(a.rcode));
	for (size_t i = 0; i < a.answer.n; i++)
		buf_addf(&out, " %s", a.answer.rows[i].data);
	return buf_take(&out);
}

static void fill(struct zonebook *b)
{
	zonebook_add_zone(b, "Example.org.");
	zonebook_add(b, "example.org", DNS_MX, 300, "10 mail.example.org.");
	zonebook_add(b, "MAIL.example.org.", DNS_A, 20, "203.0.113.20");
	zonebook_add(b, "imap.example.org", DNS_CNAME, 300, "mail.example.org.");
	zonebook_add(b, "away.example.org", DNS_CNAME, 300, "www.example.com.");
	zonebook_add(b, "loop.example.org", DNS_CNAME, 300, "loop.example.org.");
	zonebook_add(b, "a._domainkey.example.org", DNS_TXT, 300, "\"v=DKIM1; p=x\"");
	zonebook_add(b, "*.wild.example.org", DNS_A, 300, "203.0.113.9");
	zonebook_add(b, "20.113.0.203.in-addr.arpa", 12, 300, "mail.example.org.");
}

static void a_zone_answers_as_it_will_be_and_the_rest_of_the_world_leads_to_the_catcher(
	void **state)
{
	static const struct {
		const char *name;
		unsigned type;
		const char *wanted;
	} rows[] = {
		{ "example.org", DNS_MX, "NOERROR mail.example.org" },
		{ "EXAMPLE.org", DNS_TXT, "NOERROR" },
		{ "mail.example.org", DNS_A, "NOERROR 203.0.113.20" },
		{ "imap.example.org", DNS_A, "NOERROR mail.example.org 203.0.113.20" },
		{ "away.example.org", DNS_A, "NOERROR www.example.com 198.18.0.25" },
		{ "loop.example.org", DNS_A,
		  "SERVFAIL loop.example.org loop.example.org loop.example.org loop.example.org "
		  "loop.example.org loop.example.org loop.example.org loop.example.org" },
		{ "_domainkey.example.org", DNS_TXT, "NOERROR" },
		{ "nobody.example.org", DNS_A, "NXDOMAIN" },
		{ "any.wild.example.org", DNS_A, "NOERROR 203.0.113.9" },
		{ "20.113.0.203.in-addr.arpa", 12, "NOERROR mail.example.org." },
		{ "1.2.0.192.in-addr.arpa", 12, "NXDOMAIN" },
		{ "11.0.18.198.in-addr.arpa", 12, "NOERROR mx.one.outside.example." },
		{ "one.outside.example", DNS_MX, "NOERROR mx.one.outside.example" },
		{ "_dmarc.two.outside.example", DNS_TXT, "NOERROR \"v=DMARC1; p=reject\"" },
		{ "two.outside.example", DNS_AAAA, "NOERROR 2001:2::12" },
		{ "example.com", DNS_MX, "NOERROR mx.outside.example" },
		{ "plain.outside.example", DNS_MX, "NOERROR mx.plain.outside.example" },
		{ "mx.plain.outside.example", DNS_A, "NOERROR 198.18.0.26" },
		{ "smtp.example.com", DNS_AAAA, "NOERROR 2001:2::25" },
		/* a block list that is asked for an address, and for a domain */
		{ "2.113.0.203.list.example.net", DNS_A, "NOERROR" },
		{ "example.com.list.example.net", DNS_A, "NOERROR" },
		{ "localhost", DNS_A, "NXDOMAIN" },
	};
	AUTO_ZONEBOOK struct zonebook b = { 0 };

	fill(&b);
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *got = answer_of(&b, rows[i].name, rows[i].type);

		assert_string_equal(got, rows[i].wanted);
	}
}

static void what_does_not_fit_is_cut_off_and_fits_by_tcp(void **state)
{
	AUTO_ZONEBOOK struct zonebook b = { 0 };
	AUTO_BUF struct buf query = { 0 }, udp = { 0 }, tcp = { 0 };

	fill(&b);
	for (int i = 0; i < 100; i++) {
		AUTO_FREE char *address = xasprintf("203.0.113.%d", i + 100);

		zonebook_add(&b, "many.example.org", DNS_A, 60, address);
	}
	add_query(&query, "many.example.org", DNS_A);
	assert_true(zonebook_answer(&b, buf_span(&query), 512, &udp));
	assert_true(udp.n <= 512 && udp.p[2] & 2);
	assert_true(zonebook_answer(&b, buf_span(&query), 0, &tcp));
	assert_true(tcp.n > 1600 && !(tcp.p[2] & 2));
}

static void an_answer_or_nonsense_is_not_answered(void **state)
{
	AUTO_ZONEBOOK struct zonebook b = { 0 };
	AUTO_BUF struct buf query = { 0 }, reply = { 0 };

	add_query(&query, "example.org", DNS_A);
	for (size_t n = 0; n < query.n; n++)
		assert_false(zonebook_answer(&b, (struct span){ query.p, n }, 512, &reply));
	query.p[2] = (char)(query.p[2] | 0x80);
	assert_false(zonebook_answer(&b, buf_span(&query), 512, &reply));
}

static void an_edit_replaces_a_set(void **state)
{
	AUTO_ZONEBOOK struct zonebook b = { 0 };
	AUTO_SET struct dns_set after = { .name = xstrdup("mail.example.org"),
		                          .type = DNS_A,
		                          .ttl = 60 };

	fill(&b);
	strings_add(&after.data, "203.0.113.30");
	zonebook_put(&b, &after);
	AUTO_FREE char *got = answer_of(&b, "imap.example.org", DNS_A);
	assert_string_equal(got, "NOERROR mail.example.org 203.0.113.30");
	strings_fini(&after.data);
	after.data = (struct strings){ 0 };
	zonebook_put(&b, &after);
	assert_null(zonebook_find(&b, "mail.example.org", DNS_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_zone_answers_as_it_will_be_and_the_rest_of_the_world_leads_to_the_catcher),
		cmocka_unit_test(what_does_not_fit_is_cut_off_and_fits_by_tcp),
		cmocka_unit_test(an_answer_or_nonsense_is_not_answered),
		cmocka_unit_test(an_edit_replaces_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
