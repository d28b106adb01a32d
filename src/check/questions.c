/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define OLD (1u << CHECK_OLD)
#define NEW (1u << CHECK_NEW)
#define BOTH (OLD | NEW)
#define WHOLE (1u << CHECK_WHOLE)
#define SERVES (CHECK_PRE | CHECK_OPEN | CHECK_AFTER)
#define BY_NET CHECK_BY_NET
#define BY_SIDE CHECK_BY_SIDE
#define BY_PERSON CHECK_BY_PERSON
#define PERSON "ask; then `mailhaul check --answer ID yes|no NOTE`"

/* clang-format off */

/* To add a question: a row here, its function in check/ask_*.c (none for one that a person answers),
 * its words in mailhaul-check(1). Beside these are the cut-over's own, in move/checks.c. */
static const struct check_question questions[] = {
	/* id, topic, question, remedy, source, windows, weight, of, through, function */
	{ "listeners.owner", "listeners", "Does every open mail port have a known, living owner?",
	  "find the process (a removed MTA may still run) and stop it",
	  "a migration on which a removed MTA ran on", CHECK_EVER, CHECK_SHOULD, BOTH, BY_SIDE,
	  check_listeners, NULL },
	{ "listeners.families", "listeners", "Is port 25 open on IPv4 and on IPv6?",
	  "inet_protocols and inet_interfaces of the MTA", "RFC 5321 5.1", SERVES, CHECK_INFO, BOTH,
	  BY_SIDE, check_both_families, NULL },

	{ "smtp.greeting", "smtp", "Does the server answer at port 25 of each of its addresses?",
	  "start it, or open the firewall", "RFC 5321 3.1", SERVES, CHECK_SHOULD, BOTH, BY_NET,
	  check_greeting, NULL },
	{ "smtp.takes", "smtp", "Is mail taken for legitimate addresses (RCPT only)?",
	  "mailhaul prepare; then look at each address that is refused", "RFC 5321 3.3", SERVES,
	  CHECK_SHOULD, BOTH, BY_NET, check_takes, NULL },
	{ "smtp.postmaster", "smtp", "Is mail taken for each domain's postmaster?",
	  "an alias postmaster@DOMAIN", "RFC 5321 4.5.1", SERVES, CHECK_SHOULD, BOTH, BY_NET,
	  check_postmaster, NULL },
	{ "smtp.unknown", "smtp", "Is an address that nobody has refused at once?",
	  "local_recipient_maps and virtual_mailbox_maps have to list who is there, and nothing may "
	  "catch all", "RFC 5321 3.3", SERVES, CHECK_SHOULD, BOTH, BY_NET, check_refuses_unknown, NULL },
	{ "smtp.relay", "smtp", "Is mail to elsewhere refused to strangers?",
	  "smtpd_relay_restrictions and mynetworks", "RFC 5321 7.7", SERVES, CHECK_SHOULD, BOTH, BY_NET,
	  check_refuses_relay, NULL },
	{ "smtp.starttls", "smtp", "Is STARTTLS offered, with the right name and a chain that holds?",
	  "a certificate for the MX name from a known authority, with its intermediates",
	  "RFC 3207 4.1", SERVES, CHECK_SHOULD, BOTH, BY_NET, check_starttls, NULL },
	{ "smtp.size", "smtp", "Does the new server take as large messages as the old one?",
	  "message_size_limit", "RFC 1870 4", SERVES, CHECK_SHOULD, WHOLE, BY_NET, check_sizes, NULL },
	{ "smtp.size-taken", "smtp", "Is a message as large as is offered really taken? (--send)",
	  "what looks at mail behind the MTA has limits of its own: filters, mailbox_size_limit",
	  "RFC 1870 6.1", SERVES, CHECK_SHOULD, BOTH, BY_NET | CHECK_ALONE, check_big, NULL },
	{ "smtp.empty-body", "smtp",
	  "Is a message taken that has a command in its subject and nothing below? (--send)",
	  "take out the rule that refuses it, or have the lists' texts tell people to write something",
	  "a migration whose filter refused commands to lists", SERVES, CHECK_SHOULD, BOTH,
	  BY_NET | CHECK_ALONE, check_empty_body, NULL },
	{ "smtp.greylist", "smtp", "Is a first mail let in, at once or soon enough?",
	  "see why the second try counts as a first one: the list's database, or a client that comes "
	  "from several addresses; look at check.greylist",
	  "a migration whose greylisting never let some in", SERVES, CHECK_SHOULD, BOTH, BY_NET,
	  check_greylist, NULL },
	{ "smtp.burst", "smtp", "Is a list's burst of mails let through? (--send)",
	  "raise the limit of the flood guard, or except those who send lists",
	  "a migration whose flood guard shut out lists", SERVES, CHECK_SHOULD, BOTH,
	  BY_NET | CHECK_ALONE, check_burst, NULL },
	{ "smtp.flood", "smtp", "Is a flood of mails from one address stopped? (--send)",
	  "smtpd_client_message_rate_limit", "a migration's list of what to test again", SERVES,
	  CHECK_INFO, BOTH, BY_NET | CHECK_ALONE, check_flood, NULL },
	{ "smtp.key", "smtp", "May the MTA alone read its key?",
	  "chmod o= FILE; the key of a web server wants a copy of its own",
	  "a migration that gave its MTA a certificate of its own", CHECK_EVER, CHECK_SHOULD, BOTH,
	  BY_SIDE, check_tls_key, NULL },

	{ "out.v4", "out", "Can mail leave by IPv4 (port 25 of a server outside)?",
	  "have the provider open it", "RFC 5321 4.5.4", SERVES, CHECK_SHOULD, BOTH, BY_NET, check_out_v4,
	  NULL },
	{ "out.v6", "out", "Can mail leave by IPv6?",
	  "have the provider open it, or smtp_address_preference = ipv4; inet_protocols = ipv4",
	  "a tunnel provider that blocks port 25 by default", SERVES, CHECK_INFO, BOTH, BY_NET,
	  check_out_v6, NULL },
	{ "out.tls", "out", "Is STARTTLS used where others offer it?", "smtp_tls_security_level = may",
	  "RFC 7435 3", CHECK_EVER, CHECK_SHOULD, BOTH, BY_SIDE, check_tls_out, NULL },
	{ "out.origin", "out", "Can one answer mail of the host's own programs?",
	  "myorigin: a domain that takes mail", "RFC 5321 2.3.5", CHECK_EVER, CHECK_SHOULD, BOTH, BY_SIDE,
	  check_origin, NULL },

	{ "names.ptr", "names", "Does each address have a name that leads back to it?",
	  "have the address's owner set its PTR record", "RFC 1912 2.1", SERVES, CHECK_SHOULD, BOTH,
	  BY_NET, check_ptr, NULL },
	{ "names.dnsbl", "names", "Is each address on none of the lists that others ask?",
	  "the list's page tells why, and how one gets off; the provider may know of it", "RFC 5782 2.1",
	  CHECK_EVER, CHECK_SHOULD, BOTH, BY_NET, check_dnsbl, NULL },
	{ "names.helo", "names", "Does the name that the MTA says lead to it?",
	  "myhostname or smtp_helo_name", "RFC 5321 2.3.5", SERVES, CHECK_SHOULD, BOTH, BY_SIDE,
	  check_helo, NULL },
	{ "names.aaaa", "names", "Does the mail host have an IPv6 address?",
	  "an AAAA record, and dns.records in move.yaml", "RFC 5321 5.1", CHECK_EVER, CHECK_INFO, BOTH,
	  BY_NET, check_aaaa, NULL },
	{ "names.web", "names", "Do the hosts of pages have addresses of both families?",
	  "an A and an AAAA record", "a migration's list of what to test again", CHECK_EVER, CHECK_INFO,
	  BOTH, BY_SIDE | BY_NET, check_web_addresses, NULL },

	{ "dns.mx", "dns", "Does each domain have an MX whose hosts have addresses?",
	  "mend the zone", "RFC 5321 5.1", CHECK_EVER, CHECK_SHOULD, WHOLE, BY_NET, check_mx, NULL },
	{ "dns.agree", "dns", "Do all authoritative servers say the same?",
	  "see why a secondary does not follow: its log, NOTIFY, the SOA serial", "RFC 1912 2.2",
	  CHECK_EVER, CHECK_SHOULD, WHOLE, BY_NET, check_agree, NULL },
	{ "dns.ttl", "dns", "Are the TTLs of what moves lowered to ten minutes or less?",
	  "lower them, and wait until the old ones have run out", "RFC 1034 3.6", CHECK_PRE, CHECK_SHOULD,
	  WHOLE, BY_NET, check_ttl, NULL },
	{ "dns.negative", "dns", "Is a name that is not there forgotten within an hour?",
	  "lower the SOA's minimum; make new names early, before anyone asks for them", "RFC 2308 5",
	  CHECK_PRE, CHECK_INFO, WHOLE, BY_NET, check_negative, NULL },
	{ "dns.early", "dns", "Are new names there before anybody asks for them?",
	  "make them now: `mailhaul dns apply`, or the provider's panel", "RFC 2308 5", CHECK_PRE,
	  CHECK_SHOULD, WHOLE, BY_NET, check_early, NULL },
	{ "dns.dnssec", "dns", "Where a domain is signed, can it be proven from the root on?",
	  "give the parent the DS record of the key in use; see that signatures are renewed",
	  "RFC 4035 5", CHECK_EVER, CHECK_SHOULD, WHOLE, BY_NET, check_dnssec, NULL },
	{ "dns.tlsa", "dns", "Do the TLSA records fit the certificate that is shown?",
	  "publish 3 1 1 of the new key beside the old one, two TTLs before it is shown",
	  "RFC 7671 8.1", CHECK_EVER, CHECK_SHOULD, BOTH, BY_SIDE | BY_NET, check_tlsa, NULL },
	{ "dns.mta-sts", "dns", "Where a domain has an MTA-STS policy, can it be had, and names it all MX?",
	  "name the new MX in the policy, a max_age before the switch, then change the record's id",
	  "RFC 8461 8.3", CHECK_EVER, CHECK_SHOULD, WHOLE, BY_NET, check_mta_sts, NULL },
	{ "dns.tls-rpt", "dns", "Does each domain say where senders may report that TLS fails?",
	  "\"v=TLSRPTv1; rua=mailto:ADDRESS\" at _smtp._tls", "RFC 8460 3", CHECK_EVER, CHECK_INFO, WHOLE,
	  BY_NET, check_tls_rpt, NULL },
	{ "dns.spf", "dns", "Does each domain have one SPF record?", "mend the zone", "RFC 7208 3.2",
	  CHECK_EVER, CHECK_SHOULD, WHOLE, BY_NET, check_spf, NULL },
	{ "dns.spf-lookups", "dns", "Do the SPF records cost ten look-ups or fewer?",
	  "replace include: and a: by ip4: and ip6:", "RFC 7208 4.6.4", CHECK_EVER, CHECK_SHOULD, WHOLE,
	  BY_NET, check_spf_lookups, NULL },
	{ "dns.spf-new", "dns", "Do the SPF records allow the new addresses?",
	  "add ip4: and ip6: terms, a TTL before the switch", "RFC 7208 5.6", CHECK_EVER, CHECK_SHOULD,
	  WHOLE, BY_NET, check_spf_new, NULL },
	{ "dns.dkim", "dns", "Does the DNS have the key of each DKIM selector that is signed with?",
	  "carry the key over, or publish the new one under a selector of its own", "RFC 6376 3.6",
	  CHECK_EVER, CHECK_SHOULD, BOTH, BY_SIDE, check_dkim, NULL },
	{ "dns.dmarc", "dns", "Does each domain have a DMARC record?",
	  "\"v=DMARC1; p=none\" at _dmarc, with an address for reports", "RFC 7489 6.1", CHECK_EVER,
	  CHECK_INFO, WHOLE, BY_NET, check_dmarc, NULL },

	{ "store.disk", "store", "Is a twentieth of each file system for mail free?",
	  "make room, or a bigger disk", "RFC 5321 4.5.3", CHECK_EVER, CHECK_SHOULD, BOTH, BY_SIDE,
	  check_disk, NULL },
	{ "store.inodes", "store", "Are inodes free on each of them?",
	  "a file system made with more of them", "one message of a Maildir is one file", CHECK_EVER,
	  CHECK_SHOULD, BOTH, BY_SIDE, check_inodes, NULL },
	{ "store.memory", "store", "Are 256 MB of memory and swap free?",
	  "more memory; look at what a virus scanner takes",
	  "a migration on which the kernel killed for want of memory at 512 MB", CHECK_EVER, CHECK_SHOULD,
	  BOTH, BY_SIDE, check_memory, NULL },

	{ "lists.taken", "lists", "Is mail taken for every address of the lists, and mailman-loop?",
	  "`mailhaul lists aliases --new` prints what the MTA has to be told",
	  "a migration on which mailman-loop was forgotten", SERVES, CHECK_SHOULD, BOTH,
	  BY_SIDE | BY_NET, check_lists_taken, NULL },
	{ "lists.answer", "lists", "Do the lists answer commands by mail? (--send)",
	  "see whether the runners run, and what is in their log", "a migration's list of what to test again",
	  SERVES, CHECK_SHOULD, BOTH, BY_SIDE | BY_NET, check_lists_commands, NULL },

	{ "web.lists", "web", "Are the lists' pages for users there?",
	  "the web server's ScriptAlias for Mailman, or the lists' web_page_url",
	  "a migration's list of what to test again", SERVES, CHECK_SHOULD, BOTH, BY_SIDE | BY_NET,
	  check_list_pages, NULL },
	{ "web.admins", "web", "Are their pages for admins there?",
	  "the same", "a migration's list of what to test again", SERVES, CHECK_SHOULD, BOTH,
	  BY_SIDE | BY_NET, check_admin_pages, NULL },
	{ "web.archives", "web", "Are public archives there?",
	  "the link in archives/public, and who may read what it leads to",
	  "a migration's list of what to test again", SERVES, CHECK_SHOULD, BOTH, BY_SIDE | BY_NET,
	  check_list_archives, NULL },
	{ "web.closed", "web", "Are private archives closed to strangers?",
	  "take out the link in archives/public, or the web server's Alias", "RFC 9110 15.5.2", SERVES,
	  CHECK_SHOULD, BOTH, BY_SIDE | BY_NET, check_closed_archives, NULL },
	{ "web.pages", "web", "Are the other pages there, under their own host?",
	  "see the web server's log", "a migration's list of what to test again", SERVES, CHECK_SHOULD,
	  BOTH, BY_NET, check_pages, NULL },
	{ "web.closed-pages", "web", "Are pages closed that are not for everybody?",
	  "the web server's Require", "RFC 9110 15.5.2", SERVES, CHECK_SHOULD, BOTH, BY_NET,
	  check_closed_pages, NULL },
	{ "web.https", "web", "Does each page lead from http to https, and stay there?",
	  "a permanent redirect of the whole host", "RFC 9110 15.4.2", SERVES, CHECK_SHOULD, BOTH,
	  BY_SIDE | BY_NET, check_https, NULL },
	{ "web.redirects", "web", "Does each old address of a page lead to the new one, for good?",
	  "a rewrite rule with status 301", "RFC 9110 15.4.2", SERVES, CHECK_SHOULD, BOTH, BY_NET,
	  check_redirects, NULL },
	{ "web.redirect-map", "web", "Does each address of the map of redirects lead to its new one?",
	  "the map that the web server reads: mailhaul lists redirects", "RFC 9110 15.4.2", SERVES,
	  CHECK_SHOULD, BOTH, BY_NET, check_redirect_map, NULL },
	{ "web.one-hop", "web", "Does no address lead through more than one redirect?",
	  "let the first redirect name the final address: https, the canonical host, the path at once",
	  "a migration's list of what to test again", SERVES, CHECK_SHOULD, BOTH, BY_NET, check_one_hop,
	  NULL },
	{ "web.certificate", "web",
	  "Does each host of pages show a certificate for its name, that holds for two weeks more?",
	  "have it made for all names, and its renewal run on the new host", "RFC 9110 4.3.4", SERVES,
	  CHECK_SHOULD, BOTH, BY_SIDE | BY_NET, check_certificates, NULL },
	{ "web.robots", "web", "Are robots asked for the same as before?",
	  "carry robots.txt over", "RFC 9309 2.3", SERVES, CHECK_SHOULD, WHOLE, BY_NET, check_robots,
	  NULL },

	{ "backup.recent", "backup", "Is there a backup that is recent?",
	  "see why it was not made", "a backup that stopped on the day of the move", CHECK_EVER,
	  CHECK_SHOULD, BOTH, BY_SIDE, check_backup, NULL },
	{ "backup.restored", "backup", "Does it bring back what was there? (--restore)",
	  "see what it leaves out", "a backup that nobody has restored is a hope", CHECK_EVER, CHECK_SHOULD,
	  BOTH, BY_SIDE | CHECK_CHANGES, check_restore, NULL },

	{ "human.announced", "human", "Do the users know when mail will stand still?", PERSON,
	  "RFC 2142 5", CHECK_PRE, CHECK_INFO, WHOLE, BY_PERSON, NULL, NULL },
	{ "human.access", "human",
	  "Can you reach both hosts by a way that does not move (console, another address)?", PERSON,
	  "an address that moves takes its ssh along", CHECK_PRE, CHECK_INFO, WHOLE, BY_PERSON, NULL,
	  NULL },
	{ "human.provider", "human",
	  "Has the new provider opened port 25 in both directions, on IPv4 and IPv6?", PERSON,
	  "a tunnel provider that opened it a day after it was asked", CHECK_PRE, CHECK_INFO, WHOLE,
	  BY_PERSON, NULL, NULL },
	{ "human.old-stays", "human", "Does the old server stay paid for and on until nobody goes there?",
	  PERSON, "RFC 5321 4.5.4.1: senders try for days", CHECK_EVER, CHECK_INFO, WHOLE, BY_PERSON,
	  NULL, NULL },
	{ "human.backup", "human", "Has a backup of the new server been restored once, to try it?",
	  PERSON, "a backup that nobody has restored is a hope", CHECK_EVER, CHECK_INFO, WHOLE, BY_PERSON,
	  NULL, NULL },
	{ "human.lists", "human",
	  "Were subscribe, unsubscribe and the admin's commands tried by mail on the new server?", PERSON,
	  "a migration's list of what to test again", CHECK_EVER, CHECK_INFO, WHOLE, BY_PERSON, NULL,
	  NULL },
	{ "human.bounces", "human",
	  "Did a bounce of a list's mail reach Mailman's bounce processing, with VERP where it is wanted?",
	  PERSON, "a migration's list of what to test again", CHECK_EVER, CHECK_INFO, WHOLE, BY_PERSON,
	  NULL, NULL },
	{ "human.downloads", "human",
	  "Is what could be fetched in whole (archives as mbox, by web or rsync) to be had again?", PERSON,
	  "a migration's list of what to test again", CHECK_EVER, CHECK_INFO, WHOLE, BY_PERSON, NULL,
	  NULL },
	{ "human.rebuild", "human",
	  "Was an archive rebuilt once from its mbox, and is it written down how?", PERSON,
	  "a migration's list of what to test again", CHECK_EVER, CHECK_INFO, WHOLE, BY_PERSON, NULL,
	  NULL },
	{ "human.last-things", "human",
	  "Has the old provider handed out what only he has (raw archives, passwords, the account)?",
	  PERSON, "a migration that waited four weeks for its archives", CHECK_PRE, CHECK_INFO, WHOLE,
	  BY_PERSON, NULL, NULL },
	{ "human.old-names", "human",
	  "Is everything found that still says an old name, and is the old name to lead on or to end?",
	  PERSON, "a migration that took its temporary domain down at the end", CHECK_EVER, CHECK_INFO,
	  WHOLE, BY_PERSON, NULL, NULL },
};
/* clang-format on */

