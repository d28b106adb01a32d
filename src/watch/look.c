/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/watch.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXCHANGERS_MAX 16u /* of one domain that are followed */

/* Servers of the zone that a mail host is in, when it is not the domain's own. */
struct host_zone {
	char *host; /* owned */
	struct dns_servers servers;
	int64_t again_ms; /* monotonic; then it is looked for again */
};

/* What one server said of one host in this look; many domains share a mail host. */
struct memo {
	const char *address; /* borrowed; of the server */
	uint16_t port;
	char *host;             /* owned */
	enum watch_look failed; /* WATCH_UNASKED: it did not fail */
	struct strings addresses;
	uint32_t ttl;
};

struct watch {
	const struct watch_plan *plan; /* borrowed */
	struct watch_row *rows;        /* owned */
	size_t rows_n, rows_room;
	struct watch_column *columns; /* owned */
	size_t columns_n;
	bool *speaks; /* owned; [row * columns_n + column]: it is authoritative there */
	int64_t *
		again_ms; /* owned; of each column, monotonic: then its servers are looked for again */
	struct host_zone *zones; /* owned */
	size_t zones_n, zones_room;
	/* of the look under way */
	struct memo *memos; /* owned */
	size_t memos_n, memos_room;
	struct strings silent, no_way; /* "ADDRESS#PORT" of those that can't be asked again */
	bool (*stopped)(void);
};

/* ── rows and columns ────────────────────────────────────────────────────────────────────────── */

static size_t add_row(struct watch *w, const char *name, const char *address, uint16_t port,
                      bool resolver)
{
	for (size_t i = 0; i < w->rows_n; i++)
		if (!strcmp(w->rows[i].address, address) && w->rows[i].port == port &&
		    w->rows[i].resolver == resolver)
			return i;
	ARRAY_GROW(w->rows, w->rows_n, w->rows_room);
	w->rows[w->rows_n] = (struct watch_row){ .name = xstrdup(name),
		                                 .address = xstrdup(address),
		                                 .port = port,
		                                 .resolver = resolver };
	w->speaks = xrealloc(w->speaks, (w->rows_n + 1) * w->columns_n * sizeof *w->speaks);
	memset(&w->speaks[w->rows_n * w->columns_n], 0, w->columns_n * sizeof *w->speaks);
	return w->rows_n++;
}

/* WATCH_UNASKED: nothing is known against asking it. */
static enum watch_look is_gone(const struct watch *w, const char *address, uint16_t port)
{
	AUTO_FREE char *key = xasprintf("%s#%u", address, port);

	if (strings_has(&w->silent, key))
		return WATCH_SILENT;
	return strings_has(&w->no_way, key) ? WATCH_NO_WAY : WATCH_UNASKED;
}

/* What a failed question means; one that was not answered is not put to that server again. */
static enum watch_look note_failure(struct watch *w, const struct dns_server *s,
                                    const struct error *err)
{
	bool no_way = err->sys_errno == ENETUNREACH || err->sys_errno == EADDRNOTAVAIL;

	if (err->retry != ERROR_RETRY_REACH)
		return WATCH_UNCLEAR;
	strings_addf(no_way ? &w->no_way : &w->silent, "%s#%u", s->address, s->port);
	return no_way ? WATCH_NO_WAY : WATCH_SILENT;
}

/* The primary that takes updates may be hidden: no NS record names it. */
static void add_primary(struct watch *w, size_t column)
{
	const struct dns_server *primary = &w->plan->primary;
	struct dns_question q = { .name = w->columns[column].name, .type = DNS_SOA };
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	if (!primary->address || is_gone(w, primary->address, primary->port))
		return;
	if (dns_ask(primary, &q, &a, &err) < 0) {
		(void)note_failure(w, primary, &err);
		return;
	}
	if (!a.authoritative)
		return;
	size_t row = add_row(w, "primary", primary->address, primary->port, false);
	w->speaks[row * w->columns_n + column] = true;
}

static int64_t in_seconds(uint32_t s)
{
	return clock_monotonic_ms() + (int64_t)s * 1000;
}

/* Finds its servers, or those that have come to them since. One that has left them stays: a cache may still
 * know of it, and of what it says. */
static void find_column(struct watch *w, size_t column)
{
	struct watch_column *c = &w->columns[column];
	bool is_placed = w->again_ms[column] && !c->problem;
	AUTO_ZONE struct dns_zone zone = { 0 };
	struct error err = { 0 };

	free(c->problem);
	c->problem = NULL;
	if (dns_find_zone(&w->plan->resolvers, c->name, &zone, &err) < 0 && !is_placed)
		c->problem = xstrdup(err.text);
	w->again_ms[column] = in_seconds(zone.ttl);
	for (size_t i = 0; i < zone.servers.n; i++) {
		const struct dns_server *s = &zone.servers.rows[i];
		size_t row = add_row(w, s->name, s->address, s->port, false);

		w->speaks[row * w->columns_n + column] = true;
	}
	add_primary(w, column);
}

