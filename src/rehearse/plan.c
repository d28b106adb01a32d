/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/rehearse.h"

#include "rehearse/gather.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "check/check.h"
#include "mta/reception.h"
#include "state/items.h"
#include "survey/accounts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <net/if.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

void rehearse_plan_fini(struct rehearse_plan *p)
{
	struct strings *const lists[] = { &p->domains, &p->taken,   &p->letters,
		                          &p->whole,   &p->listed,  &p->mail_hosts,
		                          &p->served,  &p->scripts, &p->notes };

	for (size_t i = 0; i < ROWS(lists); i++)
		strings_fini(lists[i]);
	stage_plan_fini(&p->stage);
	cutover_plan_fini(&p->cutover);
	services_fini(&p->services);
	zonebook_fini(&p->book);
	buf_fini(&p->ttl_seen);
	*p = (struct rehearse_plan){ 0 };
}

static void add_once(struct strings *out, const char *text)
{
	if (!strings_has(out, text))
		strings_add(out, text);
}

/* ── addresses ───────────────────────────────────────────────────────────────────────────────── */

static unsigned prefix_of(const unsigned char *mask, size_t n)
{
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++)
		bits += (unsigned)__builtin_popcount(mask[i]);
	return bits;
}

static void add_own(struct strings *out, const struct ifaddrs *a)
{
	char text[INET6_ADDRSTRLEN];
	const struct sockaddr_in *four = (void *)a->ifa_addr, *mask4 = (void *)a->ifa_netmask;
	const struct sockaddr_in6 *six = (void *)a->ifa_addr, *mask6 = (void *)a->ifa_netmask;
	bool is_four = a->ifa_addr && a->ifa_addr->sa_family == AF_INET;

	if (!a->ifa_addr || !a->ifa_netmask || a->ifa_flags & IFF_LOOPBACK ||
	    !(a->ifa_flags & IFF_UP) ||
	    (!is_four &&
	     (a->ifa_addr->sa_family != AF_INET6 || IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))))
		return;
	if (is_four)
		inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
	else
		inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
	strings_addf(out, "%s/%u", text,
	             is_four ? prefix_of((const unsigned char *)&mask4->sin_addr, 4)
	                     : prefix_of((const unsigned char *)&mask6->sin6_addr, 16));
}

static bool holds(const struct strings *with_prefix, const char *address)
{
	size_t n = strlen(address);

	for (size_t i = 0; i < with_prefix->n; i++)
		if (!strncmp(with_prefix->rows[i], address, n) && with_prefix->rows[i][n] == '/')
			return true;
	return false;
}

/* Where mail will come to. What is not this host's address yet becomes the copy's: it moves, or stands
 * in front of this host (NAT). */
static void add_served(struct rehearse_plan *p, const char *address, unsigned prefix)
{
	add_once(&p->served, address);
	if (!holds(&p->stage.addresses, address))
		strings_addf(&p->stage.addresses, "%s/%u", address,
		             prefix                 ? prefix
		             : strchr(address, ':') ? 128
		                                    : 32);
}

/* Switched by hand, and nothing is said of how: mail comes to where this host is. */
static void serve_by_itself(struct rehearse_plan *p)
{
	for (size_t i = 0; i < p->stage.addresses.n; i++) {
		const char *text = p->stage.addresses.rows[i];

		strings_add_span(&p->served, (struct span){ text, strcspn(text, "/") });
	}
}