const struct check_question check_addresses_question = {
	.id = "site.addresses",
	.topic = "site",
	.words = "Which addresses does the new host have?",
	.ofs = NEW,
	.through = CHECK_BY_SIDE,
	.ask = check_addresses,
};

void check_questions_fini(struct check_questions *q)
{
	free(q->rows);
	*q = (struct check_questions){ 0 };
}

static void add(struct check_questions *out, const struct check_question *row)
{
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = *row;
}

void check_questions_all(struct check_questions *out)
{
	for (unsigned i = 0; i < move_checks_rows; i++) {
		const struct check_row *row = &move_checks[i];

		add(out, &(struct check_question){
				 .id = row->id,
				 .topic = row->topic,
				 .words = row->question,
				 .remedy = row->remedy,
				 .source = "a precondition of the cut-over",
				 .windows = CHECK_PRE | CHECK_FROZEN,
				 .weight = row->weight,
				 .ofs = WHOLE,
				 .through = CHECK_BY_STATE | (row->of_old ? CHECK_BY_OLD : 0) |
		                            (row->of_new ? CHECK_BY_NEW : 0),
				 .row = row,
			 });
	}
	for (size_t i = 0; i < ROWS(questions); i++)
		add(out, &questions[i]);
}

const struct check_question *check_question_find(const struct check_questions *q, const char *id)
{
	for (size_t i = 0; i < q->n; i++)
		if (!strcmp(q->rows[i].id, id))
			return &q->rows[i];
	return NULL;
}

const char *check_of_name(enum check_of of)
{
	static const char *const names[] = { "old", "new", "both" };

	return names[of];
}

void check_window_add(struct buf *out, unsigned windows)
{
	static const char *const names[] = { "pre", "frozen", "open", "after" };
	const char *between = "";

	for (size_t i = 0; i < ROWS(names); i++) {
		if (!(windows & (1u << i)))
			continue;
		buf_addf(out, "%s%s", between, names[i]);
		between = ", ";
	}
}

enum check_answer check_not_told(struct buf *seen, const struct error *err)
{
	buf_addf(seen, "%s%s", seen->n ? "; " : "", err->text);
	return CHECK_UNKNOWN;
}
