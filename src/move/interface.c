/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/interface.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#define AUTO_JSON __attribute__((cleanup(json_decref_at)))
static void json_decref_at(json_t **j)
{
	json_decref(*j);
}

static int ask(struct host *h, const char *row, json_t **out, struct error *err)
{
	AUTO_BUF struct buf said = { 0 };
	json_error_t why;

	if (host_do(h, row, NULL, (struct span){ 0 }, &said, err) < 0)
		return -1;
	*out = json_loadb(buf_text(&said), said.n, 0, &why);
	if (!*out || !json_is_array(*out))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "%s: %s did not answer in JSON: %s", host_name(h), row, why.text);
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool same_network(const char *a, const char *b, unsigned prefix)
{
	unsigned char x[16], y[16];
	int family = strchr(a, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, a, x) != 1 || inet_pton(family, b, y) != 1)
		return false;
	for (unsigned bit = 0; bit < prefix; bit++)
		if (((x[bit / 8] ^ y[bit / 8]) >> (7 - bit % 8)) & 1)
			return false;
	return true;
}

/* The interface that carries `address`, or one of its network; NULL. Borrowed from `links`. */
static const json_t *find_link(const json_t *links, const char *address, unsigned prefix,
                               bool exact)
{
	size_t i, k;
	json_t *link, *info;

	json_array_foreach (links, i, link)
		json_array_foreach (json_object_get(link, "addr_info"), k, info) {
			const char *local = text_of(info, "local");

			if (exact ? !strcmp(local, address) : same_network(local, address, prefix))
				return link;
		}
	return NULL;
}

static bool is_version_6(const char *address)
{
	return strchr(address, ':') != NULL;
}

/* The one that there is beside the loopback; NULL: there are none, or several. Where the last address of a
 * network has moved away, nothing else tells where it was. */
static const json_t *only_link(const json_t *links)
{
	const json_t *found = NULL;
	size_t i;
	json_t *link;

	json_array_foreach (links, i, link) {
		if (!strcmp(text_of(link, "link_type"), "loopback"))
			continue;
		if (found)
			return NULL;
		found = link;
	}
	return found;
}

/* One default route, with what says who made it and how much it counts: else it would stand beside itself. */
static void add_route(struct buf *batch, const json_t *route)
{
	const json_t *metric = json_object_get(route, "metric");
	json_t *flag;
	size_t i;

	buf_addf(batch, "route replace default via %s dev %s", text_of(route, "gateway"),
	         text_of(route, "dev"));
	if (*text_of(route, "protocol"))
		buf_addf(batch, " proto %s", text_of(route, "protocol"));
	if (json_is_integer(metric))
		buf_addf(batch, " metric %lld", (long long)json_integer_value(metric));
	json_array_foreach (json_object_get(route, "flags"), i, flag) {
		if (json_is_string(flag) && !strcmp(json_string_value(flag), "onlink"))
			buf_addf(batch, " onlink");
	}
	buf_addf(batch, "\n");
}

static int add_routes(struct host *h, bool six, const char *interface, struct buf *batch,
                      struct error *err)
{
	AUTO_JSON json_t *routes = NULL;
	json_t *route;
	size_t i;

	if (ask(h, six ? "ip-routes-6" : "ip-routes", &routes, err) < 0)
		return -1;
	json_array_foreach (routes, i, route) {
		if (!strcmp(text_of(route, "dst"), "default") &&
		    !strcmp(text_of(route, "dev"), interface) && *text_of(route, "gateway"))
			add_route(batch, route);
	}
	return 0;
}

int interface_routes(struct host *h, const char *address, struct buf *out, struct error *err)
{
	AUTO_JSON json_t *links = NULL;
	const json_t *link;

	if (ask(h, "ip-addresses", &links, err) < 0)
		return -1;
	link = find_link(links, address, 0, true);
	return link ? add_routes(h, is_version_6(address), text_of(link, "ifname"), out, err) : 0;
}

int interface_put_routes(struct host *h, struct span lines, struct error *err)
{
	return lines.n ? host_do(h, "ip-batch", NULL, lines, NULL, err) : 0;
}

/* Lines that put back every other address of the interface and its default routes. */
static int add_others(struct host *h, const json_t *link, const char *address, struct buf *batch,
                      struct error *err)
{
	bool six = is_version_6(address);
	const char *name = text_of(link, "ifname");
	bool reaches = false;
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(link, "addr_info"), i, row) {
		const char *local = text_of(row, "local");

		if (strcmp(local, address) != 0 && is_version_6(local) == six &&
		    strcmp(text_of(row, "scope"), "link") != 0) {
			reaches = true;
			buf_addf(batch, "address replace %s/%lld dev %s%s\n", local,
			         (long long)json_integer_value(json_object_get(row, "prefixlen")),
			         name, six ? " nodad" : "");
		}
	}
	/* from no address nobody is reached, so that the kernel refuses a gateway */
	return reaches ? add_routes(h, six, name, batch, err) : 0;
}

int interface_drop(struct host *h, const char *address, unsigned prefix, const char *interface,
                   struct error *err)
{
	AUTO_JSON json_t *links = NULL;
	AUTO_BUF struct buf batch = { 0 };
	const json_t *link;

	if (ask(h, "ip-addresses", &links, err) < 0)
		return -1;
	link = find_link(links, address, prefix, true);
	if (!link)
		return 0;
	if (interface && strcmp(interface, text_of(link, "ifname")) != 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s: %s is on %s, not on %s", host_name(h), address,
		                 text_of(link, "ifname"), interface);
	buf_addf(&batch, "address del %s/%u dev %s\n", address, prefix, text_of(link, "ifname"));
	if (add_others(h, link, address, &batch, err) < 0)
		return -1;
	return host_do(h, "ip-batch", NULL, buf_span(&batch), NULL, err);
}

int interface_add(struct host *h, const char *address, unsigned prefix, const char *interface,
                  char **used, struct error *err)
{
	AUTO_JSON json_t *links = NULL;
	AUTO_FREE char *line = NULL;
	const json_t *link;

	if (ask(h, "ip-addresses", &links, err) < 0)
		return -1;
	link = find_link(links, address, prefix, true);
	if (link) {
		*used = xstrdup(text_of(link, "ifname"));
		return 0;
	}
	link = find_link(links, address, prefix, false);
	if (!link)
		link = only_link(links);
	if (!interface && !link) {
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "%s: no interface is in the network of %s/%u", host_name(h), address,
		          prefix);
		return error_hint(err, "name it: address.old_interface, address.new_interface");
	}
	if (!interface)
		interface = text_of(link, "ifname");
	/* nodad: the other host has just let it go, and nobody waits for two seconds of doubt */
	line = xasprintf("address add %s/%u dev %s%s\n", address, prefix, interface,
	                 is_version_6(address) ? " nodad" : "");
	if (host_do(h, "ip-batch", NULL, span_of(line), NULL, err) < 0)
		return -1;
	*used = xstrdup(interface);
	return 0;
}

int interface_addresses(struct host *h, bool six, struct strings *out, struct error *err)
{
	AUTO_JSON json_t *links = NULL;
	json_t *link, *info;
	size_t i, k;

	if (ask(h, "ip-addresses", &links, err) < 0)
		return -1;
	json_array_foreach (links, i, link)
		json_array_foreach (json_object_get(link, "addr_info"), k, info) {
			const char *local = text_of(info, "local");

			if (!strcmp(text_of(info, "scope"), "global") &&
			    is_version_6(local) == six && !strings_has(out, local))
				strings_add(out, local);
		}
	return 0;
}
