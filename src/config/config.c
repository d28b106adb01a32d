/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include "config/asking.h"
#include "config/document.h"
#include "config/schema.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

const char *config_reach_read(const char *words, enum config_reach *reach, const char **target)
{
	static const struct {
		const char *word, *least; /* the shortest that is good */
		enum config_reach reach;
	} rows[] = {
		{ "local", "local", CONFIG_LOCAL },
		{ "ssh:", "ssh:", CONFIG_SSH },
		{ "folder:", "folder:/", CONFIG_FOLDER },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *rest = words + strlen(rows[i].word);

		if (!span_starts(span_of(words), rows[i].least) ||
		    (rows[i].reach == CONFIG_LOCAL) != !*rest)
			continue;
		*reach = rows[i].reach;
		*target = rest;
		/* ssh(1) would take it for an option */
		return *reach == CONFIG_SSH && *rest == '-'
		               ? "is no host: its name does not begin with '-'"
		               : NULL;
	}
	return "is none of: local, ssh:[USER@]HOST, folder:/PATH";
}

static int read_host(const struct yaml_file *y, const char *key, struct config_host *h,
                     struct error *err)
{
	AUTO_FREE char *at = xasprintf("%s.host", key);
	const char *target, *wrong = config_reach_read(h->target, &h->reach, &target);

	if (wrong)
		return yaml_error_at(y, at, err, "\"%s\" %s", h->target, wrong);
	if (h->reach != CONFIG_LOCAL)
		memmove(h->target, target, strlen(target) + 1);
	return 0;
}

struct word {
	const char *word;
	int value;
};

static int read_word(const struct yaml_file *y, const char *key, const char *given,
                     const struct word words[], int *out, struct error *err)
{
	AUTO_BUF struct buf all = { 0 };

	for (size_t i = 0; words[i].word; i++) {
		if (!strcmp(given, words[i].word)) {
			*out = words[i].value;
			return 0;
		}
		buf_addf(&all, "%s%s", i ? ", " : "", words[i].word);
	}
	return yaml_error_at(y, key, err, "\"%s\" is none of: %s", given, buf_text(&all));
}

static int family_of(const char *address)
{
	unsigned char octets[16];

	return inet_pton(AF_INET, address, octets) == 1    ? AF_INET
	       : inet_pton(AF_INET6, address, octets) == 1 ? AF_INET6
	                                                   : 0;
}

bool config_split_address(const char *text, char **address, unsigned *prefix)
{
	const char *slash = strchr(text, '/');
	AUTO_FREE char *host = xstrndup(text, slash ? (size_t)(slash - text) : 0);
	int family = family_of(host);
	uint64_t bits;

	if (!slash || !family || !text_parse_u64(slash + 1, &bits) || !bits ||
	    bits > (family == AF_INET ? 32 : 128))
		return false;
	*address = TAKE(host);
	*prefix = (unsigned)bits;
	return true;
}

bool config_gate_takes(const struct config *c)
{
	return c->close == CONFIG_CLOSE_SPOOL || c->close == CONFIG_CLOSE_RELAY;
}

bool config_turns_away(const struct config *c)
{
	for (unsigned i = 0; i < c->dns.records_count; i++)
		if (c->dns.records[i].closed_address)
			return true;
	return false;
}

static int check_paths(const struct yaml_file *y, const struct config *c, struct error *err)
{
	if (c->close != CONFIG_CLOSE_REFUSE && c->old_host.reach == CONFIG_FOLDER)
		return yaml_error_at(y, "close", err,
		                     "nothing can answer for an old host that is a folder: refuse");
	if (c->rehearse.old_root && c->rehearse.old_root[0] != '/')
		return yaml_error_at(y, "rehearse.old_root", err, "\"%s\" is no absolute path",
		                     c->rehearse.old_root);
	if (c->gate.spool && c->gate.spool[0] != '/')
		return yaml_error_at(y, "gate.spool", err, "\"%s\" is no absolute path",
		                     c->gate.spool);
	return 0;
}

