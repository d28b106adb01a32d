/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/options.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "gate/optionfile.h"

#include <getopt.h>
#include <string.h>

#define TEXT_DEFAULT "This server is moving to another host; please try again in a few minutes"

enum kind {
	KIND_FLAG,
	KIND_TEXT,
	KIND_TEXTS,
	KIND_NUMBER,
	KIND_OCTETS,
	KIND_WORD,
	KIND_ADDRESS,
	KIND_NETWORKS,
	KIND_LISTEN
};

static const char *const modes[] = { "defer", "spool", "relay", NULL };
static const char *const takes[] = { "wait", "steer", "copy", "gate", NULL };
static const char *const defer_ats[] = { "greeting", "command", NULL };
static const char *const unreachables[] = { "defer", "spool", NULL };
static const char *const identities[] = { "xclient", "proxy", "none", NULL };
static const char *const protocols[] = { "smtp", "lmtp", NULL };
static const char *const tls_wishes[] = { "may", "must", "never", NULL };
static const char *const newlines[] = { "reject", "normalize", NULL };
static const char *const sandboxes[] = { "try", "must", "off", NULL };

/* `most`: of a number. Of KIND_LISTEN: 1 submission, 2 TLS from the first octet on; both may be. */
struct row {
	const char *name, *argument; /* NULL: takes none */
	enum kind kind;
	size_t at; /* of the member in struct gate_options */
	uint64_t most, standard;
	const char *const *words;
	const char *says; /* for the usage */
};

#define AT(member) offsetof(struct gate_options, member)
#define ANY UINT64_MAX
#define MANY (1u << 20)
#define DAY 86400

