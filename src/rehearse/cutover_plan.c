/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/cutover.h"

#include "rehearse/rehearse.h"

#include "base/file.h"
#include "base/memory.h"
#include "move/interface.h"
#include "move/move.h"
#include "state/items.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_LEAST_MB 64u
#define DISK_MOST_MB (1023u << 10)

void cutover_plan_fini(struct cutover_plan *p)
{
	for (size_t i = 0; i < p->people_n; i++)
		free(p->people[i].address);
	free(p->skipped);
	free(p->root);
	free(p->hostname);
	free(p->disk);
	stage_plan_fini(&p->stage);
	services_fini(&p->services);
	zonebook_fini(&p->now);
	account_pairs_fini(&p->accounts);
	strings_fini(&p->notes);
}

/* ── whether it can be ───────────────────────────────────────────────────────────────────────── */

/* The caller owns the words; NULL: it can be. */
static char *why_not_yet(const struct cutover_plan *p, struct state *s)
{
	static const struct {
		const char *fact, *words;
	} rows[] = {
		{ "survey.at_ms", "nothing was surveyed yet: `mailhaul survey`" },
		{ "prepare.at_ms", "the new host is not prepared yet: `mailhaul prepare`" },
		{ "seed.at_ms", "nothing was copied yet: `mailhaul seed`" },
	};
	enum move_phase phase;
	struct error err = { 0 };
	int64_t at;

	if (move_phase_read(s, &phase, &at, &err) < 0)
		return xstrdup(err.text);
	if (phase != MOVE_IDLE && phase != MOVE_GONE_BACK)
		return xasprintf("the cut-over is %s", move_phase_name(phase));
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (state_get_i64(s, rows[i].fact, 0, &at, &err) < 0)
			return xstrdup(err.text);
		if (!at)
			return xstrdup(rows[i].words);
	}
	for (size_t i = 0; i < p->accounts.n; i++)
		if (!p->accounts.rows[i].prepared)
			return xasprintf("%s has no place on the new host yet: `mailhaul prepare`",
			                 p->accounts.rows[i].from.user);
	return NULL;
}

static char *why_no_folder(struct cutover_plan *p, const struct config *c)
{
	AUTO_FREE char *etc = NULL;
	struct stat s;

	if (!p->live)
		p->root = realpath(c->old_host.target, NULL);
	else if (c->rehearse.old_root)
		p->root = realpath(c->rehearse.old_root, NULL);
	else
		return xstrdup("the old host is somewhere else; with a folder here that holds all "
		               "its files (a snapshot, a restored backup, a copy), "
		               "rehearse.old_root in move.yaml names it");
	etc = xasprintf("%s/etc", p->root ? p->root : "");
	if (p->root && stat(etc, &s) == 0 && S_ISDIR(s.st_mode))
		return NULL;
	return xasprintf("%s holds no host's files",
	                 p->live ? c->rehearse.old_root : c->old_host.target);
}

/* ── its parts ───────────────────────────────────────────────────────────────────────────────── */

static bool is_among(const struct strings *with_prefix, const char *one)
{
	size_t n = strcspn(one, "/") + 1;

	for (size_t i = 0; i < with_prefix->n; i++)
		if (!strncmp(with_prefix->rows[i], one, n))
			return true;
	return false;
}

static void add_address(struct strings *out, const char *address)
{
	char with_prefix[80];

	snprintf(with_prefix, sizeof with_prefix, "%s/%d", address,
	         strchr(address, ':') ? 128 : 32);
	if (!is_among(out, with_prefix))
		strings_add(out, with_prefix);
}

/* Those that its services are bound to; "0.0.0.0", "::" and loopback are everybody's. */
static int add_bound(struct strings *out, struct state *s, struct error *err)
{
	AUTO_ITEMS struct items items = { 0 };

	if (items_load(s, "old", "listener", &items, err) < 0)
		return -1;
	for (size_t i = 0; i < items.n; i++) {
		json_t *detail = json_loads(items.rows[i].detail, 0, NULL);
		const char *address = json_string_value(json_object_get(detail, "address"));

		if (address && strcmp(address, "0.0.0.0") != 0 && strcmp(address, "::") != 0 &&
		    strcmp(address, "::1") != 0 && strncmp(address, "127.", 4) != 0 &&
		    strncmp(address, "fe80:", 5) != 0)
			add_address(out, address);
		json_decref(detail);
	}
	return 0;
}

