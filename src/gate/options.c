/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <string.h>

const char gate_usage[] =
	"usage: mailhaul-gate --listen ADDR:PORT [--listen ...] --mode defer [--name NAME]\n"
	"                     [--text TEXT] [--pid-file FILE] [--wait SECONDS]\n"
	"                     [--patience SECONDS] [--connections N]\n"
	"Stands in for a mail server while it moves. Modes of this version: defer (each client\n"
	"is told \"421 4.3.2 NAME TEXT\", keeps its mail, and tries again).\n";

#define TEXT_DEFAULT "This server is moving to another host; please try again in a few minutes"

/* The modes of this version; to add one, add a row. */
static const char *const modes[] = { "defer" };

static int complain(struct error *err, const char *what, const char *value)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s: %.100s", what, value);
}

/* "192.0.2.1:25", "[2001:db8::1]:25", "[::]:25". No names: the gate has no resolver. */
static int parse_address(struct gate_address *out, const char *text, struct error *err)
{
	struct gate_address a = { .text = text };
	const char *colon = strrchr(text, ':');
	char address[INET6_ADDRSTRLEN] = "";
	struct span host;
	uint64_t port;

	if (!colon || !text_parse_u64(colon + 1, &port) || port < 1 || port > 65535)
		return complain(err, "--listen wants ADDR:PORT", text);
	host = (struct span){ text, (size_t)(colon - text) };
	if (span_starts(host, "[") && span_ends(host, "]")) {
		host = (struct span){ host.p + 1, host.n - 2 };
		a.six.sin6_family = AF_INET6;
	}
	if (host.n >= sizeof address)
		return complain(err, "--listen: no IP address", text);
	memcpy(address, host.p, host.n);
	if (a.six.sin6_family == AF_INET6) {
		a.six.sin6_port = htons((uint16_t)port);
		a.size = sizeof a.six;
		if (inet_pton(AF_INET6, address, &a.six.sin6_addr) != 1)
			return complain(err, "--listen: no IPv6 address", text);
	} else {
		a.four.sin_family = AF_INET;
		a.four.sin_port = htons((uint16_t)port);
		a.size = sizeof a.four;
		if (inet_pton(AF_INET, address, &a.four.sin_addr) != 1)
			return complain(err, "--listen: no IPv4 address (IPv6 stands in [])", text);
	}
	*out = a;
	return 0;
}

static int take_mode(struct gate_options *o, const char *value, struct error *err)
{
	AUTO_BUF struct buf known = { 0 };

	for (size_t i = 0; i < ROWS(modes); i++) {
		if (!strcmp(value, modes[i])) {
			o->mode = modes[i];
			return 0;
		}
		buf_addf(&known, "%s%s", i ? ", " : "", modes[i]);
	}
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "mode \"%.40s\" is not in this version, which has: %s", value,
	                 buf_text(&known));
}

static int take_number(unsigned *out, const char *name, const char *value, uint64_t most,
                       struct error *err)
{
	uint64_t n;

	if (!text_parse_u64(value, &n) || n > most)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "--%s wants a number up to %llu, not %.40s", name,
		                 (unsigned long long)most, value);
	*out = (unsigned)n;
	return 0;
}

static int take(struct gate_options *o, int c, const char *value, struct error *err)
{
	switch (c) {
	case 'l':
		if (o->listen_n == GATE_LISTEN_MAX)
			return complain(err, "too many --listen", value);
		return parse_address(&o->listen[o->listen_n++], value, err);
	case 'm':
		return take_mode(o, value, err);
	case 'n':
		o->name = value;
		return 0;
	case 't':
		o->text = value;
		return 0;
	case 'p':
		o->pid_file = value;
		return 0;
	case 'w':
		return take_number(&o->wait_s, "wait", value, 3600, err);
	case 'q':
		return take_number(&o->patience_s, "patience", value, 300, err);
	case 'c':
		return take_number(&o->connections, "connections", value, 1000000, err);
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	default:
		return complain(err, "unknown or incomplete option", value ? value : "");
	}
}

int gate_options_read(struct gate_options *out, int argc, char **argv, struct error *err)
{
	static const struct option rows[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "mode", required_argument, NULL, 'm' },
		{ "name", required_argument, NULL, 'n' },
		{ "text", required_argument, NULL, 't' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "wait", required_argument, NULL, 'w' },
		{ "patience", required_argument, NULL, 'q' },
		{ "connections", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct gate_options o = {
		.text = TEXT_DEFAULT, .wait_s = 10, .patience_s = 10, .connections = 10000
	};
	int c;

	optind = 0; /* getopt_long(3): starts afresh */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1)
		if (take(&o, c, c == '?' ? argv[optind - 1] : optarg, err) < 0)
			return -1;
	*out = o;
	if (o.help || o.version)
		return 0;
	if (optind != argc)
		return complain(err, "what is this?", argv[optind]);
	if (!o.listen_n)
		return complain(err, "where to listen is missing", "--listen ADDR:PORT");
	if (!o.mode)
		return complain(err, "what to do is missing", "--mode defer");
	return 0;
}
