/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include "config/asking.h"
#include "config/document.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX 1024
#define LIST_MAX 4096

/* What stands in the file; turned into struct config once it is checked. */
struct config_file {
	struct config c;
	char *close_word, *switch_word;
	struct mailboxes_file {
		char *mbox_to;
	} mailboxes;
	struct lists_file {
		char *to, *archives;
		struct config_mailing_lists rest;
	} lists;
};

#define OPTIONAL_TEXT(key, structure, member)                                                      \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member,   \
	                       0, TEXT_MAX)
#define TEXT(key, structure, member)                                                               \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, structure, member, 1, TEXT_MAX)
#define TEXTS(key, structure, member)                                                              \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member,     \
	                     &text_schema, 0, LIST_MAX)
#define SECONDS(key, structure, member)                                                            \
	CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, structure, member)

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX),
};

static const cyaml_schema_field_t host_fields[] = {
	TEXTS("ssh_options", struct config_host, ssh_options),
	CYAML_FIELD_STRING_PTR("host", CYAML_FLAG_POINTER, struct config_host, target, 1, TEXT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t record_fields[] = {
	TEXT("name", struct config_record, name),
	OPTIONAL_TEXT("zone", struct config_record, zone),
	TEXT("old", struct config_record, old_address),
	TEXT("new", struct config_record, new_address),
	OPTIONAL_TEXT("closed", struct config_record, closed_address),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t record_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_record, record_fields),
};

static const cyaml_schema_field_t change_fields[] = {
	TEXT("name", struct config_change, name),
	OPTIONAL_TEXT("zone", struct config_change, zone),
	TEXT("type", struct config_change, type),
	OPTIONAL_TEXT("old", struct config_change, old_data),
	OPTIONAL_TEXT("new", struct config_change, new_data),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t change_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_change, change_fields),
};

