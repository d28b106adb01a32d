/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX (64u << 10)
#define PORT_DEFAULT 53

void dns_servers_fini(struct dns_servers *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->rows[i].name);
		free(s->rows[i].address);
	}
	free(s->rows);
	*s = (struct dns_servers){ 0 };
}

void dns_servers_add(struct dns_servers *s, const char *name, const char *address, uint16_t port)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->rows[i].address, address) && s->rows[i].port == port)
			return;
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = (struct dns_server){
		.name = name ? xstrdup(name) : NULL,
		.address = xstrdup(address),
		.port = port,
	};
}

/* Also takes the "fe80::1%eth0" of a link-local resolver. */
static bool is_address(const char *text)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *at;

	if (getaddrinfo(text, NULL, &hints, &at) != 0)
		return false;
	freeaddrinfo(at);
	return true;
}

int dns_servers_add_text(struct dns_servers *s, const char *text, struct error *err)
{
	struct span rest = span_of(text), address, port;
	uint64_t number = PORT_DEFAULT;

	span_next_part(&rest, '#', &address);
	AUTO_FREE char *copy = span_dup(address);
	if (!is_address(copy))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" is no address of a name server", text);
	if (span_next_part(&rest, '#', &port) &&
	    (!span_parse_u64(port, &number) || number < 1 || number > 65535))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\": the port of a name server is 1 to 65535", text);
	dns_servers_add(s, NULL, copy, (uint16_t)number);
	return 0;
}

static int read_resolv_conf(struct dns_servers *out, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line, word;

	if (file_read(RESOLV_CONF, RESOLV_CONF_MAX, &text, err) < 0)
		return -1;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line)) {
		if (!span_next_word(&line, &word) || !span_is(word, "nameserver") ||
		    !span_next_word(&line, &word))
			continue;
		AUTO_FREE char *address = span_dup(word);
		if (is_address(address))
			dns_servers_add(out, NULL, address, PORT_DEFAULT);
	}
	return 0;
}

int dns_resolvers(struct dns_servers *out, const char *const *list, size_t n, struct error *err)
{
	AUTO_SERVERS struct dns_servers made = { 0 };

	for (size_t i = 0; i < n; i++)
		if (dns_servers_add_text(&made, list[i], err) < 0)
			return error_context(err, "resolvers");
	if (n == 0 && read_resolv_conf(&made, err) < 0)
		return -1;
	if (made.n == 0) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "no resolver to ask: " RESOLV_CONF " names none");
		return error_hint(err, "name one or more under \"resolvers\" in move.yaml");
	}
	dns_servers_fini(out);
	*out = made;
	made = (struct dns_servers){ 0 };
	return 0;
}