/* Written in other ways they are the same; this is for slips of the pen. */
static int check_closed(const struct yaml_file *y, const struct config *c, const char *at,
                        const struct config_record *r, struct error *err)
{
	const char *closed = r->closed_address;

	if (!closed)
		return 0;
	if (c->switch_by == CONFIG_SWITCH_ADDRESS)
		return yaml_error_at(y, at, err,
		                     "switch: address changes no record, closed or not");
	if (family_of(closed) != family_of(r->old_address))
		return yaml_error_at(y, at, err, "closed must be an address of the same family");
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		const struct config_record *other = &c->dns.records[i];

		if (!strcmp(r->name, other->name) && !other->closed_address)
			return yaml_error_at(y, at, err,
			                     "%s leads to %s too, for which there is no closed: "
			                     "mail would go on to the old host by that",
			                     r->name, other->old_address);
		if (!strcmp(closed, other->old_address) || !strcmp(closed, other->new_address))
			return yaml_error_at(y, at, err,
			                     "closed is %s, which is an old or a new address too: "
			                     "it must be one where nobody ever takes mail",
			                     closed);
	}
	return 0;
}

static int check_dns(const struct yaml_file *y, const struct config *c, struct error *err)
{
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		const struct config_record *r = &c->dns.records[i];
		AUTO_FREE char *at = xasprintf("dns.records.%u", i);

		if (!family_of(r->old_address) ||
		    family_of(r->old_address) != family_of(r->new_address))
			return yaml_error_at(y, at, err,
			                     "old and new must be addresses of one family");
		if (check_closed(y, c, at, r, err) < 0)
			return -1;
	}
	for (unsigned i = 0; i < c->dns.changes_count; i++) {
		const struct config_change *change = &c->dns.changes[i];
		AUTO_FREE char *at = xasprintf("dns.changes.%u", i);

		if (!change->old_data && !change->new_data)
			return yaml_error_at(y, at, err, "neither old nor new: nothing to change");
	}
	if (c->switch_by == CONFIG_SWITCH_ADDRESS || c->dns.records_count)
		return 0;
	return yaml_error_at(y, "switch", err,
	                     "switching by DNS needs the names that change: dns.records");
}

static int check_switch(const struct yaml_file *y, const struct config *c, struct error *err)
{
	if (check_dns(y, c, err) < 0)
		return -1;
	if (c->switch_by == CONFIG_SWITCH_DNS && !c->dns.command_count &&
	    (!c->dns.server || !c->dns.key_file))
		return yaml_error_at(
			y, "dns", err,
			"switch: dns needs dns.server and dns.key_file, or dns.command");
	if (c->switch_by == CONFIG_SWITCH_ADDRESS && !c->address.addresses_count)
		return yaml_error_at(y, "address", err, "switch: address needs address.addresses");
	for (unsigned i = 0; i < c->address.addresses_count; i++) {
		AUTO_FREE char *at = xasprintf("address.addresses.%u", i);
		AUTO_FREE char *address = NULL;
		unsigned prefix;

		if (!config_split_address(c->address.addresses[i], &address, &prefix))
			return yaml_error_at(
				y, at, err,
				"\"%s\" is not an address with its prefix (203.0.113.10/24)",
				c->address.addresses[i]);
	}
	return 0;
}

