/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/memory.h"
#include "move/lists_mailman3.h"
#include "move/move.h"
#include "state/items.h"
#include "survey/accounts.h"

#include <stdlib.h>
#include <string.h>

#define PORT_SMTP 25
#define STEP_MS 20000

void check_site_fini(struct check_site *s)
{
	strings_fini(&s->domains);
	strings_fini(&s->addresses[CHECK_OLD]);
	strings_fini(&s->addresses[CHECK_NEW]);
	strings_fini(&s->recipients);
	strings_fini(&s->mailman3);
	strings_fini(&s->outside);
	dns_servers_fini(&s->resolvers);
	*s = (struct check_site){ 0 };
}

static void add_once(struct strings *out, const char *text)
{
	if (!strings_has(out, text))
		strings_add(out, text);
}

/* Where the service is switched by DNS, or by hand with records given, both sides stand in move.yaml.
 * An address that moves is the old side's; the new one has it when it has moved. */
static void read_addresses(struct check_site *s)
{
	const struct config *c = s->config;

	if (c->switch_by == CONFIG_SWITCH_ADDRESS) {
		bool moved = s->window & (CHECK_OPEN | CHECK_AFTER);

		for (unsigned i = 0; i < c->address.addresses_count; i++) {
			AUTO_FREE char *address = NULL;
			unsigned prefix;

			if (config_split_address(c->address.addresses[i], &address, &prefix))
				add_once(&s->addresses[moved ? CHECK_NEW : CHECK_OLD], address);
		}
		return;
	}
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		add_once(&s->addresses[CHECK_OLD], c->dns.records[i].old_address);
		add_once(&s->addresses[CHECK_NEW], c->dns.records[i].new_address);
	}
}

/* A name of a mail host is no domain that mail is sent to. */
static bool is_host_name(const struct check_site *s, const char *name)
{
	for (unsigned i = 0; i < s->config->dns.records_count; i++)
		if (!strcmp(s->config->dns.records[i].name, name))
			return true;
	return false;
}

static void read_outside(struct check_site *s)
{
	for (unsigned i = 0; i < s->config->canary.outside_count; i++) {
		const char *at = strrchr(s->config->canary.outside[i], '@');

		if (at && at[1])
			add_once(&s->outside, at + 1);
	}
}

static int read_people(struct check_site *s, struct state *state, struct strings *local,
                       struct error *err)
{
	AUTO_ACCOUNT_PAIRS struct account_pairs accounts = { 0 };
	struct error none = { 0 };

	if (survey_accounts(state, &accounts, &none) < 0) {
		if (none.retry == ERROR_RETRY_PERSON)
			return 0;
		*err = none;
		return -1;
	}
	for (size_t i = 0; i < accounts.n; i++) {
		const char *user = accounts.rows[i].from.user;

		if (strchr(user, '@')) {
			add_once(&s->recipients, user);
			continue;
		}
		for (size_t k = 0; k < local->n; k++) {
			AUTO_FREE char *address = xasprintf("%s@%s", user, local->rows[k]);

			add_once(&s->recipients, address);
		}
	}
	return 0;
}

static int read_state(struct check_site *s, struct state *state, struct error *err)
{
	AUTO_STRINGS struct strings local = { 0 };
	AUTO_ITEMS struct items items = { 0 };

	if (items_load(state, "old", "domain", &items, err) < 0)
		return -1;
	for (size_t i = 0; i < items.n; i++) {
		const struct item *item = &items.rows[i];

		if (item->class != ITEM_MUST || is_host_name(s, item->name))
			continue;
		if (!s->config->domains_count)
			add_once(&s->domains, item->name);
		if (strstr(item->detail, "\"local\""))
			strings_add(&local, item->name);
	}
	if (s->config->lists_to == CONFIG_LISTS_MAILMAN3 &&
	    mailman3_given(state, &s->mailman3, err) < 0)
		return -1;
	return read_people(s, state, &local, err);
}

static int read_window(struct check_site *s, struct state *state, struct error *err)
{
	static const unsigned windows[] = {
		[MOVE_IDLE] = CHECK_PRE,
		[MOVE_UNDER_WAY] = CHECK_FROZEN,
		[MOVE_FINISHED] = CHECK_OPEN | CHECK_AFTER,
		[MOVE_GOING_BACK] = CHECK_FROZEN,
		[MOVE_GONE_BACK] = CHECK_PRE,
	};
	enum move_phase phase;
	int64_t attempt;

	if (move_phase_read(state, &phase, &attempt, err) < 0)
		return -1;
	s->window = windows[phase];
	return 0;
}

int check_site_read(struct check_site *out, const struct config *c, struct state *s,
                    struct error *err)
{
	struct check_site made = {
		.config = c, .port = PORT_SMTP, .step_ms = STEP_MS, .window = CHECK_PRE
	};

	*out = made;
	for (unsigned i = 0; i < c->domains_count; i++)
		add_once(&out->domains, c->domains[i]);
	if ((s && (read_window(out, s, err) < 0 || read_state(out, s, err) < 0)) ||
	    dns_resolvers(&out->resolvers, (const char *const *)c->resolvers, c->resolvers_count,
	                  err) < 0) {
		check_site_fini(out);
		return -1;
	}
	read_addresses(out);
	read_outside(out);
	return 0;
}