static const cyaml_schema_field_t dns_fields[] = {
	OPTIONAL_TEXT("server", struct config_dns, server),
	SECONDS("port", struct config_dns, port),
	OPTIONAL_TEXT("key_file", struct config_dns, key_file),
	SECONDS("ttl", struct config_dns, ttl),
	CYAML_FIELD_SEQUENCE("records", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_dns,
	                     records, &record_schema, 0, LIST_MAX),
	CYAML_FIELD_SEQUENCE("changes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_dns,
	                     changes, &change_schema, 0, LIST_MAX),
	TEXTS("command", struct config_dns, command),
	CYAML_FIELD_UINT("most_records", CYAML_FLAG_OPTIONAL, struct config_dns, most_records),
	CYAML_FIELD_UINT("most_share", CYAML_FLAG_OPTIONAL, struct config_dns, most_share),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t address_fields[] = {
	TEXTS("addresses", struct config_address, addresses),
	OPTIONAL_TEXT("old_interface", struct config_address, old_interface),
	OPTIONAL_TEXT("new_interface", struct config_address, new_interface),
	OPTIONAL_TEXT("old_keeps", struct config_address, old_keeps),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t gate_fields[] = {
	CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, struct config_gate, port),
	OPTIONAL_TEXT("spool", struct config_gate, spool),
	SECONDS("wait", struct config_gate, wait),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t window_fields[] = {
	SECONDS("budget", struct config_window, budget),
	SECONDS("session_grace", struct config_window, session_grace),
	SECONDS("flush_wait", struct config_window, flush_wait),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t limit_fields[] = {
	CYAML_FIELD_UINT("rate", CYAML_FLAG_OPTIONAL, struct config_limit, rate),
	CYAML_FIELD_UINT("load", CYAML_FLAG_OPTIONAL, struct config_limit, load),
	CYAML_FIELD_UINT("io_pressure", CYAML_FLAG_OPTIONAL, struct config_limit, io_pressure),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t canary_fields[] = {
	TEXT("mailbox", struct config_canary, mailbox),
	TEXTS("outside", struct config_canary, outside),
	SECONDS("wait", struct config_canary, wait),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t mailboxes_fields[] = {
	OPTIONAL_TEXT("mbox_to", struct mailboxes_file, mbox_to),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t lists_fields[] = {
	OPTIONAL_TEXT("to", struct lists_file, to),
	OPTIONAL_TEXT("old_prefix", struct lists_file, rest.old_prefix),
	OPTIONAL_TEXT("new_prefix", struct lists_file, rest.new_prefix),
	OPTIONAL_TEXT("mailman", struct lists_file, rest.mailman),
	OPTIONAL_TEXT("user", struct lists_file, rest.user),
	OPTIONAL_TEXT("archives", struct lists_file, archives),
	OPTIONAL_TEXT("mailman_web", struct lists_file, rest.mailman_web),
	OPTIONAL_TEXT("web_user", struct lists_file, rest.web_user),
	CYAML_FIELD_UINT("waves", CYAML_FLAG_OPTIONAL, struct lists_file, rest.waves),
	CYAML_FIELD_BOOL("bulk", CYAML_FLAG_OPTIONAL, struct lists_file, rest.bulk),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t redirect_fields[] = {
	TEXT("from", struct config_redirect, from),
	TEXT("to", struct config_redirect, to),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t redirect_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_redirect, redirect_fields),
};

static const cyaml_schema_field_t backup_fields[] = {
	TEXT("of", struct config_backup, of),
	OPTIONAL_TEXT("made", struct config_backup, made),
	CYAML_FIELD_UINT("hours", CYAML_FLAG_OPTIONAL, struct config_backup, hours),
	TEXTS("restore", struct config_backup, restore),
	OPTIONAL_TEXT("original", struct config_backup, original),
	OPTIONAL_TEXT("scratch", struct config_backup, scratch),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t backup_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_backup, backup_fields),
};

static const cyaml_schema_field_t check_fields[] = {
	TEXTS("dnsbl", struct config_check, dnsbl),
	OPTIONAL_TEXT("dnsbl_resolver", struct config_check, dnsbl_resolver),
	OPTIONAL_TEXT("recipient", struct config_check, recipient),
	OPTIONAL_TEXT("sender", struct config_check, sender),
	SECONDS("greylist", struct config_check, greylist),
	CYAML_FIELD_UINT("burst", CYAML_FLAG_OPTIONAL, struct config_check, burst),
	CYAML_FIELD_UINT("flood", CYAML_FLAG_OPTIONAL, struct config_check, flood),
	TEXTS("old_web", struct config_check, old_web),
	TEXTS("new_web", struct config_check, new_web),
	TEXTS("pages", struct config_check, pages),
	TEXTS("closed_pages", struct config_check, closed_pages),
	CYAML_FIELD_SEQUENCE("redirects", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                     struct config_check, redirects, &redirect_schema, 0, LIST_MAX),
	OPTIONAL_TEXT("redirect_map", struct config_check, redirect_map),
	OPTIONAL_TEXT("redirect_base", struct config_check, redirect_base),
	CYAML_FIELD_SEQUENCE("backups", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                     struct config_check, backups, &backup_schema, 0, LIST_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t account_fields[] = {
	TEXT("user", struct config_rehearse_account, user),
	TEXT("password", struct config_rehearse_account, password),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t account_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_rehearse_account, account_fields),
};

static const cyaml_schema_field_t rehearse_fields[] = {
	TEXTS("services", struct config_rehearse, services),
	TEXTS("commands", struct config_rehearse, commands),
	CYAML_FIELD_SEQUENCE("accounts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                     struct config_rehearse, accounts, &account_schema, 0, LIST_MAX),
	TEXTS("pages", struct config_rehearse, pages),
	OPTIONAL_TEXT("ca_file", struct config_rehearse, ca_file),
	OPTIONAL_TEXT("old_root", struct config_rehearse, old_root),
	TEXTS("old_commands", struct config_rehearse, old_commands),
	CYAML_FIELD_END,
};

#define PART(key, member, fields)                                                                  \
	CYAML_FIELD_MAPPING(key, CYAML_FLAG_OPTIONAL, struct config_file, c.member, fields)

static const cyaml_schema_field_t file_fields[] = {
	TEXT("name", struct config_file, c.name),
	CYAML_FIELD_MAPPING("old", CYAML_FLAG_DEFAULT, struct config_file, c.old_host, host_fields),
	CYAML_FIELD_MAPPING("new", CYAML_FLAG_DEFAULT, struct config_file, c.new_host, host_fields),
	TEXTS("domains", struct config_file, c.domains),
	OPTIONAL_TEXT("close", struct config_file, close_word),
	OPTIONAL_TEXT("close_text", struct config_file, c.close_text),
	OPTIONAL_TEXT("switch", struct config_file, switch_word),
	PART("dns", dns, dns_fields),
	PART("address", address, address_fields),
	PART("gate", gate, gate_fields),
	PART("window", window, window_fields),
	PART("canary", canary, canary_fields),
	PART("limit", limit, limit_fields),
	CYAML_FIELD_MAPPING("mailboxes", CYAML_FLAG_OPTIONAL, struct config_file, mailboxes,
	                    mailboxes_fields),
	CYAML_FIELD_MAPPING("lists", CYAML_FLAG_OPTIONAL, struct config_file, lists, lists_fields),
	PART("check", check, check_fields),
	PART("rehearse", rehearse, rehearse_fields),
	TEXTS("resolvers", struct config_file, c.resolvers),
	SECONDS("watch_interval", struct config_file, c.watch_interval),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_file, file_fields),
};

/* ── what the schema cannot say ──────────────────────────────────────────────────────────────── */

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

static int check(const struct yaml_file *y, struct config_file *f, struct error *err)
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
	int close_value = CONFIG_CLOSE_REFUSE, switch_value = CONFIG_SWITCH_MANUAL;
	static const struct word managers[] = { { "mailman21", CONFIG_LISTS_MAILMAN21 },
		                                { "mailman3", CONFIG_LISTS_MAILMAN3 },
		                                { "none", CONFIG_LISTS_NONE },
		                                { 0 } };
	static const struct word archivers[] = { { "none", CONFIG_ARCHIVES_NONE },
		                                 { "hyperkitty", CONFIG_ARCHIVES_HYPERKITTY },
		                                 { 0 } };
	int archives_value = CONFIG_ARCHIVES_NONE;
	int mbox_value = CONFIG_MBOX_TO_MBOX, lists_value = CONFIG_LISTS_MAILMAN21;
	struct config *c = &f->c;

	c->lists = f->lists.rest; /* its texts stay with the file */
	set_defaults(c);
	if (read_host(y, "old", &c->old_host, err) < 0 ||
	    read_host(y, "new", &c->new_host, err) < 0)
		return -1;
	if (f->close_word && read_word(y, "close", f->close_word, closes, &close_value, err) < 0)
		return -1;
	if (f->switch_word &&
	    read_word(y, "switch", f->switch_word, switches, &switch_value, err) < 0)
		return -1;
	if (f->mailboxes.mbox_to &&
	    read_word(y, "mailboxes.mbox_to", f->mailboxes.mbox_to, formats, &mbox_value, err) < 0)
		return -1;
	if (f->lists.to && read_word(y, "lists.to", f->lists.to, managers, &lists_value, err) < 0)
		return -1;
	if (f->lists.archives &&
	    read_word(y, "lists.archives", f->lists.archives, archivers, &archives_value, err) < 0)
		return -1;
	c->archives_to = (enum config_archives)archives_value;
	c->mbox_to = (enum config_mbox)mbox_value;
	c->lists_to = (enum config_lists)lists_value;
	c->close = (enum config_close)close_value;
	c->switch_by = (enum config_switch)switch_value;
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
	cyaml_free(yaml_config(), &file_schema, f, 0);
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
	if (yaml_load(&y, &file_schema, &made, err) < 0)
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
