/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/admission.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>
#include <sys/random.h>

#define MINUTE_MS 60000

struct entry {
	struct entry *next;
	struct gate_key key;
	uint64_t connections;
	uint64_t left;   /* of the rate, times MINUTE_MS */
	int64_t seen_ms; /* when `left` was true */
};

struct gate_limits {
	struct gate_limits_set set;
	struct entry **chains;
	size_t chains_n; /* a power of two */
	size_t entries, connections;
	uint64_t secret; /* so that nobody can choose addresses of one chain */
};

struct gate_limits *gate_limits_new(const struct gate_limits_set *set)
{
	struct gate_limits *l = xcalloc(1, sizeof *l);

	l->set = *set;
	l->chains_n = 1024;
	l->chains = xcalloc(l->chains_n, sizeof(struct entry *));
	(void)!getrandom(&l->secret, sizeof l->secret, GRND_NONBLOCK);
	return l;
}

void gate_limits_free(struct gate_limits *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->chains_n; i++)
		for (struct entry *e = l->chains[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	free(l->chains);
	free(l);
}

static size_t chain_of(const struct gate_limits *l, const struct gate_key *key)
{
	uint64_t a, b, h;

	memcpy(&a, key->octets, 8);
	memcpy(&b, key->octets + 8, 8);
	h = (a ^ l->secret) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29 ^ b) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 32 ^ l->secret) * 0x94d049bb133111ebu;
	return (h ^ h >> 31) & (l->chains_n - 1);
}

/* Where the entry hangs, or where it would. */
static struct entry **find(const struct gate_limits *l, const struct gate_key *key)
{
	struct entry **at = &l->chains[chain_of(l, key)];

	while (*at && memcmp(&(*at)->key, key, sizeof *key) != 0)
		at = &(*at)->next;
	return at;
}

static void grow(struct gate_limits *l)
{
	size_t old_n = l->chains_n;
	AUTO_FREE struct entry **old = l->chains;

	l->chains_n = 2 * old_n;
	l->chains = xcalloc(l->chains_n, sizeof(struct entry *));
	for (size_t i = 0; i < old_n; i++)
		for (struct entry *e = old[i], *next; e; e = next) {
			struct entry **chain = &l->chains[chain_of(l, &e->key)];

			next = e->next;
			e->next = *chain;
			*chain = e;
		}
}

static void refill(const struct gate_limits *l, struct entry *e, int64_t now_ms)
{
	uint64_t whole = l->set.rate * MINUTE_MS, passed;

	if (now_ms <= e->seen_ms)
		return;
	passed = (uint64_t)(now_ms - e->seen_ms);
	e->seen_ms = now_ms;
	e->left = passed >= MINUTE_MS ? whole : e->left + passed * l->set.rate;
	if (e->left > whole)
		e->left = whole;
}

/* Nothing to remember: no connection, and all of its rate. */
static bool is_quiet(const struct gate_limits *l, const struct entry *e)
{
	return !e->connections && e->left >= l->set.rate * MINUTE_MS;
}

static void forget(struct gate_limits *l, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	free(e);
	l->entries--;
}

enum gate_admission gate_limits_enter(struct gate_limits *l, struct gate_key key, int64_t now_ms)
{
	struct entry **at, *e;

	if (l->connections >= l->set.connections)
		return GATE_CROWDED;
	if (l->entries >= l->chains_n)
		grow(l);
	at = find(l, &key);
	if (!*at) {
		*at = xcalloc(1, sizeof **at);
		(*at)->key = key;
		(*at)->left = l->set.rate * MINUTE_MS;
		(*at)->seen_ms = now_ms;
		l->entries++;
	}
	e = *at;
	refill(l, e, now_ms);
	if (l->set.connections_each && e->connections >= l->set.connections_each)
		return GATE_TOO_MANY;
	if (l->set.rate && e->left < MINUTE_MS)
		return GATE_TOO_FAST;
	if (l->set.rate)
		e->left -= MINUTE_MS;
	e->connections++;
	l->connections++;
	return GATE_ADMITTED;
}

void gate_limits_leave(struct gate_limits *l, struct gate_key key, int64_t now_ms)
{
	struct entry **at = find(l, &key);

	l->connections--;
	if (!*at)
		return;
	(*at)->connections--;
	refill(l, *at, now_ms);
	if (is_quiet(l, *at))
		forget(l, at);
}

size_t gate_limits_connections(const struct gate_limits *l)
{
	return l->connections;
}

size_t gate_limits_addresses(const struct gate_limits *l)
{
	return l->entries;
}

void gate_limits_sweep(struct gate_limits *l, int64_t now_ms)
{
	for (size_t i = 0; i < l->chains_n; i++)
		for (struct entry **at = &l->chains[i]; *at;) {
			refill(l, *at, now_ms);
			if (is_quiet(l, *at))
				forget(l, at);
			else
				at = &(*at)->next;
		}
}
