/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/memory.h"
#include "move/interface.h"
#include "move/ports.h"
#include "mta/mta.h"
#include "remote/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a virus scanner beside an MTA and a list server took when 512 MB were too little. */
#define MEMORY_LEAST (256u << 20)

static bool is_folder(const struct check_asking *a)
{
	return host_reach(a->host) == HOST_FOLDER;
}

static bool is_mail_port(unsigned port)
{
	for (size_t k = 0; k < ROWS(ports_mail); k++)
		if (ports_mail[k] == port)
			return true;
	return false;
}

enum check_answer check_addresses(const struct check_asking *a, struct buf *seen)
{
	AUTO_STRINGS struct strings found = { 0 };
	struct error err = { 0 };

	if (interface_addresses(a->host, false, &found, &err) < 0 ||
	    interface_addresses(a->host, true, &found, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < found.n; i++)
		buf_addf(seen, "%s%s", i ? " " : "", found.rows[i]);
	return found.n ? CHECK_YES : CHECK_NO;
}

/* ── listeners ───────────────────────────────────────────────────────────────────────────────── */

enum check_answer check_listeners(const struct check_asking *a, struct buf *seen)
{
	AUTO_LISTENERS struct host_listeners l = { 0 };
	struct error err = { 0 };
	bool good = true;

	if (is_folder(a))
		return CHECK_SKIPPED;
	if (host_listeners(a->host, &l, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < l.n; i++) {
		const struct host_listener *row = &l.rows[i];

		if (!is_mail_port(row->port))
			continue;
		good &= row->pid && !span_ends(span_of(row->program), " (deleted)");
		buf_addf(seen, "%s%s port %u: %s", seen->n ? ", " : "", row->address, row->port,
		         row->pid ? row->program : "nobody known");
	}
	if (!seen->n)
		buf_add_text(seen, "no mail port is open");
	return good ? CHECK_YES : CHECK_NO;
}

/* Linux takes IPv4 connections on an IPv6 socket of all addresses, unless told not to. */
enum check_answer check_both_families(const struct check_asking *a, struct buf *seen)
{
	AUTO_LISTENERS struct host_listeners l = { 0 };
	struct error err = { 0 };
	bool four = false, six = false;

	if (is_folder(a))
		return CHECK_SKIPPED;
	if (host_listeners(a->host, &l, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < l.n; i++) {
		const char *address = l.rows[i].address;

		if (l.rows[i].port != 25 || !strncmp(address, "127.", 4) || !strcmp(address, "::1"))
			continue;
		four |= l.rows[i].family == 4;
		six |= l.rows[i].family == 6;
	}
	buf_addf(seen, "port 25: IPv4 %s, IPv6 %s", four ? "yes" : "no", six ? "yes" : "no");
	if (!four && !six && a->of == CHECK_NEW && a->site->window & (CHECK_PRE | CHECK_FROZEN))
		return CHECK_SKIPPED;
	return four && six ? CHECK_YES : CHECK_NO;
}

/* ── disk, memory ────────────────────────────────────────────────────────────────────────────── */

static const char *const places[] = { "/", "/var", "/var/spool", "/var/mail", "/home", "/srv" };

/* Each file system that mail may lie on, once. */
static enum check_answer each_place(const struct check_asking *a, bool inodes, struct buf *seen)
{
	uint64_t known[ROWS(places)];
	struct error err = { 0 };
	bool good = true;
	size_t n = 0;

	for (size_t i = 0; i < ROWS(places); i++) {
		struct host_space s;
		char free_text[16], size_text[16];
		bool again = false;

		if (host_space(a->host, places[i], &s, &err) < 0) {
			if (err.sys_errno == ENOENT)
				continue;
			return check_not_told(seen, &err);
		}
		for (size_t k = 0; k < n; k++)
			again |= known[k] == s.device;
		if (again)
			continue;
		known[n++] = s.device;
		if (inodes) {
			/* btrfs and others have no fixed number, and tell 0 */
			buf_addf(seen, "%s%s %llu free", seen->n ? ", " : "", places[i],
			         (unsigned long long)s.free_inodes);
			good &= !s.free_inodes || s.free_inodes > 10000;
		} else {
			buf_addf(seen, "%s%s %s of %s free", seen->n ? ", " : "", places[i],
			         text_size(free_text, s.free_octets),
			         text_size(size_text, s.size_octets));
			good &= s.free_octets > s.size_octets / 20;
		}
	}
	return good ? CHECK_YES : CHECK_NO;
}

enum check_answer check_disk(const struct check_asking *a, struct buf *seen)
{
	return each_place(a, false, seen);
}

enum check_answer check_inodes(const struct check_asking *a, struct buf *seen)
{
	return each_place(a, true, seen);
}

/* Octets of a line "MemAvailable:   123 kB" of proc(5). */
static uint64_t memory_line(struct span text, const char *name)
{
	struct span line, word;
	uint64_t value;

	while (span_next_line(&text, &line))
		if (span_next_word(&line, &word) && span_is(word, name) &&
		    span_next_word(&line, &word) && span_parse_u64(word, &value))
			return value << 10;
	return 0;
}

enum check_answer check_memory(const struct check_asking *a, struct buf *seen)
{
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };
	char total[16], available[16], swap[16];
	uint64_t have, free_swap;

