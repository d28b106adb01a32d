/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/network.h"

#include "base/file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define IP_TIMEOUT_MS 10000

static int ip_batch(const struct buf *commands, struct error *err)
{
	static const char *const argv[] = { "ip", "-batch", "-", NULL };
	struct process_options options = { .input = buf_span(commands),
		                           .timeout_ms = IP_TIMEOUT_MS };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };

	if (process_run(argv, &options, &r, err) < 0) {
		if (err->sys_errno == ENOENT) {
			err->retry = ERROR_RETRY_PERSON;
			error_hint(err, "install the package iproute2");
		}
		return -1;
	}
	return process_expect_good(argv, &r, err);
}

/* Runs the batch in another network namespace and comes back. One thread, so setns(2) is safe; not
 * to come back would leave this process in the wrong place, so that ends it. */
static int ip_batch_at(int netns, const struct buf *commands, struct error *err)
{
	AUTO_CLOSE int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int result;

	if (own < 0)
		return error_system(err, "open /proc/self/ns/net");
	if (setns(netns, CLONE_NEWNET) < 0)
		return error_system(err, "enter the router's network");
	result = ip_batch(commands, err);
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return result;
}

static int setting_write(const char *path, const char *value, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, value, strlen(value)) < 0)
		return error_system(err, "set %s to %s", path, value);
	return 0;
}

/* Duplicate address detection holds an IPv6 address back for a second or more; on a link of our own
 * nobody else can have it. Router advertisements have no place here either. */
static int settle_ipv6(struct error *err)
{
	static const char *const keys[] = { "accept_dad", "accept_ra", "autoconf" };
	static const char *const scopes[] = { "all", "default" };
	char path[96];

	if (access("/proc/sys/net/ipv6", F_OK) < 0)
		return 0; /* a kernel without IPv6; ip(8) will say so where it is wanted */
	for (size_t k = 0; k < ROWS(keys); k++)
		for (size_t s = 0; s < ROWS(scopes); s++) {
			snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/%s", scopes[s],
			         keys[k]);
			if (setting_write(path, "0", err) < 0)
				return -1;
		}
	return 0;
}

static void add_address(struct buf *b, const struct address *a, const char *interface)
{
	buf_addf(b, "address add %s/%u dev %s%s\n", a->text, a->prefix, interface,
	         a->family == AF_INET6 ? " nodad" : "");
}

int network_join_segments(const struct description *d, struct error *err)
{
	AUTO_BUF struct buf b = { 0 };
	bool v6 = false;

	if (settle_ipv6(err) < 0)
		return -1;
	buf_add_text(&b, "link set lo up\n");
	for (unsigned i = 0; i < d->segments_count; i++) {
		const struct description_segment *s = &d->segments[i];
		char mac[18], bridge[16];

		/* a bridge without an address of its own takes the lowest of its ports, so
		 * it would change, and stale neighbour entries with it, as hosts come and go */
		address_link_layer(&s->gateways_parsed[0], mac);
		snprintf(bridge, sizeof bridge, "br-%s", s->name);
		buf_addf(&b,
		         "link add %s address %s type bridge forward_delay 0 stp_state 0 "
		         "mcast_snooping 0\n",
		         bridge, mac);
		for (unsigned k = 0; k < s->gateways_count; k++) {
			add_address(&b, &s->gateways_parsed[k], bridge);
			v6 |= s->gateways_parsed[k].family == AF_INET6;
		}
		buf_addf(&b, "link set %s up\n", bridge);
	}
	if (ip_batch(&b, err) < 0)
		return -1;
	if (setting_write("/proc/sys/net/ipv4/ip_forward", "1", err) < 0)
		return -1;
	return v6 ? setting_write("/proc/sys/net/ipv6/conf/all/forwarding", "1", err) : 0;
}

static void add_default_routes(struct buf *b, const struct description_host *h)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t f = 0; f < ROWS(families); f++) {
		const struct address *gateway = NULL;

		for (unsigned k = 0; k < h->segment_found->gateways_count && !gateway; k++)
			for (unsigned i = 0; i < h->addresses_count; i++)
				if (h->addresses_parsed[i].family == families[f] &&
				    address_in_network(&h->segment_found->gateways_parsed[k],
				                       &h->addresses_parsed[i]))
					gateway = &h->segment_found->gateways_parsed[k];
		if (gateway)
			buf_addf(b, "route add default via %s dev eth0\n", gateway->text);
	}
}

int network_plug_host(const struct description_host *h, int router, struct error *err)
{
	AUTO_BUF struct buf pair = { 0 }, port = { 0 }, own = { 0 };
	AUTO_CLOSE int inherited = fcntl(router, F_DUPFD, 3); /* without close-on-exec, for ip(8) */
	char mac[18];

	if (inherited < 0)
		return error_system(err, "duplicate a descriptor");
	if (settle_ipv6(err) < 0)
		return -1;
	address_link_layer(&h->addresses_parsed[0], mac);
	buf_addf(&pair,
	         "link add eth0 address %s type veth peer name v-%s netns /proc/self/fd/%d\n", mac,
	         h->name, inherited);
	if (ip_batch(&pair, err) < 0)
		return -1;
	buf_addf(&port, "link set v-%s addrgenmode none\n", h->name);
	buf_addf(&port, "link set v-%s master br-%s up\n", h->name, h->segment);
	if (ip_batch_at(router, &port, err) < 0)
		return -1;
	buf_add_text(&own, "link set lo up\nlink set eth0 up\n");
	for (unsigned i = 0; i < h->addresses_count; i++)
		add_address(&own, &h->addresses_parsed[i], "eth0");
	add_default_routes(&own, h);
	return ip_batch(&own, err);
}

int network_cut_host(const struct description_host *h, int router, bool up, struct error *err)
{
	AUTO_BUF struct buf b = { 0 };

	buf_addf(&b, "link set v-%s %s\n", h->name, up ? "up" : "down");
	return ip_batch_at(router, &b, err);
}

void network_unplug_host(const struct description_host *h, int router)
{
	AUTO_BUF struct buf b = { 0 };
	struct error ignored;

	/* the kernel takes it away too, some time after the host's last process; a host that is
	 * started afresh at once must not find the name taken */
	buf_addf(&b, "link delete v-%s\n", h->name);
	if (ip_batch_at(router, &b, &ignored) < 0)
		return;
}
