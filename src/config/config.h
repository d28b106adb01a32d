/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * config -- move.yaml: what the person decided. The schema (config/config.c) gives names, types and
 * ranges; `mailhaul init` writes a commented one. Everything is owned by struct config.
 */

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum config_reach { CONFIG_LOCAL, CONFIG_SSH, CONFIG_FOLDER };
/* Reads "local", "ssh:[USER@]HOST" or "folder:/PATH"; *target points into `words`, "" for local. Returns
 * NULL, or what is wrong, to stand behind the words. */
const char *config_reach_read(const char *words, enum config_reach *reach, const char **target);

enum config_close {
	CONFIG_CLOSE_REFUSE,
	CONFIG_CLOSE_DEFER,
	CONFIG_CLOSE_SPOOL, /* the gate takes the mail, and gives it out at the opening */
	CONFIG_CLOSE_RELAY, /* each session is passed through, and deferred until the opening */
};
enum config_switch { CONFIG_SWITCH_ADDRESS, CONFIG_SWITCH_DNS, CONFIG_SWITCH_MANUAL };

struct config_host {
	enum config_reach reach;
	char *target;       /* ssh: [user@]host; folder: its path; local: NULL */
	char **ssh_options; /* NULL when none */
	unsigned ssh_options_count;
};

/* One name whose addresses move: mail.example.org A 203.0.113.10 -> 203.0.113.20. */
struct config_record {
	char *name;                      /* without the final dot */
	char *zone;                      /* the zone to update; NULL: found by asking for the SOA */
	char *old_address, *new_address; /* both of one family: A or AAAA follows from it */
	/* In two steps: where nobody answers, and where the name leads from before the freeze until the
	 * switch; of the same family. NULL: in one step. */
	char *closed_address;
};

/* One record beside them: what the zone has (NULL: nothing) and what it shall have, as in a zone file. */
struct config_change {
	char *name; /* without the final dot */
	char *zone; /* NULL: found by asking for the SOA */
	char *type; /* "MX", "TXT" ... */
	char *old_data, *new_data;
};

struct config_dns {
	char *server;   /* address of the primary that takes updates */
	uint16_t port;  /* 53 */
	char *key_file; /* a BIND `key "name" { algorithm ...; secret "..."; };` file */
	uint32_t ttl;   /* seconds; of the records written */
	struct config_record *records;
	unsigned records_count;
	struct config_change *changes;
	unsigned changes_count;
	char **command; /* words of the program that makes a change; NULL: none */
	unsigned command_count;
	uint32_t most_records; /* that one change may touch without --force */
	uint32_t most_share;   /* the same in percent of a zone */
};

struct config_address {
	char **addresses; /* those that move, "203.0.113.10/24", "2001:db8:113::10/64" */
	unsigned addresses_count;
	char *old_interface; /* NULL: found */
	char *new_interface;
	char *old_keeps; /* address that the old host stays reachable by (ssh); NULL: not checked */
};

struct config_canary {
	char *mailbox;  /* an address on the new site: sends canaries, and gets the answers */
	char **outside; /* outside mailboxes that answer by themselves */
	unsigned outside_count;
	uint32_t wait; /* seconds for each direction */
};

/* The gate on the old host, with close: spool or relay. */
struct config_gate {
	uint16_t port; /* that it listens on; port 25 is diverted to it */
	char *spool;   /* folder on the old host */
	uint32_t wait; /* seconds that its spool gets to empty at the opening */
};

struct config_window {
	uint32_t budget;        /* seconds from freeze to switch; then back to the old side */
	uint32_t session_grace; /* seconds that open SMTP sessions get to end by themselves */
	uint32_t flush_wait;    /* seconds that the old queue gets to empty */
};

/* Slower than that, one message may take an hour, and nothing tells it from a line that hangs. */
#define CONFIG_RATE_LEAST 10000u

/* So that the old server goes on with its work while it is copied; 0: no limit. */
struct config_limit {
	uint32_t rate;        /* octets a second that are read from it */
	uint32_t load;        /* its load average (1 min) above which copying rests */
	uint32_t io_pressure; /* the same for the percentage in /proc/pressure/io */
};

/* What an mbox of the old side becomes on the new one. */
enum config_mbox { CONFIG_MBOX_TO_MBOX, CONFIG_MBOX_TO_MAILDIR, CONFIG_MBOX_TO_MAILDIRPP };

/* Where archives of lists go that move into a Mailman 3. */
enum config_archives { CONFIG_ARCHIVES_NONE, CONFIG_ARCHIVES_HYPERKITTY };

/* What becomes of mailing lists. */
enum config_lists { CONFIG_LISTS_MAILMAN21, CONFIG_LISTS_MAILMAN3, CONFIG_LISTS_NONE };

