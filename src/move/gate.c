/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/gate.h"

#include "base/clock.h"
#include "base/memory.h"
#include "fence/fence.h"
#include "move/interface.h"
#include "mta/reception.h"
#include "remote/daemon.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define ROW_NAME "gate"
#define SPOOL_DEFAULT "/var/spool/mailhaul-gate"
#define LOOK_EVERY_MS 200
#define TELL_EVERY_MS 5000
#define LISTEN_MS 20000
#define ANY_SIZE "1099511627776" /* the most that --message-size takes */

static const char *spool_of(const struct move *m)
{
	return m->config->gate.spool ? m->config->gate.spool : SPOOL_DEFAULT;
}

static bool is_version_6(const char *address)
{
	return strchr(address, ':') != NULL;
}

static char *with_port(const char *address, unsigned port)
{
	return is_version_6(address) ? xasprintf("[%s]:%u", address, port)
	                             : xasprintf("%s:%u", address, port);
}

/* Where the new server is, or will be by the time that it opens. The caller owns it. */
static char *new_address(const struct move *m)
{
	const struct config *c = m->config;
	const char *found = NULL;
	char *address = NULL;
	unsigned prefix;

	if (c->switch_by == CONFIG_SWITCH_ADDRESS)
		return config_split_address(c->address.addresses[0], &address, &prefix)
		               ? address
		               : xstrdup("");
	for (unsigned i = 0; i < c->dns.records_count; i++)
		if (!found || (is_version_6(found) && !is_version_6(c->dns.records[i].new_address)))
			found = c->dns.records[i].new_address;
	return xstrdup(found ? found : "");
}

/* ── starting ────────────────────────────────────────────────────────────────────────────────── */

static int ask_reception(struct move *m, struct mta_reception *out, struct error *err)
{
	AUTO_STRINGS struct strings more = { 0 };

	for (unsigned i = 0; i < m->config->domains_count; i++)
		strings_add(&more, m->config->domains[i]);
	if (mta_reception(m->old, &more, out, err) < 0)
		return -1;
	if (out->unlisted.n && !more.n) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "which domains are yours can't be read from here: %s",
		          out->unlisted.rows[0]);
		return error_hint(err, "name them in move.yaml, domains: a gate that does not know "
		                       "one would refuse its mail; or close: defer");
	}
	return 0;
}

/* Beside the program; the caller owns it. */
static char *recipients_path(const struct host_daemon *there)
{
	const char *slash = strrchr(there->program, '/');

	return xasprintf("%.*s/gate.recipients", (int)(slash ? slash - there->program : 0),
	                 there->program);
}

static void add(struct strings *words, const char *option, const char *value)
{
	strings_add(words, option);
	if (value)
		strings_add(words, value);
}

static int start(struct move *m, const struct strings *words, struct error *err)
{
	AUTO_FREE const char **argv = xcalloc(words->n + 2, sizeof *argv);

	argv[0] = "--supervise";
	for (size_t i = 0; i < words->n; i++)
		argv[i + 1] = words->rows[i];
	return host_daemon_start(m->old, ROW_NAME, argv, NULL, err);
}

/* Hosts that send to elsewhere through the old server: in one word, for a daemon is told 64 at most. */
static void add_relay_networks(struct move *m, const struct mta_reception *r, struct strings *words)
{
	AUTO_BUF struct buf list = { 0 };

	for (size_t i = 0; i < r->relay_networks.n; i++)
		buf_addf(&list, "%s%s", i ? "," : "", r->relay_networks.rows[i]);
	if (list.n)
		add(words, "--relay-networks", buf_text(&list));
	if (r->relay_networks.n == MTA_RELAY_NETWORKS_MAX)
		move_say(m, "the gate is told of the first %u networks that old relays for",
		         MTA_RELAY_NETWORKS_MAX);
}

static void add_serving(struct move *m, const struct mta_reception *r, struct strings *words)
{
	AUTO_FREE char *four = xasprintf("0.0.0.0:%u", m->config->gate.port);
	AUTO_FREE char *six = xasprintf("[::]:%u", m->config->gate.port);
	AUTO_FREE char *address = new_address(m), *to = with_port(address, 25);
	AUTO_FREE char *size = r->size_max ? xasprintf("%llu", (unsigned long long)r->size_max)
	                                   : xstrdup(ANY_SIZE);

	add(words, "--listen", four);
	add(words, "--listen", six);
	add(words, "--name", r->name);
	add(words, "--message-size", size);
	add(words, "--deliver-to", to);
	if (r->certificate) {
		AUTO_FREE char *pem = r->key ? xasprintf("%s,%s", r->certificate, r->key)
		                             : xstrdup(r->certificate);

		add(words, "--tls", pem);
	}
	add_relay_networks(m, r, words);
	if (m->config->close == CONFIG_CLOSE_RELAY) {
		add(words, "--mode", "relay");
		return;
	}
	add(words, "--mode", "spool");
	add(words, "--hold", NULL);
	add(words, "--spool", spool_of(m));
	add(words, "--unreachable", "spool");
}