static const struct row rows[] = {
	{ "config", "FILE", KIND_TEXT, AT(config), .says = "the same options, as YAML" },
	{ "listen", "ADDR:PORT", KIND_LISTEN, AT(listen), 0,
	  .says = "take mail here; may be repeated" },
	{ "listen-submission", "ADDR:PORT", KIND_LISTEN, AT(listen), 1,
	  .says = "the same for people who log in (587)" },
	{ "listen-tls", "ADDR:PORT", KIND_LISTEN, AT(listen), 3,
	  .says = "the same with TLS from the first octet on (465)" },
	{ "mode", NULL, KIND_WORD, AT(mode), .words = modes, .says = "what to do" },
	{ "defer-at", NULL, KIND_WORD, AT(defer_at), .words = defer_ats,
	  .says = "421 at once, or 451 to each command" },
	{ "name", "NAME", KIND_TEXT, AT(name), .says = "this server's name in replies" },
	{ "text", "TEXT", KIND_TEXT, AT(text), .says = "what a deferred client is told" },
	{ "pid-file", "FILE", KIND_TEXT, AT(pid_file), .says = "written when all ports are held" },
	{ "control", "PATH", KIND_TEXT, AT(control), .says = "socket for mailhaul-gate control" },
	{ "metrics", "ADDR:PORT", KIND_ADDRESS, AT(metrics),
	  .says = "Prometheus, on loopback only" },
	{ "wait", "SECONDS", KIND_NUMBER, AT(wait_s), 3600, 10,
	  .says = "an occupied port is tried again" },
	{ "take", NULL, KIND_WORD, AT(take), .words = takes,
	  .says = "how an occupied port is got" },
	{ "patience", "SECONDS", KIND_NUMBER, AT(patience_s), 300, 10,
	  .says = "a client that is deferred at once may stay" },
	{ "user", "NAME|UID", KIND_TEXT, AT(user), .says = "what root becomes" },
	{ "sandbox", NULL, KIND_WORD, AT(sandbox), .words = sandboxes,
	  .says = "Landlock and seccomp" },
	{ "supervise", NULL, KIND_FLAG, AT(supervise),
	  .says = "a parent holds the ports, and starts it again" },
	{ "spool", "DIR", KIND_TEXT, AT(spool), .says = "where taken mail is kept" },
	{ "spool-size", "OCTETS", KIND_OCTETS, AT(spool_size), ANY, 4ull << 30,
	  .says = "the most that is kept" },
	{ "reserve", "OCTETS", KIND_OCTETS, AT(reserve), ANY, 256u << 20,
	  .says = "stay free on that disk" },
	{ "hold", NULL, KIND_FLAG, AT(hold), .says = "give nothing out yet" },
	{ "domain", "DOMAIN", KIND_TEXTS, AT(domains), .says = "is ours; may be repeated" },
	{ "recipients", "FILE", KIND_TEXT, AT(recipients), .says = "who is there" },
	{ "tls", "CERT[,KEY]", KIND_TEXTS, AT(tls), .says = "certificate; may be repeated" },
	{ "deliver-to", "ADDR:PORT", KIND_ADDRESS, AT(deliver_to), .says = "the new server" },
	{ "submission-to", "ADDR:PORT", KIND_ADDRESS, AT(submission_to),
	  .says = "the new server, for people who log in" },
	{ "deliver-protocol", NULL, KIND_WORD, AT(deliver_protocol), .words = protocols,
	  .says = "what the new server speaks" },
	{ "deliver-identity", NULL, KIND_WORD, AT(deliver_identity), .words = identities,
	  .says = "how it learns who the client is" },
	{ "deliver-tls", NULL, KIND_WORD, AT(deliver_tls), .words = tls_wishes,
	  .says = "TLS towards it" },
	{ "deliver-name", "NAME", KIND_TEXT, AT(deliver_name),
	  .says = "the name that its certificate must have" },
	{ "deliver-ca", "FILE", KIND_TEXT, AT(deliver_ca),
	  .says = "certificates that its own is held against" },
	{ "deliver-sessions", "N", KIND_NUMBER, AT(deliver_sessions), 1000, 10,
	  .says = "to it at the same time, when the spool is given out" },
	{ "deliver-per-session", "N", KIND_NUMBER, AT(deliver_per_session), MANY, 100,
	  .says = "messages in one of them" },
	{ "deliver-retry-least", "SECONDS", KIND_NUMBER, AT(deliver_retry_least_s), DAY, 10,
	  .says = "after a first 4yz" },
	{ "deliver-retry-most", "SECONDS", KIND_NUMBER, AT(deliver_retry_most_s), DAY, 900,
	  .says = "after many" },
	{ "unreachable", NULL, KIND_WORD, AT(unreachable), .words = unreachables,
	  .says = "relay: what to do when the new server is not there" },
	{ "xclient-from", "NETWORK,...", KIND_NETWORKS, AT(xclient_from),
	  .says = "may say XCLIENT; may be repeated" },
	{ "proxy-from", "NETWORK,...", KIND_NETWORKS, AT(proxy_from),
	  .says = "begins with a PROXY header; may be repeated" },
	{ "relay-networks", "NETWORK,...", KIND_NETWORKS, AT(relay_networks),
	  .says = "the old server relayed for; may be repeated" },
	{ "newlines", NULL, KIND_WORD, AT(newlines), .words = newlines,
	  .says = "what becomes of a bare CR or LF" },
	{ "connections", "N", KIND_NUMBER, AT(connections), 1000000, 10000,
	  .says = "at the same time" },
	{ "connections-each", "N", KIND_NUMBER, AT(connections_each), 1000000, 200,
	  .says = "of them from one address (IPv6: /64)" },
	{ "rate", "N", KIND_NUMBER, AT(rate), 1000000, 6000,
	  .says = "new ones a minute from one address; 0: any" },
	{ "errors", "N", KIND_NUMBER, AT(errors), 1000, 20, .says = "in one session" },
	{ "message-size", "OCTETS", KIND_OCTETS, AT(message_size), 1ull << 40, 50u << 20,
	  .says = "of one message" },
	{ "header-size", "OCTETS", KIND_OCTETS, AT(header_size), 1u << 30, 1u << 20,
	  .says = "of its header" },
	{ "recipients-most", "N", KIND_NUMBER, AT(recipients_most), 10000, 1000,
	  .says = "of one message" },
	{ "command-timeout", "SECONDS", KIND_NUMBER, AT(command_timeout_s), 3600, 300,
	  .says = "until the next command" },
	{ "data-timeout", "SECONDS", KIND_NUMBER, AT(data_timeout_s), 3600, 180,
	  .says = "until more of a message" },
	{ "least-rate", "OCTETS", KIND_OCTETS, AT(least_rate), 1u << 30, 100,
	  .says = "a second, once a message takes longer than a minute; 0: any" },
	{ "help", NULL, KIND_FLAG, AT(help), .says = NULL },
	{ "version", NULL, KIND_FLAG, AT(version), .says = NULL },
};

/* ── one value ───────────────────────────────────────────────────────────────────────────────── */

static int complain(struct error *err, const char *what, const char *value)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s: %.100s", what, value);
}