int watch_open(struct watch **out, const struct watch_plan *plan, struct error *err)
{
	AUTO_WATCH struct watch *w = xcalloc(1, sizeof *w);

	w->plan = plan;
	w->columns_n = plan->domains.n + plan->hosts.n;
	if (!w->columns_n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "there is no name to watch: no domain is known");
	w->columns = xcalloc(w->columns_n, sizeof *w->columns);
	w->again_ms = xcalloc(w->columns_n, sizeof *w->again_ms);
	for (size_t i = 0; i < w->columns_n; i++) {
		bool mail = i < plan->domains.n;

		w->columns[i].mail = mail;
		w->columns[i].name = xstrdup(mail ? plan->domains.rows[i]
		                                  : plan->hosts.rows[i - plan->domains.n]);
		w->columns[i].closed = mail ? plan->closed_hosts.n > 0
		                            : strings_has(&plan->closed_hosts, w->columns[i].name);
	}
	for (size_t i = 0; i < w->columns_n; i++)
		find_column(w, i);
	for (size_t i = 0; i < plan->resolvers.n; i++) {
		const struct dns_server *s = &plan->resolvers.rows[i];
		size_t row = add_row(w, "resolver", s->address, s->port, true);

		memset(&w->speaks[row * w->columns_n], 1, w->columns_n * sizeof *w->speaks);
	}
	*out = TAKE(w);
	return 0;
}

/* Zones of mail hosts that are to be looked for again by now. */
static void forget_zones(struct watch *w, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->zones_n; i++) {
		if (w->zones[i].again_ms > now) {
			w->zones[kept++] = w->zones[i];
			continue;
		}
		free(w->zones[i].host);
		dns_servers_fini(&w->zones[i].servers);
	}
	w->zones_n = kept;
}

static void forget_memos(struct watch *w)
{
	for (size_t i = 0; i < w->memos_n; i++) {
		free(w->memos[i].host);
		strings_fini(&w->memos[i].addresses);
	}
	w->memos_n = 0;
	strings_fini(&w->silent);
	strings_fini(&w->no_way);
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	forget_memos(w);
	free(w->memos);
	for (size_t i = 0; i < w->rows_n; i++) {
		free(w->rows[i].name);
		free(w->rows[i].address);
	}
	free(w->rows);
	for (size_t i = 0; i < w->columns_n; i++) {
		free(w->columns[i].name);
		free(w->columns[i].problem);
	}
	free(w->columns);
	free(w->speaks);
	free(w->again_ms);
	forget_zones(w, INT64_MAX);
	free(w->zones);
	free(w);
}

/* ── one question ────────────────────────────────────────────────────────────────────────────── */

static struct memo *ask_host(struct watch *w, const struct dns_server *s, const char *host,
                             bool recurse)
{
	AUTO_ADDRESSES struct dns_addresses found = { 0 };
	struct error err = { 0 };
	struct memo *m;

	for (size_t i = 0; i < w->memos_n; i++) {
		m = &w->memos[i];
		if (m->port == s->port && !strcmp(m->address, s->address) && !strcmp(m->host, host))
			return m;
	}
	ARRAY_GROW(w->memos, w->memos_n, w->memos_room);
	m = &w->memos[w->memos_n++];
	*m = (struct memo){ .address = s->address, .port = s->port, .host = xstrdup(host) };
	m->failed = is_gone(w, s->address, s->port);
	if (m->failed)
		return m;
	if (dns_find_addresses(s, host, recurse, &found, &err) < 0) {
		m->failed = note_failure(w, s, &err);
	} else {
		m->addresses = found.rows;
		found.rows = (struct strings){ 0 };
		m->ttl = found.ttl;
	}
	return m;
}

/* ── a mail host in another zone ─────────────────────────────────────────────────────────────── */

static const struct dns_servers *find_host_zone(struct watch *w, const char *host)
{
	struct dns_zone zone = { 0 };
	struct error ignored;

	for (size_t i = 0; i < w->zones_n; i++)
		if (!strcmp(w->zones[i].host, host))
			return &w->zones[i].servers;
	if (dns_find_zone(&w->plan->resolvers, host, &zone, &ignored) < 0)
		return NULL; /* looked for again next time */
	ARRAY_GROW(w->zones, w->zones_n, w->zones_room);
	w->zones[w->zones_n] = (struct host_zone){ .host = xstrdup(host),
		                                   .servers = zone.servers,
		                                   .again_ms = in_seconds(zone.ttl) };
	zone.servers = (struct dns_servers){ 0 };
	dns_zone_fini(&zone);
	return &w->zones[w->zones_n++].servers;
}