int gate_start(struct move *m, struct error *err)
{
	AUTO_RECEPTION struct mta_reception r = { 0 };
	AUTO_DAEMON struct host_daemon there = { 0 };
	AUTO_STRINGS struct strings words = { 0 };

	if (host_daemon_look(m->old, ROW_NAME, &there, err) < 0)
		return -1;
	if (there.pid)
		return 0;
	if (ask_reception(m, &r, err) < 0 || host_place_program(m->old, ROW_NAME, NULL, err) < 0)
		return -1;

	AUTO_FREE char *recipients = recipients_path(&there);
	if (host_write(m->old, recipients, 0644, (uint32_t)host_hello(m->old)->uid, 0,
	               buf_span(&r.recipients), err) < 0)
		return -1;
	add_serving(m, &r, &words);
	add(&words, "--recipients", recipients);
	if (start(m, &words, err) < 0)
		return error_hint(err, "another port: gate.port in move.yaml; close: defer needs "
		                       "none");
	move_say(m, "the gate knows %zu addresses of %zu domains%s", r.addresses, r.domains,
	         r.incomplete ? "; of some not all: an unknown one there is told to wait" : "");
	return 0;
}

/* Where the host itself finds its MTA; the caller owns it. */
static int find_own_door(struct move *m, char **out, struct error *err)
{
	int64_t until = clock_monotonic_ms() + LISTEN_MS;

	do {
		AUTO_LISTENERS struct host_listeners l = { 0 };

		if (host_listeners(m->old, &l, err) < 0)
			return -1;
		for (size_t i = 0; i < l.n; i++) {
			const char *address = l.rows[i].address;

			if (l.rows[i].port != 25)
				continue;
			*out = with_port(!strcmp(address, "0.0.0.0") ? "127.0.0.1"
			                 : !strcmp(address, "::")    ? "::1"
			                                             : address,
			                 25);
			return 0;
		}
		clock_sleep_ms(LOOK_EVERY_MS);
	} while (clock_monotonic_ms() < until);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "nothing listens on the old host's port 25");
}

int gate_start_back(struct move *m, struct error *err)
{
	AUTO_DAEMON struct host_daemon there = { 0 };
	AUTO_STRINGS struct strings words = { 0 };
	AUTO_FREE char *door = NULL, *at = xasprintf("127.0.0.1:%u", m->config->gate.port);

	if (host_daemon_look(m->old, ROW_NAME, &there, err) < 0 || find_own_door(m, &door, err) < 0)
		return -1;

	AUTO_FREE char *recipients = recipients_path(&there);
	add(&words, "--listen", at);
	add(&words, "--mode", "defer");
	add(&words, "--spool", spool_of(m));
	add(&words, "--recipients", recipients);
	add(&words, "--deliver-to", door);
	/* the old server's settings are left alone; it takes what its own host says */
	add(&words, "--deliver-identity", "none");
	add(&words, "--deliver-tls", "never");
	add(&words, "--deliver-retry-least", "1");
	return start(m, &words, err);
}

int gate_await_quiet(struct move *m, struct error *err)
{
	int64_t until = clock_monotonic_ms() + (int64_t)m->config->window.session_grace * 1000;
	struct gate_now now;

	for (;;) {
		if (gate_look(m, &now, err) < 0)
			return -1;
		if (!now.runs || !now.connections || clock_monotonic_ms() >= until)
			return 0;
		clock_sleep_ms(LOOK_EVERY_MS);
	}
}

int gate_stop(struct move *m, struct error *err)
{
	return gate_await_quiet(m, err) < 0 ? -1 : host_daemon_stop(m->old, ROW_NAME, err);
}

/* ── asking and telling ──────────────────────────────────────────────────────────────────────── */

int gate_tell(struct move *m, const char *verb, const char *word, struct error *err)
{
	const char *const words[] = { verb, word, NULL };

	return host_daemon_tell(m->old, ROW_NAME, words, NULL, err);
}

static uint64_t number(const json_t *object, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(object, name));

	return n > 0 ? (uint64_t)n : 0;
}

static void take_status(const json_t *j, struct gate_now *out)
{
	const json_t *spool = json_object_get(j, "spool"), *deliver = json_object_get(j, "deliver");
	const json_t *counters = json_object_get(j, "counters");
	const char *mode = json_string_value(json_object_get(j, "mode"));
	const char *why = json_string_value(json_object_get(deliver, "why"));

	out->runs = true;
	(void)snprintf(out->mode, sizeof out->mode, "%s", mode ? mode : "?");
	(void)snprintf(out->why, sizeof out->why, "%s", why ? why : "");
	out->connections = number(j, "connections");
	out->accepted = number(counters, "accepted");
	out->taken = number(counters, "taken");
	out->relayed = number(counters, "relayed");
	out->hold = json_is_true(json_object_get(spool, "hold"));
	out->messages = number(spool, "messages");
	out->held = number(spool, "held");
	out->reachable = !json_is_false(json_object_get(deliver, "reachable"));
}