static int take_word(unsigned *out, const struct row *row, const char *value, struct error *err)
{
	AUTO_BUF struct buf known = { 0 };

	for (unsigned i = 0; row->words[i]; i++) {
		if (!strcmp(value, row->words[i])) {
			*out = i;
			return 0;
		}
		buf_addf(&known, "%s%s", i ? ", " : "", row->words[i]);
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "--%s: there is no \"%.40s\", only: %s", row->name, value,
	                 buf_text(&known));
}

/* "4096", and of octets "4k", "50M", "4G" too: powers of 1024, as the limits of a disk are told. */
static int take_number(uint64_t *out, const struct row *row, const char *value, struct error *err)
{
	static const char letters[] = "kMG";
	struct span digits = span_of(value);
	unsigned shift = 0;
	uint64_t n;

	if (row->kind == KIND_OCTETS && digits.n) {
		const char *letter = strchr(letters, digits.p[digits.n - 1]);

		if (letter && *letter) {
			shift = 10 * (unsigned)(letter - letters + 1);
			digits.n--;
		}
	}
	if (!span_parse_u64(digits, &n) || n > row->most >> shift)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "--%s wants a number up to %llu, not %.40s", row->name,
		                 (unsigned long long)row->most, value);
	*out = n << shift;
	return 0;
}

static int take_listen(struct gate_options *o, const struct row *row, const char *value,
                       struct error *err)
{
	struct gate_listen_at *at = &o->listen[o->listen_n];
	AUTO_FREE char *option = xasprintf("--%s", row->name);

	if (o->listen_n == GATE_LISTEN_MAX)
		return complain(err, "too many ports", value);
	if (gate_address_parse(&at->at, option, value, err) < 0)
		return -1;
	at->role = row->most & 1 ? GATE_ROLE_SUBMISSION : GATE_ROLE_MX;
	at->tls = row->most & 2;
	o->listen_n++;
	return 0;
}

static int take(struct gate_options *o, const struct row *row, const char *value, struct error *err)
{
	char *member = (char *)o + row->at;
	AUTO_FREE char *option = xasprintf("--%s", row->name);
	struct gate_texts *list;

	switch (row->kind) {
	case KIND_FLAG:
		*(bool *)member = true;
		return 0;
	case KIND_TEXT:
		free(*(char **)member);
		*(char **)member = xstrdup(value);
		return 0;
	case KIND_TEXTS:
		list = (struct gate_texts *)member;
		ARRAY_GROW(list->rows, list->n, list->room);
		list->rows[list->n++] = xstrdup(value);
		return 0;
	case KIND_NUMBER:
	case KIND_OCTETS:
		return take_number((uint64_t *)member, row, value, err);
	case KIND_WORD:
		o->mode_given |= row->words == modes;
		return take_word((unsigned *)member, row, value, err);
	case KIND_ADDRESS:
		return gate_address_parse((struct gate_address *)member, option, value, err);
	case KIND_NETWORKS:
		return gate_networks_add((struct gate_networks *)member, option, value, err);
	case KIND_LISTEN:
		return take_listen(o, row, value, err);
	}
	return -1;
}

/* ── the file ────────────────────────────────────────────────────────────────────────────────── */

static int take_from_file(void *context, struct span key, const char *value, struct error *err)
{
	struct gate_options *o = context;

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct row *row = &rows[i];

		if (!span_is(key, row->name) || row->at == AT(help) || row->at == AT(version) ||
		    row->at == AT(config))
			continue;
		if (row->kind == KIND_FLAG && !strcmp(value, "no"))
			return 0;
		if (row->kind == KIND_FLAG && strcmp(value, "yes") != 0)
			return complain(err, "wants yes or no", value);
		return take(o, row, value, err);
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "there is no option \"%.*s\"",
	                 (int)(key.n < 60 ? key.n : 60), key.p);
}

/* ── all of it ───────────────────────────────────────────────────────────────────────────────── */

static int check(const struct gate_options *o, struct error *err)
{
	if (!o->listen_n)
		return complain(err, "where to listen is missing", "--listen ADDR:PORT");
	if (!o->mode_given)
		return complain(err, "what to do is missing", "--mode defer|spool|relay");
	if (o->mode == GATE_SPOOL && !o->spool)
		return complain(err, "--mode spool wants", "--spool DIR");
	if (o->mode == GATE_RELAY && !o->deliver_to.size)
		return complain(err, "--mode relay wants", "--deliver-to ADDR:PORT");
	if (o->unreachable == GATE_UNREACHABLE_SPOOL && !o->spool)
		return complain(err, "--unreachable spool wants", "--spool DIR");
	if ((o->spool || o->mode == GATE_RELAY) && !o->domains.n && !o->recipients)
		return complain(err, "the gate has to know who is here",
		                "--domain DOMAIN or --recipients FILE");
	for (size_t i = 0; i < o->listen_n; i++)
		if (o->listen[i].tls && !o->tls.n && (o->mode != GATE_DEFER || o->spool))
			return complain(err, "--listen-tls wants", "--tls CERTIFICATE");
	return 0;
}