static int check_numbers(const struct yaml_file *y, const struct config *c, struct error *err)
{
	const struct {
		const char *key;
		uint32_t value, least, most;
	} rows[] = {
		{ "window.budget", c->window.budget, 5, 14400 },
		{ "window.session_grace", c->window.session_grace, 0, 3600 },
		{ "window.flush_wait", c->window.flush_wait, 0, 3600 },
		{ "canary.wait", c->canary.wait, 1, 3600 },
		{ "gate.port", c->gate.port, 1, 65535 },
		{ "gate.wait", c->gate.wait, 1, 86400 },
		{ "watch_interval", c->watch_interval, 1, 3600 },
		{ "dns.ttl", c->dns.ttl, 1, 604800 },
		{ "lists.waves", c->lists.waves, 1, 1000 },
		{ "dns.most_records", c->dns.most_records, 1, 100000 },
		{ "dns.most_share", c->dns.most_share, 1, 100 },
		{ "limit.load", c->limit.load, 0, 10000 },
		{ "check.greylist", c->check.greylist, 1, 86400 },
		{ "check.burst", c->check.burst, 1, 1000 },
		{ "check.flood", c->check.flood, 1, 10000 },
		{ "limit.io_pressure", c->limit.io_pressure, 0, 100 },
	};

	if (c->limit.rate && c->limit.rate < CONFIG_RATE_LEAST)
		return yaml_error_at(y, "limit.rate", err,
		                     "limit.rate is %u octets a second, less than %u",
		                     c->limit.rate, CONFIG_RATE_LEAST);
	for (size_t i = 0; i < ROWS(rows); i++)
		if (rows[i].value < rows[i].least || rows[i].value > rows[i].most)
			return yaml_error_at(y, rows[i].key, err, "%s is %u, not from %u to %u",
			                     rows[i].key, rows[i].value, rows[i].least,
			                     rows[i].most);
	return 0;
}