	if (is_folder(a))
		return CHECK_SKIPPED;
	if (host_read(a->host, "/proc/meminfo", 1 << 16, &text, &err) < 0)
		return check_not_told(seen, &err);
	have = memory_line(buf_span(&text), "MemAvailable:");
	/* Linux before 3.14 has no such line */
	if (!have)
		have = memory_line(buf_span(&text), "MemFree:") +
		       memory_line(buf_span(&text), "Cached:");
	free_swap = memory_line(buf_span(&text), "SwapFree:");
	buf_addf(seen, "%s of %s available, %s swap", text_size(available, have),
	         text_size(total, memory_line(buf_span(&text), "MemTotal:")),
	         text_size(swap, free_swap));
	return have + free_swap >= MEMORY_LEAST ? CHECK_YES : CHECK_NO;
}

/* ── the MTA's name, its TLS ─────────────────────────────────────────────────────────────────── */

/* The name leads to an address of this side, or will when it has been switched. */
static bool leads_here(const struct check_asking *a, const char *name,
                       const struct dns_addresses *found)
{
	const struct strings *own = &a->site->addresses[a->of];
	const struct config_dns *dns = &a->site->config->dns;

	for (size_t i = 0; i < own->n; i++)
		if (strings_has(&found->rows, own->rows[i]))
			return true;
	for (unsigned i = 0; a->of == CHECK_NEW && i < dns->records_count; i++)
		if (!strcmp(dns->records[i].name, name))
			return true;
	return false;
}

enum check_answer check_helo(const struct check_asking *a, struct buf *seen)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	AUTO_ADDRESSES struct dns_addresses found = { 0 };
	AUTO_FREE char *name = NULL;
	struct error err = { 0 };

	if (mta_facts(a->host, &facts, &err) < 0)
		return check_not_told(seen, &err);
	name = mta_setting_expanded(&facts, "smtp_helo_name");
	if (!name || !*name) {
		buf_add_text(seen, "its MTA tells no name");
		return CHECK_UNKNOWN;
	}
	buf_addf(seen, "it says %s", name);
	if (!a->site->resolvers.n ||
	    dns_find_addresses(&a->site->resolvers.rows[0], name, true, &found, &err) < 0) {
		buf_addf(seen, "; %s", err.text);
		return CHECK_UNKNOWN;
	}
	if (!found.exists) {
		buf_add_text(seen, ", which is no name in the DNS");
		return CHECK_NO;
	}
	if (!leads_here(a, name, &found)) {
		buf_add_text(seen, ", which leads elsewhere");
		return CHECK_NO;
	}
	return CHECK_YES;
}

/* Where its own programs' mail comes from: "example.org", or the name of a file that says so. */
static char *origin_of(const struct check_asking *a, const struct mta_facts *facts,
                       struct error *err)
{
	char *name = mta_setting_expanded(facts, "myorigin");
	AUTO_BUF struct buf text = { 0 };
	struct span rest, word;

	if (!name || name[0] != '/')
		return name;
	if (host_read(a->host, name, 4096, &text, err) < 0)
		return free(name), NULL;
	free(name);
	rest = buf_span(&text);
	return span_next_line(&rest, &rest) && span_next_word(&rest, &word) ? span_dup(word)
	                                                                    : xstrdup("");
}

enum check_answer check_origin(const struct check_asking *a, struct buf *seen)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	AUTO_MAIL struct dns_mail mail = { 0 };
	AUTO_FREE char *origin = NULL;
	struct error err = { 0 };

	if (mta_facts(a->host, &facts, &err) < 0)
		return check_not_told(seen, &err);
	origin = origin_of(a, &facts, &err);
	if (!origin || !*origin) {
		buf_addf(seen, "%s", *err.text ? err.text : "its MTA tells none");
		return CHECK_UNKNOWN;
	}
	buf_addf(seen, "@%s", origin);
	if (!a->site->resolvers.n ||
	    dns_find_mail(&a->site->resolvers.rows[0], origin, true, &mail, &err) < 0)
		return check_not_told(seen, &err);
	if (mail.refused || !mail.n) {
		buf_add_text(seen, ", to which nobody can answer");
		return CHECK_NO;
	}
	if (mail.implicit) {
		AUTO_ADDRESSES struct dns_addresses found = { 0 };

		if (dns_find_addresses(&a->site->resolvers.rows[0], origin, true, &found, &err) < 0)
			return check_not_told(seen, &err);
		if (!found.exists)
			return buf_add_text(seen, ", which is no name in the DNS"), CHECK_NO;
	}
	return CHECK_YES;
}

/* Postfix, TLS_README: "none" and nothing are the values that never begin TLS. */
enum check_answer check_tls_out(const struct check_asking *a, struct buf *seen)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	AUTO_FREE char *level = NULL, *old_switch = NULL;
	struct error err = { 0 };

	if (mta_facts(a->host, &facts, &err) < 0)
		return check_not_told(seen, &err);
	level = mta_setting_expanded(&facts, "smtp_tls_security_level");
	old_switch = mta_setting_expanded(&facts, "smtp_use_tls");
	buf_addf(seen, "smtp_tls_security_level = %s", level ? level : "");
	if (level && *level)
		return strcmp(level, "none") != 0 ? CHECK_YES : CHECK_NO;
	return old_switch && !strcmp(old_switch, "yes") ? CHECK_YES : CHECK_NO;
}