/* One pass over the words; `only`: this row alone, or all but --config. */
static int read_words(struct gate_options *o, int argc, char **argv, bool file_only,
                      struct error *err)
{
	struct option words[ROWS(rows) + 1] = { 0 };
	int c, at = 0;

	for (size_t i = 0; i < ROWS(rows); i++)
		words[i] = (struct option){ rows[i].name,
			                    rows[i].kind == KIND_FLAG ? no_argument
			                                              : required_argument,
			                    NULL, 1 };
	optind = 0; /* getopt_long(3): starts afresh */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", words, &at)) != -1) {
		if (c == '?')
			return complain(err, "unknown or incomplete option", argv[optind - 1]);
		if (file_only == (rows[at].at == AT(config)) &&
		    take(o, &rows[at], optarg ? optarg : "", err) < 0)
			return -1;
	}
	if (optind != argc)
		return complain(err, "what is this?", argv[optind]);
	return 0;
}

int gate_options_read(struct gate_options *out, int argc, char **argv, struct error *err)
{
	AUTO_GATE_OPTIONS struct gate_options o = { .text = xstrdup(TEXT_DEFAULT) };

	for (size_t i = 0; i < ROWS(rows); i++)
		if (rows[i].kind == KIND_NUMBER || rows[i].kind == KIND_OCTETS)
			*(uint64_t *)((char *)&o + rows[i].at) = rows[i].standard;
	if (read_words(&o, argc, argv, true, err) < 0)
		return -1;
	if (o.config && gate_option_file_read(o.config, take_from_file, &o, err) < 0)
		return -1;
	if (read_words(&o, argc, argv, false, err) < 0)
		return -1;
	if (!o.help && !o.version && check(&o, err) < 0)
		return -1;
	/* whoever could break the handshake would get it all in clear otherwise */
	if (o.deliver_ca && o.deliver_tls == GATE_TLS_MAY)
		o.deliver_tls = GATE_TLS_MUST;
	*out = o;
	o = (struct gate_options){ 0 };
	return 0;
}

void gate_options_fini(struct gate_options *o)
{
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *member = (char *)o + rows[i].at;

		if (rows[i].kind == KIND_TEXT) {
			free(*(char **)member);
		} else if (rows[i].kind == KIND_TEXTS) {
			struct gate_texts *list = (struct gate_texts *)member;

			for (size_t j = 0; j < list->n; j++)
				free(list->rows[j]);
			free(list->rows);
		} else if (rows[i].kind == KIND_NETWORKS) {
			gate_networks_fini((struct gate_networks *)member);
		}
	}
	*o = (struct gate_options){ 0 };
}

void gate_options_usage(struct buf *out)
{
	buf_add_text(out, "usage: mailhaul-gate --listen ADDR:PORT --mode MODE [OPTION ...]\n"
	                  "       mailhaul-gate control PATH VERB [WORD ...]\n"
	                  "       mailhaul-gate spool VERB ...\n"
	                  "Stands in for a mail server while it moves.\n");
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf left = { 0 };

		if (!rows[i].says)
			continue;
		buf_addf(&left, "--%s ", rows[i].name);
		for (unsigned w = 0; rows[i].words && rows[i].words[w]; w++)
			buf_addf(&left, "%s%s", w ? "|" : "", rows[i].words[w]);
		buf_add_text(&left, rows[i].argument ? rows[i].argument : "");
		buf_addf(out, "  %-34s %s", buf_text(&left), rows[i].says);
		if (rows[i].standard)
			buf_addf(out, " (%llu)", (unsigned long long)rows[i].standard);
		buf_add_char(out, '\n');
	}
}

const char *gate_mode_name(unsigned mode)
{
	return mode < ROWS(modes) - 1 ? modes[mode] : "?";
}

bool gate_mode_parse(struct span word, unsigned *mode)
{
	for (unsigned i = 0; modes[i]; i++)
		if (span_is(word, modes[i])) {
			*mode = i;
			return true;
		}
	return false;
}
