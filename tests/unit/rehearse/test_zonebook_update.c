/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/zonebook.h"

#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <ldns/ldns.h>
#include <string.h>

#define CLASS_NONE ((ldns_rr_class)254)

static void push(ldns_rr_list *to, const char *line, ldns_rr_class class)
{
	ldns_rr *rr = NULL;

	assert_int_equal(ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL), LDNS_STATUS_OK);
	ldns_rr_set_class(rr, class);
	ldns_rr_list_push_rr(to, rr);
}

/* From what to what mail.example.org is led, when it is `known` before; the answer's code. */
static unsigned update(struct zonebook *b, const char *known, const char *from, const char *to)
{
	ldns_rr_list *wanted = ldns_rr_list_new(), *changes = ldns_rr_list_new();
	AUTO_BUF struct buf reply = { 0 };
	ldns_pkt *p;
	uint8_t *wire;
	size_t n;
	unsigned rcode;

	push(wanted, known, LDNS_RR_CLASS_IN);
	push(changes, from, CLASS_NONE);
	push(changes, to, LDNS_RR_CLASS_IN);
	p = ldns_update_pkt_new(ldns_dname_new_frm_str("example.org."), LDNS_RR_CLASS_IN, wanted,
	                        changes, NULL);
	ldns_pkt_set_id(p, 4711);
	assert_int_equal(ldns_pkt2wire(&wire, p, &n), LDNS_STATUS_OK);
	assert_true(zonebook_serve(b, (struct span){ (char *)wire, n }, 512, &reply));
	assert_true(reply.n >= 12);
	assert_memory_equal(reply.p, wire, 2);
	rcode = (unsigned char)reply.p[3] & 15;
	LDNS_FREE(wire);
	ldns_pkt_free(p);
	ldns_rr_list_deep_free(wanted);
	ldns_rr_list_deep_free(changes);
	return rcode;
}

#define OLD "mail.example.org. 20 IN A 203.0.113.10"
#define NEW "mail.example.org. 20 IN A 203.0.113.20"

static void a_name_is_led_elsewhere_and_back(void **state)
{
	AUTO_ZONEBOOK struct zonebook b = { 0 };
	const struct dns_set *set;

	zonebook_add_zone(&b, "example.org");
	zonebook_add(&b, "mail.example.org", DNS_A, 20, "203.0.113.10");
	assert_int_equal(update(&b, OLD, OLD, NEW), DNS_NOERROR);
	set = zonebook_find(&b, "mail.example.org", DNS_A);
	assert_int_equal(set->data.n, 1);
	assert_string_equal(set->data.rows[0], "203.0.113.20");
	assert_int_equal(update(&b, NEW, NEW, OLD), DNS_NOERROR);
	set = zonebook_find(&b, "mail.example.org", DNS_A);
	assert_string_equal(set->data.rows[0], "203.0.113.10");
}

static void what_is_not_as_it_is_thought_to_be_stays_as_it_is(void **state)
{
	AUTO_ZONEBOOK struct zonebook b = { 0 };

	zonebook_add_zone(&b, "example.org");
	zonebook_add(&b, "mail.example.org", DNS_A, 20, "203.0.113.10");
	zonebook_add(&b, "mail.example.org", DNS_A, 20, "203.0.113.11");
	assert_int_equal(update(&b, OLD, OLD, NEW), DNS_NXRRSET);
	assert_int_equal(update(&b, NEW, OLD, NEW), DNS_NXRRSET);
	assert_int_equal(zonebook_find(&b, "mail.example.org", DNS_A)->data.n, 2);
}

static void a_copy_is_of_its_own(void **state)
{
	AUTO_ZONEBOOK struct zonebook a = { 0 }, b = { 0 };

	zonebook_add_zone(&a, "example.org");
	zonebook_add(&a, "mail.example.org", DNS_A, 20, "203.0.113.10");
	zonebook_copy(&b, &a);
	assert_int_equal(update(&b, OLD, OLD, NEW), DNS_NOERROR);
	assert_string_equal(zonebook_find(&a, "mail.example.org", DNS_A)->data.rows[0],
	                    "203.0.113.10");
	assert_int_equal(b.zones.n, 1);
}

static void what_is_torn_gets_no_answer(void **state)
{
	AUTO_ZONEBOOK struct zonebook b = { 0 };
	AUTO_BUF struct buf reply = { 0 };

	assert_false(zonebook_serve(&b, SPAN("\x12\x67\x28\0\0\1"), 512, &reply));
	assert_false(zonebook_serve(&b, SPAN(""), 512, &reply));
	assert_int_equal(reply.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_led_elsewhere_and_back),
		cmocka_unit_test(what_is_not_as_it_is_thought_to_be_stays_as_it_is),
		cmocka_unit_test(a_copy_is_of_its_own),
		cmocka_unit_test(what_is_torn_gets_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