struct config_mailing_lists {
	char *old_prefix, *new_prefix; /* where each host's Mailman is; NULL: it is looked for */
	char *mailman, *user;          /* of a Mailman 3: where its program is, whom it runs as */
	char *mailman_web, *web_user;  /* the same of a HyperKitty */
	uint32_t waves;                /* in how many parts lists move, where they move in parts */
	bool bulk; /* of a Mailman 3: members of new lists go into its tables at once */
};

/* A web address that leads elsewhere for good. */
struct config_redirect {
	char *from, *to; /* URLs */
};

/* A backup of one of the hosts, and what brings something of it back. */
struct config_backup {
	char *of;       /* "old" or "new" */
	char *made;     /* file or directory there that is newer after each backup */
	uint32_t hours; /* that a backup may be old */
	char **restore; /* words; the first is the absolute path of a mailhaul-restore; NULL: none */
	unsigned restore_count;
	char *original; /* file or directory that is brought back, to be compared */
	char *scratch;  /* directory in which it is */
};

/* What `mailhaul check` has to be told. */
struct config_check {
	char **dnsbl; /* zones of lists of addresses: "bl.example.com" */
	unsigned dnsbl_count;
	char *dnsbl_resolver; /* "ADDRESS[#PORT]"; NULL: the others */
	char *recipient;      /* who gets test mail that nobody wants; NULL: none is sent */
	char *sender;         /* from whom it comes; NULL: canary.mailbox */
	uint32_t greylist;    /* seconds that a first mail may have to wait */
	uint32_t burst;       /* mails in a row that a list may send */
	uint32_t flood;       /* mails in a row of which some have to be stopped */
	char **old_web,
		**new_web; /* addresses of the web servers; NULL: those of the mail servers */
	unsigned old_web_count, new_web_count;
	char **pages; /* URLs that are to be there */
	unsigned pages_count;
	char **closed_pages; /* URLs that are not to be open to everybody */
	unsigned closed_pages_count;
	struct config_redirect *redirects;
	unsigned redirects_count;
	char *redirect_map;  /* file, from move.yaml's folder on: lines "OLD NEW"; NULL: none */
	char *redirect_base; /* "https://HOST", what paths in it belong to; NULL: nothing */
	struct config_backup *backups;
	unsigned backups_count;
};

/* An account whose password is known, for a login that is tried. */
struct config_rehearse_account {
	char *user, *password;
};
struct config_rehearse {
	char **services; /* units to start beside those that are known to belong to mail */
	unsigned services_count;
	char **commands; /* that start what is to run, in place of all units */
	unsigned commands_count;
	struct config_rehearse_account *accounts;
	unsigned accounts_count;
	char **pages; /* URLs */
	unsigned pages_count;
	char *ca_file;  /* NULL: the system's certificates */
	char *old_root; /* folder with all files of the old host, a snapshot or a copy; NULL: none */
	char **old_commands; /* that start what runs there, in place of its units */
	unsigned old_commands_count;
};

struct config {
	char *file; /* where it was read from */
	char *name;
	struct config_host old_host, new_host;
	char **domains; /* whose name servers are watched; NULL: of all that survey finds */
	unsigned domains_count;
	enum config_close close;
	char *close_text; /* what the gate says with its 421 */
	enum config_switch switch_by;
	struct config_dns dns;
	struct config_address address;
	struct config_gate gate;
	struct config_window window;
	struct config_canary canary;
	struct config_limit limit;
	enum config_mbox mbox_to;
	enum config_lists lists_to;
	enum config_archives archives_to;
	struct config_mailing_lists lists;
	struct config_check check;
	struct config_rehearse rehearse;
	char **resolvers; /* watched beside the authoritative servers */
	unsigned resolvers_count;
	uint32_t watch_interval; /* seconds */
};

/*
 * Reads and checks a move.yaml.
 *
 *   errors  one, ERROR_RETRY_NEVER (65): "FILE:LINE: unknown key "clsoe"", hint: the nearest key
 */
int config_load(struct config **out, const char *file, struct error *err) MUST_CHECK;
/* Whether the gate takes mail while the servers change places: close is spool or relay. */
bool config_gate_takes(const struct config *c);
/* Whether names lead to a closed address before they lead to the new one. */
bool config_turns_away(const struct config *c);
/* "203.0.113.10/24" -> "203.0.113.10" (the caller owns it) and 24; false when it is no such thing. */
bool config_split_address(const char *text, char **address, unsigned *prefix);
void config_free(struct config *c);
CLEANUP_DEFINE(struct config, config_free);
#define AUTO_CONFIG __attribute__((cleanup(config_free_at)))