int gate_look(struct move *m, struct gate_now *out, struct error *err)
{
	static const char *const words[] = { "status", NULL };
	AUTO_DAEMON struct host_daemon there = { 0 };
	AUTO_BUF struct buf said = { 0 };
	json_t *document;

	*out = (struct gate_now){ 0 };
	if (host_daemon_look(m->old, ROW_NAME, &there, err) < 0)
		return -1;
	if (!there.pid)
		return 0;
	if (host_daemon_tell(m->old, ROW_NAME, words, &said, err) < 0)
		return -1;
	document = json_loadb(said.p, said.n, 0, NULL);
	if (!document)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "the gate's status is no JSON");
	take_status(document, out);
	json_decref(document);
	return 0;
}

int gate_await_empty(struct move *m, struct gate_now *last, struct error *err)
{
	int64_t began = clock_monotonic_ms(), told = began;
	int64_t until = began + (int64_t)m->config->gate.wait * 1000;

	for (;;) {
		uint64_t left;

		if (gate_look(m, last, err) < 0)
			return -1;
		if (!last->runs)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
			                 "the gate does not run: its log on the old host says why");
		left = last->messages - (last->held < last->messages ? last->held : last->messages);
		if (!left)
			return 0;
		if (clock_monotonic_ms() >= until)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
			                 "%llu messages are still in the gate's spool%s%s",
			                 (unsigned long long)left, *last->why ? ": " : "",
			                 last->why);
		if (clock_monotonic_ms() - told >= TELL_EVERY_MS) {
			told = clock_monotonic_ms();
			move_say(m, "%llu messages are still in the gate's spool%s%s",
			         (unsigned long long)left, *last->why ? ": " : "", last->why);
		}
		clock_sleep_ms(LOOK_EVERY_MS);
	}
}

/* ── trust ───────────────────────────────────────────────────────────────────────────────────── */

static int read_trusted(struct move *m, struct strings *out, struct error *err)
{
	AUTO_FREE char *fact = NULL;
	struct span rest, word;

	if (state_get(m->state, "gate.trusted", &fact, err) < 0)
		return -1;
	rest = span_of(fact ? fact : "");
	while (span_next_word(&rest, &word))
		strings_add_span(out, word);
	return 0;
}

/* The addresses from which the old host comes to the new one: not those that move there. */
static int find_own_addresses(struct move *m, struct strings *out, struct error *err)
{
	AUTO_FREE char *to = new_address(m);
	AUTO_STRINGS struct strings all = { 0 };
	const struct config_address *moving = &m->config->address;

	if (interface_addresses(m->old, is_version_6(to), &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		bool moves = false;

		for (unsigned k = 0; k < moving->addresses_count; k++) {
			AUTO_FREE char *address = NULL;
			unsigned prefix;

			if (config_split_address(moving->addresses[k], &address, &prefix))
				moves |= !strcmp(address, all.rows[i]);
		}
		if (!moves || m->config->switch_by != CONFIG_SWITCH_ADDRESS)
			strings_add(out, all.rows[i]);
	}
	return 0;
}

int gate_trust(struct move *m, struct error *err)
{
	AUTO_STRINGS struct strings own = { 0 }, ours = { 0 };
	AUTO_BUF struct buf words = { 0 };

	if (find_own_addresses(m, &own, err) < 0 || read_trusted(m, &ours, err) < 0)
		return -1;
	/* on record before it is so: what was trusted before is nobody's to take away */
	if (!ours.n) {
		if (mta_find_untrusted(m->new, &own, &ours, err) < 0)
			return -1;
		for (size_t i = 0; i < ours.n; i++)
			buf_addf(&words, "%s%s", i ? " " : "", ours.rows[i]);
		if (words.n && state_put(m->state, "gate.trusted", buf_text(&words), err) < 0)
			return -1;
	}
	return mta_trust(m->new, &own, err);
}

int gate_distrust(struct move *m, struct error *err)
{
	AUTO_STRINGS struct strings ours = { 0 };

	if (read_trusted(m, &ours, err) < 0)
		return -1;
	if (!ours.n)
		return 0;
	if (mta_distrust(m->new, &ours, err) < 0)
		return -1;
	return state_put(m->state, "gate.trusted", "", err);
}

int gate_end(struct move *m, struct error *err)
{
	if (fence_divert_end(m->old, err) < 0 || gate_stop(m, err) < 0 ||
	    fence_divert_forget(m->old, err) < 0 || gate_distrust(m, err) < 0)
		return -1;
	return state_put(m->state, "gate.stands", "no", err);
}