/* All that it has, where it can be asked. */
static int add_assigned(struct strings *out, struct host *old, struct error *err)
{
	AUTO_STRINGS struct strings all = { 0 };

	if (interface_addresses(old, false, &all, err) < 0 ||
	    interface_addresses(old, true, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		add_address(out, all.rows[i]);
	return 0;
}

static int read_old_addresses(struct strings *out, const struct config *c, struct state *s,
                              struct host *old, struct error *err)
{
	for (unsigned i = 0;
	     c->switch_by == CONFIG_SWITCH_ADDRESS && i < c->address.addresses_count; i++)
		strings_add(out, c->address.addresses[i]);
	for (unsigned i = 0; c->switch_by != CONFIG_SWITCH_ADDRESS && i < c->dns.records_count; i++)
		add_address(out, c->dns.records[i].old_address);
	if (c->address.old_keeps)
		add_address(out, c->address.old_keeps);
	if (old && host_reach(old) != HOST_FOLDER && add_assigned(out, old, err) < 0)
		return -1;
	return add_bound(out, s, err);
}

/* As it is before the switch: an address that moves is old's. */
static void read_new_addresses(struct cutover_plan *p, const struct strings *own)
{
	for (size_t i = 0; i < own->n; i++)
		if (!is_among(&p->stage.old_addresses, own->rows[i]))
			strings_add(&p->stage.addresses, own->rows[i]);
}

static void read_hostname(struct cutover_plan *p, int root)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line = { 0 };
	struct error err = { 0 };

	if (file_read_below(root, "etc/hostname", 256, &text, &err) == 0) {
		rest = buf_span(&text);
		span_next_line(&rest, &line);
	}
	line = span_trim(line);
	p->hostname = line.n ? span_dup(line) : xstrdup("old");
}

static void read_services(struct cutover_plan *p, const struct config *c, int root)
{
	static const struct strings none;
	AUTO_STRINGS struct strings commands = { 0 };

	for (unsigned i = 0; i < c->rehearse.old_commands_count; i++)
		strings_add(&commands, c->rehearse.old_commands[i]);
	services_find(&p->services, root, &none, &commands);
}

/* So that a copy has as much room as the host. */
static void read_room(struct cutover_plan *p)
{
	const char *home = p->accounts.n ? p->accounts.rows[0].to.home : NULL;
	struct statvfs s;
	uint64_t mb;

	if (statvfs(home ? home : "/", &s) < 0)
		return;
	mb = (uint64_t)s.f_bavail * s.f_frsize >> 20;
	mb = mb < DISK_LEAST_MB ? DISK_LEAST_MB : mb > DISK_MOST_MB ? DISK_MOST_MB : mb;
	p->disk = xasprintf("%lluM", (unsigned long long)mb);
}

/* ── who gets mail ───────────────────────────────────────────────────────────────────────────── */

static bool is_led_elsewhere(const struct rehearse_plan *p, const struct account_pair *pair,
                             const struct items *aliases, int root)
{
	AUTO_FREE char *path = xasprintf("%s/.forward", pair->from.home ? pair->from.home : "");
	AUTO_CLOSE int forward = file_open_below(root, path, O_PATH | O_CLOEXEC, 0);
	size_t n = strlen(pair->from.user);

	/* "sales (/etc/aliases)" */
	for (size_t i = 0; i < aliases->n; i++)
		if (!strncmp(aliases->rows[i].name, pair->from.user, n) &&
		    !strncmp(aliases->rows[i].name + n, " (", 2))
			return true;
	for (size_t i = 0; i < p->scripts.n; i++)
		if (!strncmp(p->scripts.rows[i], pair->from.user, n) &&
		    p->scripts.rows[i][n] == ' ')
			return true;
	return forward >= 0;
}

/* The caller owns it; NULL: there is none. */
static char *address_of(const struct rehearse_plan *p, const char *user)
{
	if (strchr(user, '@'))
		return strings_has(&p->letters, user) ? xstrdup(user) : NULL;
	for (size_t i = 0; i < p->domains.n; i++) {
		AUTO_FREE char *address = xasprintf("%s@%s", user, p->domains.rows[i]);

		if (strings_has(&p->letters, address))
			return TAKE(address);
	}
	return NULL;
}

static int choose_people(struct cutover_plan *c, const struct rehearse_plan *p, int root,
                         struct state *s, struct error *err)
{
	AUTO_ITEMS struct items aliases = { 0 };

	if (items_load(s, "old", "alias", &aliases, err) < 0)
		return -1;
	/* from both ends: users of the system and others are sorted apart, as a rule */
	for (size_t i = 0; i < c->accounts.n && c->people_n < CUTOVER_PEOPLE; i++) {
		const struct account_pair
			*pair = &c->accounts.rows[i % 2 ? c->accounts.n - 1 - i / 2 : i / 2];
		char *address = is_led_elsewhere(p, pair, &aliases, root)
		                        ? NULL
		                        : address_of(p, pair->from.user);

		if (address)
			c->people[c->people_n++] = (struct cutover_person){ address, pair };
	}
	return 0;
}

static void note_strategy(struct cutover_plan *p, const struct config *c)
{
	if (c->switch_by == CONFIG_SWITCH_MANUAL)
		strings_add(&p->notes, "cut-over: nobody is asked to switch: it is done by itself");
	if (c->switch_by == CONFIG_SWITCH_DNS && c->dns.command_count)
		strings_addf(&p->notes,
		             "cut-over: %s is not run, as it would lead out: the change is made "
		             "in the pretended DNS",
		             c->dns.command[0]);
	if (config_turns_away(c))
		strings_add(&p->notes, "cut-over: the closed address is not waited for: the names "
		                       "are led over in one step");
}

int cutover_plan_read(struct cutover_plan *out, const struct rehearse_plan *p, struct state *s,
                      struct host *old, struct error *err)
{
	const struct config *c = p->config;
	AUTO_CLOSE int root = -1;

	out->live = c->old_host.reach != CONFIG_FOLDER;
	if (survey_accounts(s, &out->accounts, err) < 0)
		return -1;
	out->skipped = why_no_folder(out, c);
	if (!out->skipped)
		out->skipped = why_not_yet(out, s);
	if (out->skipped)
		return 0;
	root = open(out->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_system(err, "open %s", out->root);
	if (read_old_addresses(&out->stage.old_addresses, c, s, old, err) < 0 ||
	    choose_people(out, p, root, s, err) < 0)
		return -1;
	read_new_addresses(out, &p->stage.addresses);
	read_hostname(out, root);
	read_room(out);
	if (out->live)
		read_services(out, c, root);
	note_strategy(out, c);
	if (!out->people_n)
		strings_add(&out->notes, "cut-over: no mail is sent meanwhile, as everybody has a "
		                         "Sieve script, a .forward or an alias");
	if (!out->stage.old_addresses.n || !out->stage.addresses.n)
		out->skipped = xasprintf("move.yaml names no address of the %s host",
		                         out->stage.addresses.n ? "old" : "new");
	return 0;
}
