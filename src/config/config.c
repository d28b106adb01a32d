/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

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
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t record_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_record, record_fields),
};

static const cyaml_schema_field_t dns_fields[] = {
	OPTIONAL_TEXT("server", struct config_dns, server),
	SECONDS("port", struct config_dns, port),
	OPTIONAL_TEXT("key_file", struct config_dns, key_file),
	SECONDS("ttl", struct config_dns, ttl),
	CYAML_FIELD_SEQUENCE("records", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_dns,
	                     records, &record_schema, 0, LIST_MAX),
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
	TEXTS("resolvers", struct config_file, c.resolvers),
	SECONDS("watch_interval", struct config_file, c.watch_interval),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_file, file_fields),
};

/* ── what the schema cannot say ──────────────────────────────────────────────────────────────── */

static int read_host(const struct yaml_file *y, const char *key, struct config_host *h,
                     struct error *err)
{
	AUTO_FREE char *at = xasprintf("%s.host", key);
	struct span word = span_of(h->target);

	if (span_is(word, "local")) {
		h->reach = CONFIG_LOCAL;
		return 0;
	}
	if (span_starts(word, "ssh:") && word.n > 4) {
		h->reach = CONFIG_SSH;
		memmove(h->target, h->target + 4, word.n - 3);
		/* ssh(1) would take it for an option */
		if (h->target[0] == '-')
			return yaml_error_at(y, at, err, "a host name does not begin with '-'");
		return 0;
	}
	if (span_starts(word, "folder:/")) {
		h->reach = CONFIG_FOLDER;
		memmove(h->target, h->target + 7, word.n - 6);
		return 0;
	}
	return yaml_error_at(y, at, err, "\"%s\" is none of: local, ssh:[USER@]HOST, folder:/PATH",
	                     h->target);
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

static int check_gate(const struct yaml_file *y, const struct config *c, struct error *err)
{
	if (c->close != CONFIG_CLOSE_REFUSE && c->old_host.reach == CONFIG_FOLDER)
		return yaml_error_at(y, "close", err,
		                     "nothing can answer for an old host that is a folder: refuse");
	if (c->gate.spool && c->gate.spool[0] != '/')
		return yaml_error_at(y, "gate.spool", err, "\"%s\" is no absolute path",
		                     c->gate.spool);
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
	if (c->switch_by == CONFIG_SWITCH_DNS && (!c->dns.server || !c->dns.key_file))
		return yaml_error_at(y, "dns", err,
		                     "switch: dns needs dns.server and dns.key_file");
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
		{ "limit.load", c->limit.load, 0, 10000 },
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
		{ &c->gate.wait, 600 },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (!*rows[i].value)
			*rows[i].value = rows[i].standard;
	if (!c->dns.port)
		c->dns.port = 53;
	if (!c->gate.port)
		c->gate.port = 25025;
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
	int mbox_value = CONFIG_MBOX_TO_MBOX;
	struct config *c = &f->c;

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
	c->mbox_to = (enum config_mbox)mbox_value;
	c->close = (enum config_close)close_value;
	c->switch_by = (enum config_switch)switch_value;
	if (c->new_host.reach == CONFIG_SSH)
		return yaml_error_at(
			y, "new.host", err,
			"the new host is the one mailhaul runs on: local, or folder:/PATH");
	if (check_gate(y, c, err) < 0)
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