static int read_addresses(struct rehearse_plan *p, struct error *err)
{
	const struct config *c = p->config;
	struct ifaddrs *all;

	if (gethostname(p->hostname, sizeof p->hostname - 1) < 0 || getifaddrs(&all) < 0)
		return error_system(err, "find this host's addresses");
	p->stage.hostname = p->hostname;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		add_own(&p->stage.addresses, a);
	freeifaddrs(all);
	for (unsigned i = 0;
	     c->switch_by == CONFIG_SWITCH_ADDRESS && i < c->address.addresses_count; i++) {
		AUTO_FREE char *address = NULL;
		unsigned prefix;

		if (config_split_address(c->address.addresses[i], &address, &prefix))
			add_served(p, address, prefix);
	}
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		if (c->switch_by != CONFIG_SWITCH_ADDRESS)
			add_served(p, c->dns.records[i].new_address, 0);
		add_once(&p->mail_hosts, c->dns.records[i].name);
	}
	if (!p->served.n)
		serve_by_itself(p);
	return 0;
}

/* ── who is taken ────────────────────────────────────────────────────────────────────────────── */

/* The lines of mta/reception.h. */
static void take_line(struct rehearse_plan *p, struct span line)
{
	struct span word, name = { 0 };
	AUTO_FREE char *text = NULL;

	line = span_trim(line);
	if (!line.n || line.p[0] == '#' || span_starts(line, "delimiter ") ||
	    span_starts(line, "unknown "))
		return;
	if (span_starts(line, "domain ")) {
		line = span_from(line, 7);
		span_next_word(&line, &name);
		text = span_dup(name);
		add_once(&p->domains, text);
		if (!span_next_word(&line, &word))
			add_once(&p->listed, text);
		return;
	}
	text = span_dup(line);
	if (line.p[0] == '@') {
		add_once(&p->domains, text + 1);
		add_once(&p->whole, text + 1);
	} else {
		add_once(&p->taken, text);
	}
}

/* Hosts are no domains of people: nobody has to be let in under such a name. But all that old takes is
 * tried, because somebody may use it. */
static int read_old(struct rehearse_plan *p, struct host *old, struct error *err)
{
	static const struct strings none;
	AUTO_RECEPTION struct mta_reception reception = { 0 };
	struct span rest, line;

	if (mta_reception(old, &none, &reception, err) < 0)
		return -1;
	for (rest = buf_span(&reception.recipients); span_next_line(&rest, &line);)
		take_line(p, line);
	for (size_t i = 0; i < reception.unlisted.n; i++)
		strings_addf(&p->notes, "who is there can't be read on old: %s",
		             reception.unlisted.rows[i]);
	return 0;
}

static int read_known(struct rehearse_plan *p, struct state *s, struct error *err)
{
	AUTO_CHECK_SITE struct check_site site = { 0 };

	if (check_site_read(&site, p->config, s, err) < 0)
		return -1;
	for (size_t i = 0; i < site.recipients.n; i++)
		add_once(&p->taken, site.recipients.rows[i]);
	/* where mail is sent to; names of hosts take mail too, but nobody publishes an MX for them */
	if (site.domains.n) {
		strings_fini(&p->domains);
		p->domains = site.domains;
		site.domains = (struct strings){ 0 };
	}
	return 0;
}

/* ── what else survey has found ──────────────────────────────────────────────────────────────── */

static const struct account_pair *pair_of(const struct account_pairs *all, const char *user)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->rows[i].prepared && strcmp(all->rows[i].from.user, user) == 0)
			return &all->rows[i];
	return NULL;
}

static int read_scripts(struct rehearse_plan *p, struct state *s, struct error *err)
{
	AUTO_ACCOUNT_PAIRS struct account_pairs accounts = { 0 };
	AUTO_ITEMS struct items items = { 0 };

	if (survey_accounts(s, &accounts, err) < 0 ||
	    items_load(s, "old", "sieve", &items, err) < 0)
		return -1;
	for (size_t i = 0; i < items.n; i++) {
		json_t *detail = json_loads(items.rows[i].detail, 0, NULL);
		const char *user = json_string_value(json_object_get(detail, "user"));
		const struct account_pair *pair = user ? pair_of(&accounts, user) : NULL;
		size_t n = pair && pair->from.home ? strlen(pair->from.home) : 0;

		if (n && pair->to.home && !strncmp(items.rows[i].name, pair->from.home, n) &&
		    !strchr(user, ' ') && !strpbrk(items.rows[i].name, "\n\t") &&
		    strcmp(items.rows[i].reason, "the active Sieve script") == 0)
			strings_addf(&p->scripts, "%s %s%s", user, pair->to.home,
			             items.rows[i].name + n);
		json_decref(detail);
	}
	return 0;
}