static void set_defaults(struct config *c)
{
	const struct {
		uint32_t *value, standard;
	} rows[] = {
		{ &c->window.budget, 3600 },   { &c->window.session_grace, 20 },
		{ &c->window.flush_wait, 30 }, { &c->canary.wait, 120 },
		{ &c->watch_interval, 60 },    { &c->dns.ttl, 300 },
		{ &c->gate.wait, 600 },        { &c->lists.waves, 1 },
		{ &c->dns.most_records, 20 },  { &c->dns.most_share, 30 },
		{ &c->check.greylist, 3600 },  { &c->check.burst, 50 },
		{ &c->check.flood, 500 },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (!*rows[i].value)
			*rows[i].value = rows[i].standard;
	if (!c->dns.port)
		c->dns.port = 53;
	if (!c->gate.port)
		c->gate.port = 25025;
}

/* What only one of the managers of lists can do. */
static int check_lists(const struct yaml_file *y, const struct config *c, struct error *err)
{
	const char *program = c->lists.mailman, *web = c->lists.mailman_web;

	if (c->lists.bulk && c->lists_to != CONFIG_LISTS_MAILMAN3)
		return yaml_error_at(y, "lists.bulk", err,
		                     "lists.bulk: only members for a Mailman 3 go in bulk");
	if (c->archives_to && c->lists_to != CONFIG_LISTS_MAILMAN3)
		return yaml_error_at(
			y, "lists.archives", err,
			"lists.archives: hyperkitty goes with lists.to: mailman3; else "
			"archives go with their lists");
	if (c->lists_to != CONFIG_LISTS_MAILMAN3)
		return 0;
	if (web && (*web != '/' || (!span_ends(span_of(web), "/mailman-web") &&
	                            !span_ends(span_of(web), "/manage.py"))))
		return yaml_error_at(
			y, "lists.mailman_web", err,
			"lists.mailman_web: \"%s\" is no path that ends in /mailman-web or "
			"/manage.py",
			web);
	if (program && (*program != '/' || !span_ends(span_of(program), "/mailman")))
		return yaml_error_at(y, "lists.mailman", err,
		                     "lists.mailman: \"%s\" is no path that ends in /mailman",
		                     program);
	if (c->new_host.reach == CONFIG_FOLDER)
		return yaml_error_at(y, "lists.to", err,
		                     "lists.to: mailman3 has to run: new.host can't be a folder");
	if (c->lists.waves > 1)
		return yaml_error_at(y, "lists.waves", err,
		                     "lists.waves: into a Mailman 3 all lists go together");
	return 0;
}

/* Texts of the file, of which each is one of a few words. */
static int read_words(const struct yaml_file *y, struct config_file *f, struct error *err)
{
	static const struct word closes[] = { { "refuse", CONFIG_CLOSE_REFUSE },
		                              { "defer", CONFIG_CLOSE_DEFER },
		                              { "spool", CONFIG_CLOSE_SPOOL },
		                              { "relay", CONFIG_CLOSE_RELAY },
		                              { 0 } };
	static const struct word switches[] = { { "address", CONFIG_SWITCH_ADDRESS },
		                                { "dns", CONFIG_SWITCH_DNS },
		                                { "manual", CONFIG_SWITCH_MANUAL },
		                                { 0 } };
	static const struct word formats[] = { { "mbox", CONFIG_MBOX_TO_MBOX },
		                               { "maildir", CONFIG_MBOX_TO_MAILDIR },
		                               { "maildir++", CONFIG_MBOX_TO_MAILDIRPP },
		                               { 0 } };
	static const struct word managers[] = { { "mailman21", CONFIG_LISTS_MAILMAN21 },
		                                { "mailman3", CONFIG_LISTS_MAILMAN3 },
		                                { "none", CONFIG_LISTS_NONE },
		                                { 0 } };
	static const struct word archivers[] = { { "none", CONFIG_ARCHIVES_NONE },
		                                 { "hyperkitty", CONFIG_ARCHIVES_HYPERKITTY },
		                                 { 0 } };
	int closes_by = CONFIG_CLOSE_REFUSE, switches_by = CONFIG_SWITCH_MANUAL;
	int mbox_to = CONFIG_MBOX_TO_MBOX, lists_to = CONFIG_LISTS_MAILMAN21;
	int archives_to = CONFIG_ARCHIVES_NONE;
	const struct {
		const char *key, *given; /* NULL: the standard stays */
		const struct word *words;
		int *value;
	} rows[] = {
		{ "close", f->close_word, closes, &closes_by },
		{ "switch", f->switch_word, switches, &switches_by },
		{ "mailboxes.mbox_to", f->mailboxes.mbox_to, formats, &mbox_to },
		{ "lists.to", f->lists.to, managers, &lists_to },
		{ "lists.archives", f->lists.archives, archivers, &archives_to },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (rows[i].given &&
		    read_word(y, rows[i].key, rows[i].given, rows[i].words, rows[i].value, err) < 0)
			return -1;
	f->c.close = (enum config_close)closes_by;
	f->c.switch_by = (enum config_switch)switches_by;
	f->c.mbox_to = (enum config_mbox)mbox_to;
	f->c.lists_to = (enum config_lists)lists_to;
	f->c.archives_to = (enum config_archives)archives_to;
	return 0;
}

static int check(const struct yaml_file *y, struct config_file *f, struct error *err)
{
	struct config *c = &f->c;

	c->lists = f->lists.rest; /* its texts stay with the file */
	set_defaults(c);
	if (read_host(y, "old", &c->old_host, err) < 0 ||
	    read_host(y, "new", &c->new_host, err) < 0 || read_words(y, f, err) < 0)
		return -1;
	if (c->new_host.reach == CONFIG_SSH)
		return yaml_error_at(
			y, "new.host", err,
			"the new host is the one mailhaul runs on: local, or folder:/PATH");
	if (check_lists(y, c, err) < 0 || check_paths(y, c, err) < 0 ||
	    config_check_asking(y, &c->check, err) < 0)
		return -1;
	return check_switch(y, c, err) < 0 ? -1 : check_numbers(y, c, err);
}

static void file_free(struct config_file *f)
{
	free(f->c.file);
	f->c.file = NULL;
	cyaml_free(yaml_config(), &config_file_schema, f, 0);
}
CLEANUP_DEFINE(struct config_file, file_free);

int config_load(struct config **out, const char *file, struct error *err)
{
	AUTO_YAML struct yaml_file y = { 0 };
	void *made = NULL;

	if (yaml_open(&y, file, err) < 0) {
		if (err->sys_errno == ENOENT)
			error_hint(
				err,
				"`mailhaul init OLD NEW` writes one; -m names the move's folder");
		return -1;
	}
	if (yaml_load(&y, &config_file_schema, &made, err) < 0)
		return -1;

	__attribute__((cleanup(file_free_at))) struct config_file *f = made;
	f->c.file = xstrdup(file);
	if (check(&y, f, err) < 0)
		return -1;
	*out = &f->c;
	f = NULL;
	return 0;
}

void config_free(struct config *c)
{
	/* the first member of what was loaded */
	if (c)
		file_free((struct config_file *)c);
}
