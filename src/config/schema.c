/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/schema.h"

#define TEXT_MAX 1024
#define LIST_MAX 4096

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
const cyaml_schema_value_t config_file_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_file, file_fields),
};