static int read_ports(struct rehearse_plan *p, struct state *s, struct error *err)
{
	static const struct {
		const char *front;
		enum rehearse_port bit;
	} rows[] = { { "143 ", REHEARSE_IMAP },
		     { "993 ", REHEARSE_IMAPS },
		     { "110 ", REHEARSE_POP3 },
		     { "995 ", REHEARSE_POP3S } };
	AUTO_ITEMS struct items items = { 0 };

	if (items_load(s, "old", "listener", &items, err) < 0)
		return -1;
	for (size_t i = 0; i < items.n; i++)
		for (size_t k = 0; k < ROWS(rows); k++)
			if (!strncmp(items.rows[i].name, rows[k].front, strlen(rows[k].front)))
				p->ports |= rows[k].bit;
	if (!p->ports) /* a folder listens on nothing */
		p->ports = REHEARSE_IMAP | REHEARSE_IMAPS;
	return 0;
}

/* Users of the system have addresses too ("www-data"), and no mailbox: neither here nor on old. */
static bool is_somebody(const char *local, const struct account_pairs *accounts,
                        const struct items *aliases)
{
	size_t n = strlen(local);

	for (size_t i = 0; i < accounts->n; i++)
		if (strcmp(accounts->rows[i].from.user, local) == 0)
			return true;
	/* "sales (/etc/aliases)" */
	for (size_t i = 0; i < aliases->n; i++)
		if (!strncmp(aliases->rows[i].name, local, n) &&
		    !strncmp(aliases->rows[i].name + n, " (", 2))
			return true;
	return !getpwnam(local);
}

static int choose_letters(struct rehearse_plan *p, struct state *s, struct error *err)
{
	AUTO_ACCOUNT_PAIRS struct account_pairs accounts = { 0 };
	AUTO_ITEMS struct items aliases = { 0 };

	if (survey_accounts(s, &accounts, err) < 0 ||
	    items_load(s, "old", "alias", &aliases, err) < 0)
		return -1;
	for (size_t i = 0; i < p->taken.n; i++) {
		const char *address = p->taken.rows[i], *at = strrchr(address, '@');
		AUTO_FREE char *local = at ? xstrndup(address, (size_t)(at - address)) : NULL;

		if (at && strings_has(&p->domains, at + 1) &&
		    is_somebody(local, &accounts, &aliases))
			strings_add(&p->letters, address);
	}
	return 0;
}

static int read_services(struct rehearse_plan *p, struct error *err)
{
	const struct config_rehearse *c = &p->config->rehearse;
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_STRINGS struct strings more = { 0 }, commands = { 0 };

	if (root < 0)
		return error_system(err, "open /");
	for (unsigned i = 0; i < c->services_count; i++)
		strings_add(&more, c->services[i]);
	for (unsigned i = 0; i < c->commands_count; i++)
		strings_add(&commands, c->commands[i]);
	services_find(&p->services, root, &more, &commands);
	return 0;
}

/* Where clients go when move.yaml names no host: to the first MX. */
static void find_mail_host(struct rehearse_plan *p)
{
	for (size_t i = 0; i < p->domains.n && !p->mail_hosts.n; i++) {
		const struct dns_set *mx = zonebook_find(&p->book, p->domains.rows[i], DNS_MX);
		const char *blank = mx ? strchr(mx->data.rows[0], ' ') : NULL;

		if (blank && strlen(blank) > 2)
			strings_add_span(&p->mail_hosts,
			                 (struct span){ blank + 1, strlen(blank + 1) - 1 });
	}
}

