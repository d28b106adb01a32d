/* SPDX-License-Identifier: BSD-2-Clause */

/* Since when old answers run out, by what the journal of zones has. */

#include "base/memory.h"
#include "dns/edits.h"
#include "dns/lowered.h"
#include "state/zones.h"
#include "unit/state/place.h"
#include "unit/unit.h"

#define OLD "203.0.113.10"
#define NEW "203.0.113.20"
#define CLOSED "203.0.113.30"

static struct config_record records[] = {
	{ .name = (char[]){ "mail.example.org" },
	  .old_address = (char[]){ OLD },
	  .new_address = (char[]){ NEW },
	  .closed_address = (char[]){ CLOSED } },
};
static const struct config config = { .dns = { .records = records, .records_count = 1 } };

/* One name's change from an answer of `ttl` seconds to `address`. */
static int64_t change(struct state *s, const char *kind, const char *name, uint32_t ttl,
                      const char *address)
{
	AUTO_EDITS struct dns_edits e = { 0 };
	AUTO_BUF struct buf json = { 0 };
	struct error err = { 0 };
	int64_t id = 0;

	ARRAY_GROW(e.rows, e.n, e.room);
	e.rows[e.n++] = (struct dns_edit){
		.zone = xstrdup("example.org"),
		.before = { .name = xstrdup(name), .type = DNS_A, .ttl = ttl },
		.after = { .name = xstrdup(name), .type = DNS_A, .ttl = 60 },
	};
	strings_add(&e.rows[0].before.data, OLD);
	strings_add(&e.rows[0].after.data, address);
	dns_edits_add_json(&json, &e);
	assert_good(zone_change_begin(s, kind, buf_text(&json), &id, &err), &err);
	return id;
}

static void mark(struct state *s, int64_t id, enum zone_mark what, int64_t at_ms)
{
	struct error err = { 0 };

	assert_good(zone_change_mark(s, id, what, at_ms, &err), &err);
}

static void assert_turned(struct state *s, int64_t want_ms, uint32_t want_ttl)
{
	struct error err = { 0 };
	int64_t at_ms = -1;
	uint32_t ttl = 1;

	assert_good(dns_turned_read(&config, s, &at_ms, &ttl, &err), &err);
	assert_int_equal(at_ms, want_ms);
	assert_int_equal(ttl, want_ttl);
}

static void a_name_is_turned_when_a_change_leads_it_away_from_old(void **state)
{
	static const struct {
		const char *kind, *name, *address;
		bool turned;
	} rows[] = {
		{ "apply", "mail.example.org", NEW, true },
		{ DNS_KIND_SWITCH, "MAIL.example.org", NEW, true },
		/* the first of two steps: nobody reaches old there, and caches still have it */
		{ DNS_KIND_AWAY, "mail.example.org", CLOSED, true },
		{ "lower-ttl", "mail.example.org", OLD, false },
		{ "apply", "mail.example.org", OLD, false },
		{ "apply", "www.example.org", NEW, false },
	};

	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };

	assert_good(state_open(&s, dir, &err), &err);
	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t id = change(s, rows[i].kind, rows[i].name, 3600, rows[i].address);

		assert_turned(s, 0, 0); /* begun is not done */
		mark(s, id, ZONE_DONE, 1000);
		assert_turned(s, rows[i].turned ? 1000 : 0, rows[i].turned ? 3600 : 0);
		mark(s, id, ZONE_UNDO_BEGUN, 2000);
		mark(s, id, ZONE_UNDONE, 3000);
		assert_turned(s, 0, 0); /* nor does the next row see it */
	}
}

static void the_last_change_counts(void **state)
{
	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };

	assert_good(state_open(&s, dir, &err), &err);
	mark(s, change(s, DNS_KIND_AWAY, "mail.example.org", 3600, CLOSED), ZONE_DONE, 1000);
	mark(s, change(s, "apply", "mail.example.org", 60, NEW), ZONE_DONE, 5000);
	assert_turned(s, 5000, 60);
}

UNIT_TESTS("dns/lowered",
           cmocka_unit_test_setup_teardown(a_name_is_turned_when_a_change_leads_it_away_from_old,
                                           set_up, tear_down),
           cmocka_unit_test_setup_teardown(the_last_change_counts, set_up, tear_down));
