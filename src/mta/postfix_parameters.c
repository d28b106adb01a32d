/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix_parameters.h"

#include "base/attr.h"

#include <stdbool.h>
#include <string.h>

#define PLACE "a place of the old installation; the new package has its own"
#define INSTANCE "further instances are not carried"

static const struct postfix_parameter postfix_parameters[] = {
	/* who this server is */
	{ "myhostname", POSTFIX_COPY, "the name that the server is known by moves with it" },
	{ "mydomain", POSTFIX_COPY, "the server's domain" },
	{ "myorigin", POSTFIX_COPY, "what is put behind local senders" },
	{ "mydestination", POSTFIX_COPY, "domains with local users" },
	{ "mynetworks_style", POSTFIX_COPY, "who may send without a login" },
	{ "mynetworks", POSTFIX_COPY, "who may send without a login" },
	{ "relay_domains", POSTFIX_COPY, "domains whose mail goes on" },
	{ "relayhost", POSTFIX_COPY, "where outgoing mail goes" },
	{ "relay_*", POSTFIX_COPY, "domains whose mail goes on" },
	{ "compatibility_level", POSTFIX_TRANSLATE, "not above what the new version knows" },
	/* addresses of the machine */
	{ "inet_interfaces", POSTFIX_TRANSLATE,
	  "an address of the old machine would keep the new one from starting" },
	{ "inet_protocols", POSTFIX_COPY, "IPv4, IPv6 or both" },
	{ "smtp_bind_address*", POSTFIX_NEVER, "an address of the old machine" },
	{ "lmtp_bind_address*", POSTFIX_NEVER, "an address of the old machine" },
	{ "proxy_interfaces", POSTFIX_PERSON, "addresses in front of the old machine" },
	/* places */
	{ "queue_directory", POSTFIX_NEVER, PLACE },
	{ "command_directory", POSTFIX_NEVER, PLACE },
	{ "daemon_directory", POSTFIX_NEVER, PLACE },
	{ "data_directory", POSTFIX_NEVER, PLACE },
	{ "config_directory", POSTFIX_NEVER, PLACE },
	{ "meta_directory", POSTFIX_NEVER, PLACE },
	{ "shlib_directory", POSTFIX_NEVER, PLACE },
	{ "html_directory", POSTFIX_NEVER, PLACE },
	{ "manpage_directory", POSTFIX_NEVER, PLACE },
	{ "readme_directory", POSTFIX_NEVER, PLACE },
	{ "sample_directory", POSTFIX_NEVER, PLACE },
	{ "sendmail_path", POSTFIX_NEVER, PLACE },
	{ "newaliases_path", POSTFIX_NEVER, PLACE },
	{ "mailq_path", POSTFIX_NEVER, PLACE },
	{ "mail_owner", POSTFIX_NEVER, PLACE },
	{ "setgid_group", POSTFIX_NEVER, PLACE },
	{ "default_privs", POSTFIX_COPY, "as whom programs of aliases run" },
	{ "debugger_command", POSTFIX_NEVER, "for looking into the old installation" },
	{ "mail_version", POSTFIX_NEVER, PLACE },
	{ "mail_release_date", POSTFIX_NEVER, PLACE },
	{ "maillog_file*", POSTFIX_NEVER, "the new host logs as its own system does" },
	{ "syslog_*", POSTFIX_COPY, "how the log is written" },
	{ "multi_instance_*", POSTFIX_NEVER, INSTANCE },
	{ "alternate_config_directories", POSTFIX_NEVER, INSTANCE },
	{ "master_service_disable", POSTFIX_COPY, "services that are switched off" },
	/* aliases, local delivery */
	{ "alias_maps", POSTFIX_COPY, "local aliases" },
	{ "alias_database", POSTFIX_COPY, "local aliases" },
	{ "allow_mail_to_*", POSTFIX_COPY, "what aliases may do" },
	{ "allow_min_user", POSTFIX_COPY, "which addresses are taken" },
	{ "home_mailbox", POSTFIX_COPY, "where local mail lies" },
	{ "mail_spool_directory", POSTFIX_COPY, "where local mail lies" },
	{ "mailbox_*", POSTFIX_COPY, "local delivery" },
	{ "local_*", POSTFIX_COPY, "local delivery" },
	{ "luser_relay", POSTFIX_COPY, "where mail for unknown users goes" },
	{ "fallback_*", POSTFIX_COPY, "where other mail goes" },
	{ "forward_*", POSTFIX_COPY, "where .forward lies" },
	{ "command_*", POSTFIX_COPY, "programs of aliases" },
	{ "recipient_delimiter", POSTFIX_COPY, "user+extension" },
	{ "propagate_unmatched_extensions", POSTFIX_COPY, "user+extension" },
	{ "owner_request_special", POSTFIX_COPY, "lists by alias" },
	{ "expand_owner_alias", POSTFIX_COPY, "lists by alias" },
	{ "prepend_delivered_header", POSTFIX_COPY, "keeps loops from forming" },
	{ "deliver_lock_*", POSTFIX_COPY, "locks of local delivery" },
	{ "biff", POSTFIX_COPY, "local delivery" },
	/* virtual domains */
	{ "virtual_uid_maps", POSTFIX_TRANSLATE, "numbers of users may differ on the new host" },
	{ "virtual_gid_maps", POSTFIX_TRANSLATE, "numbers of groups may differ on the new host" },
	{ "virtual_minimum_uid", POSTFIX_COPY, "guards virtual delivery" },
	{ "virtual_*", POSTFIX_COPY, "virtual domains and their mailboxes" },
	/* rewriting, routing */
	{ "canonical_*", POSTFIX_COPY, "rewrites addresses" },
	{ "sender_*", POSTFIX_COPY, "rewrites or routes by sender" },
	{ "recipient_*", POSTFIX_COPY, "rewrites or routes by recipient" },
	{ "masquerade_*", POSTFIX_COPY, "rewrites addresses" },
	{ "relocated_maps", POSTFIX_COPY, "tells senders of new addresses" },
	{ "generic_*", POSTFIX_COPY, "rewrites addresses" },
	{ "transport_*", POSTFIX_COPY, "routes mail" },
	{ "default_transport*", POSTFIX_COPY, "routes mail" },
	{ "export_environment", POSTFIX_COPY, "what programs of aliases see" },
	{ "import_environment", POSTFIX_COPY, "what Postfix itself sees" },
	{ "default_*", POSTFIX_COPY, "limits and defaults" },
	{ "append_*", POSTFIX_COPY, "completes addresses" },
	{ "allow_*", POSTFIX_COPY, "which addresses are taken" },
	{ "swap_bangpath", POSTFIX_COPY, "which addresses are taken" },
	{ "always_*", POSTFIX_COPY, "copies of mail" },
	{ "remote_header_rewrite_domain", POSTFIX_COPY, "completes addresses" },
	{ "resolve_*", POSTFIX_COPY, "reads addresses" },
	/* filters, policies */
	{ "content_filter", POSTFIX_COPY, "the filter has to run on the new host too" },
	{ "smtpd_milters", POSTFIX_COPY, "the milter has to run on the new host too" },
	{ "non_smtpd_milters", POSTFIX_COPY, "the milter has to run on the new host too" },
	{ "milter_*", POSTFIX_COPY, "how milters are spoken to" },
	{ "header_checks", POSTFIX_COPY, "rules on headers" },
	{ "body_checks*", POSTFIX_COPY, "rules on bodies" },
	{ "mime_*", POSTFIX_COPY, "rules on MIME parts" },
	{ "nested_*", POSTFIX_COPY, "rules on headers" },
	{ "header_*", POSTFIX_COPY, "limits on headers" },
	{ "receive_override_options", POSTFIX_COPY, "how filters are passed" },
	{ "policy*", POSTFIX_COPY, "policy services" },
	/* SMTP in and out */
	{ "smtpd_*", POSTFIX_COPY, "how mail is taken" },
	{ "smtp_*", POSTFIX_COPY, "how mail is sent" },
	{ "lmtp_*", POSTFIX_COPY, "how mail is handed to the mailbox server" },
	{ "postscreen_*", POSTFIX_COPY, "who may speak to smtpd" },
	{ "tls_*", POSTFIX_COPY, "TLS" },
	{ "tlsproxy_*", POSTFIX_COPY, "TLS" },
	{ "permit_mx_backup_networks", POSTFIX_COPY, "backup MX" },
	{ "parent_domain_matches_subdomains", POSTFIX_COPY, "how tables are read" },
	{ "unknown_*", POSTFIX_COPY, "which code a refusal has" },
	{ "unverified_*", POSTFIX_COPY, "which code a refusal has" },
	{ "reject_*", POSTFIX_COPY, "which code a refusal has" },
	{ "invalid_hostname_reject_code", POSTFIX_COPY, "which code a refusal has" },
	{ "maps_rbl_*", POSTFIX_COPY, "which code a refusal has" },
	{ "access_map_*", POSTFIX_COPY, "which code a refusal has" },
	{ "address_verify_map", POSTFIX_NEVER, "a cache that fills itself" },
	{ "address_verify_*", POSTFIX_COPY, "probes of addresses" },
	{ "authorized_*", POSTFIX_COPY, "who may do what" },
	{ "strict_*", POSTFIX_COPY, "how strictly mail is read" },
	{ "disable_*", POSTFIX_COPY, "what is not done" },
	{ "soft_bounce", POSTFIX_COPY, "refuses for a while instead of for good" },
	{ "smtputf8_*", POSTFIX_COPY, "addresses in UTF-8" },
	{ "enable_*", POSTFIX_COPY, "what is done" },
	{ "detect_*", POSTFIX_COPY, "how mail is read" },
	/* times, sizes, limits */
	{ "message_size_limit", POSTFIX_COPY, "what was taken must be taken" },
	{ "message_*", POSTFIX_COPY, "headers of messages" },
	{ "bounce_*", POSTFIX_COPY, "when mail is given up" },
	{ "maximal_*", POSTFIX_COPY, "when mail is tried again, and given up" },
	{ "minimal_backoff_time", POSTFIX_COPY, "when mail is tried again" },
	{ "queue_run_delay", POSTFIX_COPY, "when mail is tried again" },
	{ "queue_*", POSTFIX_COPY, "limits of the queue" },
	{ "qmgr_*", POSTFIX_COPY, "limits of the queue" },
	{ "delay_*", POSTFIX_COPY, "when senders are told of a delay" },
	{ "notify_classes", POSTFIX_COPY, "what the postmaster is told" },
	{ "error_notice_recipient", POSTFIX_COPY, "what the postmaster is told" },
	{ "empty_address_*", POSTFIX_COPY, "who gets mail without a recipient" },
	{ "double_bounce_sender", POSTFIX_COPY, "who sends notifications" },
	{ "2bounce_notice_recipient", POSTFIX_COPY, "what the postmaster is told" },
	{ "in_flow_delay", POSTFIX_COPY, "how fast mail is taken" },
	{ "line_length_limit", POSTFIX_COPY, "how mail is read" },
	{ "hopcount_limit", POSTFIX_COPY, "when a message loops" },
	{ "duplicate_filter_limit", POSTFIX_COPY, "local delivery" },
	{ "hash_queue_*", POSTFIX_COPY, "how the queue's folders lie" },
	{ "max_*", POSTFIX_COPY, "limits of processes" },
	{ "ipc_*", POSTFIX_COPY, "limits of processes" },
	{ "process_*", POSTFIX_COPY, "limits of processes" },
	{ "anvil_*", POSTFIX_COPY, "limits of clients" },
	{ "defer_*", POSTFIX_COPY, "what waits" },
	{ "fast_flush_*", POSTFIX_COPY, "what is tried at once" },
	{ "initial_destination_concurrency", POSTFIX_COPY, "how fast mail is sent" },
	{ "destination_*", POSTFIX_COPY, "how fast mail is sent" },
	{ "ignore_mx_lookup_error", POSTFIX_COPY, "how mail is sent" },
	{ "best_mx_transport", POSTFIX_COPY, "how mail is sent" },
	{ "proxy_read_maps", POSTFIX_COPY, "which tables are read for others" },
	{ "proxy_write_maps", POSTFIX_COPY, "which tables are written for others" },
	{ "berkeley_db_*", POSTFIX_COPY, "tables" },
	{ "lmdb_map_size", POSTFIX_COPY, "tables" },
	{ "show_user_unknown_table_name", POSTFIX_COPY, "what a refusal says" },
	{ "mail_name", POSTFIX_COPY, "what the greeting says" },
	{ "undisclosed_recipients_header", POSTFIX_COPY, "headers of messages" },
	{ "info_log_address_format", POSTFIX_COPY, "how the log is written" },
	{ "non_fqdn_reject_code", POSTFIX_COPY, "which code a refusal has" },
	{ "cyrus_sasl_config_path", POSTFIX_PERSON, "Cyrus SASL keeps its own files" },
	{ "dovecot_destination_recipient_limit", POSTFIX_COPY, "a transport named dovecot" },
	{ "*", POSTFIX_PERSON, "not known here; look whether the new server needs it" },
};

static bool fits(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

const struct postfix_parameter *postfix_parameter(const char *name)
{
	const struct postfix_parameter *row = postfix_parameters;

	while (!fits(row->name, name))
		row++;
	return row;
}