/* Of the real servers, because the copy sees the DNS as it will be. */
static void ask_ttl(struct rehearse_plan *p)
{
	AUTO_CHECK_SITE struct check_site site = { .config = p->config, .window = CHECK_PRE };
	const struct check_asking asking = { .site = &site, .of = CHECK_WHOLE };
	struct error err = { 0 };

	if (dns_resolvers(&site.resolvers, (const char *const *)p->config->resolvers,
	                  p->config->resolvers_count, &err) < 0)
		p->ttl = check_not_told(&p->ttl_seen, &err);
	else
		p->ttl = check_ttl(&asking, &p->ttl_seen);
}

int rehearse_read(struct rehearse_plan *out, const struct config *c, struct state *s,
                  struct host *old, struct error *err)
{
	AUTO_REHEARSE_PLAN struct rehearse_plan p = { .config = c };

	if (read_addresses(&p, err) < 0)
		return -1;
	if (old && read_old(&p, old, err) < 0)
		return -1;
	if (!old)
		strings_add(&p.notes,
		            "the old host can't be asked: addresses are those that survey "
		            "found, without aliases and lists");
	if (read_known(&p, s, err) < 0 || choose_letters(&p, s, err) < 0 ||
	    read_scripts(&p, s, err) < 0 || read_ports(&p, s, err) < 0 ||
	    read_services(&p, err) < 0 || cutover_plan_read(&p.cutover, &p, s, old, err) < 0)
		return -1;
	gather_zones(&p.book, c, &p.domains, &p.mail_hosts, &p.served, &p.cutover.now, &p.notes);
	find_mail_host(&p);
	ask_ttl(&p);
	*out = p;
	out->stage.hostname = out->hostname;
	p = (struct rehearse_plan){ 0 };
	return 0;
}

void rehearse_add_plan(struct buf *out, const struct rehearse_plan *p)
{
	static const char *const by[] = { "its unit", "its init script", "move.yaml" };

	buf_addf(out, "a sealed copy of %s with the addresses", p->hostname);
	for (size_t i = 0; i < p->stage.addresses.n; i++)
		buf_addf(out, " %s", p->stage.addresses.rows[i]);
	buf_add_char(out, '\n');
	for (size_t i = 0; i < p->services.n; i++)
		buf_addf(out, "would start    %s, by %s\n", p->services.rows[i].name,
		         by[p->services.rows[i].by]);
	buf_addf(out, "would ask for  %zu addresses in %zu domains, at", p->taken.n, p->domains.n);
	for (size_t i = 0; i < p->served.n; i++)
		buf_addf(out, " %s", p->served.rows[i]);
	buf_addf(out, "\nwould look at  %zu Sieve scripts, %u logins, %u pages\n", p->scripts.n,
	         p->config->rehearse.accounts_count, p->config->rehearse.pages_count);
	for (size_t i = 0; i < p->book.zones.n; i++)
		buf_addf(out, "would serve    %s as it will be\n", p->book.zones.rows[i]);
	if (p->cutover.skipped)
		buf_addf(out, "would skip     the cut-over: %s\n", p->cutover.skipped);
	else
		buf_addf(out,
		         "would rehearse the cut-over and its way back, on a copy of %s from %s\n",
		         p->cutover.hostname, p->cutover.root);
	for (size_t i = 0; i < p->cutover.services.n; i++)
		buf_addf(out, "would start    %s there, by %s\n", p->cutover.services.rows[i].name,
		         by[p->cutover.services.rows[i].by]);
	for (size_t i = 0; i < p->cutover.notes.n; i++)
		buf_addf(out, "note           %s\n", p->cutover.notes.rows[i]);
	for (size_t i = 0; i < p->notes.n; i++)
		buf_addf(out, "note           %s\n", p->notes.rows[i]);
}
