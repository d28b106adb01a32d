/* SPDX-License-Identifier: BSD-2-Clause */

/* A change of zones as a value. */

#include "base/memory.h"
#include "dns/edits.h"
#include "unit/unit.h"

#include <string.h>

static void add(struct dns_edits *e, const char *zone, const char *name, uint32_t ttl_before,
                const char *before, uint32_t ttl_after, const char *after)
{
	struct dns_edit *edit;

	ARRAY_GROW(e->rows, e->n, e->room);
	edit = &e->rows[e->n++];
	*edit = (struct dns_edit){
		.zone = xstrdup(zone),
		.before = { .name = xstrdup(name), .type = DNS_A, .ttl = ttl_before },
		.after = { .name = xstrdup(name), .type = DNS_A, .ttl = ttl_after },
	};
	struct span rest = { before, before ? strlen(before) : 0 }, word;
	while (span_next_word(&rest, &word))
		strings_add_span(&edit->before.data, word);
	rest = (struct span){ after, after ? strlen(after) : 0 };
	while (span_next_word(&rest, &word))
		strings_add_span(&edit->after.data, word);
}

static void zone_has(struct dns_edits *e, const char *zone, size_t records)
{
	ARRAY_GROW(e->zones, e->zones_n, e->zones_room);
	e->zones[e->zones_n++] = (struct dns_edit_zone){ .name = xstrdup(zone),
		                                         .records = records };
}

static void what_changes_is_counted_once(void **state)
{
	static const struct {
		const char *before, *after;
		uint32_t ttl_before, ttl_after;
		size_t n;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.2", 60, 60, 1 },
		{ "192.0.2.1 192.0.2.3", "192.0.2.2 192.0.2.3", 60, 60, 1 },
		{ "192.0.2.1 192.0.2.3", "192.0.2.1 192.0.2.3", 60, 30, 2 },
		{ NULL, "192.0.2.2", 0, 60, 1 },
		{ "192.0.2.1 192.0.2.2", NULL, 60, 0, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_EDITS struct dns_edits e = { 0 };

		add(&e, "example.org", "mail.example.org", rows[i].ttl_before, rows[i].before,
		    rows[i].ttl_after, rows[i].after);
		assert_int_equal(dns_edits_count(&e, NULL), rows[i].n);
		assert_int_equal(dns_edits_count(&e, "example.net"), 0);
	}
}

static void too_much_is_refused_by_number_and_by_share(void **state)
{
	struct config c = { .dns = { .most_records = 3, .most_share = 30 } };
	AUTO_EDITS struct dns_edits e = { 0 };
	struct error err = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		add(&e, "example.org",
		    i == 0   ? "a.example.org"
		    : i == 1 ? "b.example.org"
		             : "c",
		    60, "192.0.2.1", 60, "192.0.2.2");
	assert_good(dns_edits_limit(&c, &e, &err), &err); /* how many there are is not known */
	zone_has(&e, "example.org", 10);                  /* a small zone */
	assert_good(dns_edits_limit(&c, &e, &err), &err);
	e.zones[0].records = 11; /* 27 % */
	assert_good(dns_edits_limit(&c, &e, &err), &err);
	c.dns.most_share = 27;
	assert_int_equal(dns_edits_limit(&c, &e, &err), -1);
	assert_non_null(strstr(err.text, "3 of the 11 records of zone example.org"));
	c.dns.most_share = 100;
	c.dns.most_records = 2;
	assert_int_equal(dns_edits_limit(&c, &e, &err), -1);
	assert_non_null(strstr(err.text, "3 records would change, more than 2"));
}

static void it_is_kept_and_turned_round_without_loss(void **state)
{
	AUTO_EDITS struct dns_edits e = { 0 }, again = { 0 };
	AUTO_BUF struct buf text = { 0 }, shown = { 0 };
	struct error err = { 0 };

	(void)state;
	add(&e, "example.org", "mail.example.org", 3600, "192.0.2.1 192.0.2.3", 300,
	    "192.0.2.2 192.0.2.3");
	add(&e, "example.org", "new.example.org", 0, NULL, 300, "192.0.2.2");
	dns_edits_add_json(&text, &e);
	assert_good(dns_edits_read_json(buf_text(&text), &again, &err), &err);
	assert_int_equal(again.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(dns_set_equal(&e.rows[i].before, &again.rows[i].before));
		assert_true(dns_set_equal(&e.rows[i].after, &again.rows[i].after));
	}
	dns_edits_reverse(&again);
	dns_edits_add_diff(&shown, &again);
	assert_string_equal(buf_text(&shown), "zone example.org\n"
	                                      "- mail.example.org. 300 IN A 192.0.2.2\n"
	                                      "- mail.example.org. 300 IN A 192.0.2.3\n"
	                                      "+ mail.example.org. 3600 IN A 192.0.2.1\n"
	                                      "+ mail.example.org. 3600 IN A 192.0.2.3\n"
	                                      "- new.example.org. 300 IN A 192.0.2.2\n");
	assert_int_equal(dns_edits_read_json("{\"edits\": [{}]}", &again, &err), -1);
	assert_int_equal(dns_edits_read_json("{", &again, &err), -1);
}

static void data_has_one_way_of_writing(void **state)
{
	static const struct {
		const char *type, *data, *written;
	} rows[] = {
		{ "MX", "10 Mail.Example.ORG.", "10 mail.example.org." },
		{ "AAAA", "2001:DB8:0::1", "2001:db8::1" },
		{ "TXT", "v=spf1", "\"v=spf1\"" },
		{ "CNAME", "Mail.example.org.", "mail.example.org." },
		{ "A", "192.0.2.300", NULL },
		{ "MX", "mail.example.org.", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *out = NULL;
		struct error err = { 0 };
		int result = dns_data_canonical(dns_type_number(rows[i].type), rows[i].data, &out,
		                                &err);

		assert_int_equal(result, rows[i].written ? 0 : -1);
		if (rows[i].written)
			assert_string_equal(out, rows[i].written);
	}
}

UNIT_TESTS("dns/edits", cmocka_unit_test(what_changes_is_counted_once),
           cmocka_unit_test(too_much_is_refused_by_number_and_by_share),
           cmocka_unit_test(it_is_kept_and_turned_round_without_loss),
           cmocka_unit_test(data_has_one_way_of_writing));