struct gathered {
	struct strings addresses;
	uint32_t ttl;
	enum watch_look failed;
};

static void gather(struct gathered *g, const struct memo *m)
{
	if (m->failed) {
		g->failed = m->failed;
		return;
	}
	for (size_t i = 0; i < m->addresses.n; i++)
		strings_add(&g->addresses, m->addresses.rows[i]);
	if (m->ttl > g->ttl)
		g->ttl = m->ttl;
}

/* A server that has no say about the host sends us to those that have; if these differ, the world
 * sees both. */
static void gather_host(struct watch *w, const struct dns_server *s, const char *host, bool recurse,
                        struct gathered *g)
{
	const struct memo *m = ask_host(w, s, host, recurse);
	const struct dns_servers *servers;
	size_t answered = 0;

	if (m->failed != WATCH_UNCLEAR || recurse) {
		gather(g, m);
		return;
	}
	servers = find_host_zone(w, host);
	for (size_t i = 0; servers && i < servers->n; i++) {
		m = ask_host(w, &servers->rows[i], host, false);
		if (m->failed)
			continue;
		gather(g, m);
		answered++;
	}
	if (!answered)
		g->failed = WATCH_UNCLEAR;
}

/* ── one sight ───────────────────────────────────────────────────────────────────────────────── */

/* FNV-1a over the names in order, so that two sets can be told apart. Never 0. */
static uint64_t name_hosts(const struct dns_mail *mail)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < mail->n; i++)
		for (const char *p = mail->rows[i].host;; p++) {
			hash = (hash ^ (unsigned char)*p) * 1099511628211u;
			if (!*p)
				break;
		}
	return hash | 1;
}

static struct watch_sight look_at(struct watch *w, const struct watch_row *row,
                                  const struct watch_column *column)
{
	struct dns_server s = { .address = row->address, .port = row->port };
	struct watch_sight sight = { 0 };
	AUTO_MAIL struct dns_mail mail = { 0 };
	struct gathered g = { 0 };
	struct error err = { 0 };

	if (!column->mail) {
		gather_host(w, &s, column->name, row->resolver, &g);
	} else if (dns_find_mail(&s, column->name, row->resolver, &mail, &err) < 0) {
		g.failed = note_failure(w, &s, &err);
	} else {
		sight.mail_hosts = name_hosts(&mail);
		for (size_t i = 0; i < mail.n && i < EXCHANGERS_MAX; i++) {
			if (mail.rows[i].ttl > sight.mail_ttl)
				sight.mail_ttl = mail.rows[i].ttl;
			gather_host(w, &s, mail.rows[i].host, row->resolver, &g);
		}
	}
	sight.address_ttl = g.ttl;
	sight.look = watch_classify(&g.addresses, w->plan);
	/* of several hosts, one that could not be asked does not hide what the others say */
	if (sight.look == WATCH_OTHER && g.failed)
		sight.look = g.failed;
	strings_fini(&g.addresses);
	return sight;
}

void watch_look(struct watch *w, bool (*stopped)(void), struct watch_table *out)
{
	int64_t now = clock_monotonic_ms();
	struct watch_table t = { 0 };

	forget_memos(w);
	forget_zones(w, now);
	for (size_t c = 0; c < w->columns_n; c++)
		if ((w->columns[c].problem || w->again_ms[c] <= now) && !(stopped && stopped()))
			find_column(w, c);
	t.rows = w->rows;
	t.rows_n = w->rows_n;
	t.columns = w->columns;
	t.columns_n = w->columns_n;
	t.sights = xcalloc(t.rows_n * t.columns_n + 1, sizeof *t.sights);
	for (size_t r = 0; r < t.rows_n; r++)
		for (size_t c = 0; c < t.columns_n; c++) {
			const struct watch_row *row = &w->rows[r];
			struct watch_sight *s = &t.sights[r * t.columns_n + c];

			if (!w->speaks[r * t.columns_n + c] || (stopped && stopped()))
				continue;
			s->look = is_gone(w, row->address, row->port);
			if (s->look == WATCH_UNASKED)
				*s = look_at(w, row, &w->columns[c]);
		}
	t.at_ms = clock_wall_ms();
	watch_table_fini(out);
	*out = t;
}
