/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A frame may get lost, so each is sent three times; RFC 5227 wants two, 2 s apart, RFC 4861 three,
 * 1 s apart. Closer together here, because senders wait while the window is open. */
#define ANNOUNCE_TIMES 3
#define ANNOUNCE_GAP_MS 100
#define MAC_SIZE 6

struct interface {
	const char *name; /* borrowed */
	int index;
	unsigned char mac[MAC_SIZE];
};

/* RFC 826, for Ethernet and IPv4. */
struct arp_message {
	uint16_t hardware, protocol;
	uint8_t hardware_size, protocol_size;
	uint16_t operation;
	uint8_t sender_mac[MAC_SIZE], sender[4];
	uint8_t target_mac[MAC_SIZE], target[4];
} __attribute__((packed));

/* RFC 4861 section 4.4, with one option, section 4.6.1. */
struct advertisement {
	struct nd_neighbor_advert body;
	uint8_t option, option_size; /* in units of 8 octets */
	uint8_t mac[MAC_SIZE];
} __attribute__((packed));

static int find_interface(const char *name, struct interface *out, struct error *err)
{
	struct ifreq request = { 0 };

	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_system(err, "socket");
	if (strlen(name) >= sizeof request.ifr_name)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "%s is no name of an interface", name);
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
		return error_system(err, "interface %s", name);
	out->name = name;
	out->index = request.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return error_system(err, "hardware address of %s", name);
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return error_set(
			err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
			"interface %s is no Ethernet: nobody there keeps a table of neighbours",
			name);
	memcpy(out->mac, request.ifr_hwaddr.sa_data, MAC_SIZE);
	return 0;
}

/* An announcement that is not true would take the address away from the host that has it. */
static int expect_address(const struct interface *i, int family, const void *address,
                          struct error *err)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return error_system(err, "list addresses");
	for (struct ifaddrs *a = all; a && !found; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != family ||
		    strcmp(a->ifa_name, i->name))
			continue;
		if (family == AF_INET)
			found = !memcmp(&((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr,
			                address, 4);
		else
			found = !memcmp(&((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr,
			                address, 16);
	}
	freeifaddrs(all);
	if (found)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, EADDRNOTAVAIL,
	                 "the address is not on interface %s", i->name);
}

static int send_repeatedly(int fd, const void *message[2], size_t size, const struct sockaddr *to,
                           socklen_t to_size, struct error *err)
{
	for (int i = 0; i < ANNOUNCE_TIMES; i++) {
		if (i)
			clock_sleep_ms(ANNOUNCE_GAP_MS);
		for (int m = 0; m < 2 && message[m]; m++)
			if (sendto(fd, message[m], size, 0, to, to_size) < 0)
				return error_system(err, "send");
	}
	return 0;
}

static int announce_4(const struct interface *i, const struct in_addr *address, struct error *err)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = i->index,
		.sll_halen = MAC_SIZE,
	};
	struct arp_message request = {
		.hardware = htons(ARPHRD_ETHER),
		.protocol = htons(ETH_P_IP),
		.hardware_size = MAC_SIZE,
		.protocol_size = 4,
		.operation = htons(ARPOP_REQUEST),
	};
	struct arp_message reply;

	memset(to.sll_addr, 0xff, MAC_SIZE);
	memcpy(request.sender_mac, i->mac, MAC_SIZE);
	memcpy(request.sender, address, 4);
	memcpy(request.target, address, 4);
	/* RFC 5227 section 3 names the request; section 4 tells of implementations that learn from
	 * replies alone. Both do no harm. */
	reply = request;
	reply.operation = htons(ARPOP_REPLY);
	memset(reply.target_mac, 0xff, MAC_SIZE);

	AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_system(err, "packet socket");
	return send_repeatedly(fd, (const void *[2]){ &request, &reply }, sizeof request,
	                       (struct sockaddr *)&to, sizeof to, err);
}

/* A router that calls itself a host is dropped from its neighbours' lists of routers. */
static bool forwards_6(const char *interface)
{
	AUTO_BUF struct buf text = { 0 };
	struct error ignored;
	char path[64 + IFNAMSIZ];

	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/forwarding", interface);
	return file_read(path, 16, &text, &ignored) == 0 && text.n && text.p[0] == '1';
}

/* RFC 4861 section 7.2.6; the kernel fills in the checksum. */
static int announce_6(const struct interface *i, const struct in6_addr *address, struct error *err)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)i->index };
	struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_addr = *address };
	struct advertisement message = {
		.body.nd_na_type = ND_NEIGHBOR_ADVERT,
		.body.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
		.body.nd_na_target = *address,
		.option = ND_OPT_TARGET_LINKADDR,
		.option_size = 1,
	};
	const int hops = 255; /* others are thrown away by the receiver */

	if (forwards_6(i->name))
		message.body.nd_na_flags_reserved |= ND_NA_FLAG_ROUTER;
	memcpy(message.mac, i->mac, MAC_SIZE);
	inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
	from.sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(address) ? (uint32_t)i->index : 0;

	AUTO_CLOSE int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (fd < 0)
		return error_system(err, "raw ICMPv6 socket");
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &i->index, sizeof i->index) < 0)
		return error_system(err, "prepare the raw socket");
	if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) {
		error_system(err, "the address can't be used yet");
		return error_hint(err,
		                  "add it with \"nodad\": until duplicate address detection is "
		                  "over, a second or two, it may not be announced");
	}
	return send_repeatedly(fd, (const void *[2]){ &message, NULL }, sizeof message,
	                       (struct sockaddr *)&to, sizeof to, err);
}

static int announce(const char *name, const char *address, struct error *err)
{
	struct interface interface;
	struct in6_addr v6;
	struct in_addr v4;
	int family = AF_INET;

	if (inet_pton(AF_INET6, address, &v6) == 1)
		family = AF_INET6;
	else if (inet_pton(AF_INET, address, &v4) != 1)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "no IP address");
	if (find_interface(name, &interface, err) < 0)
		return -1;
	if (family == AF_INET)
		return expect_address(&interface, family, &v4, err) < 0
		               ? -1
		               : announce_4(&interface, &v4, err);
	return expect_address(&interface, family, &v6, err) < 0 ? -1
	                                                        : announce_6(&interface, &v6, err);
}

int agent_announce(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *interface = span_dup(wire_get_span(r));
	AUTO_FREE char *address = span_dup(wire_get_span(r));

	if (wire_read_end(r, "announcement", err) < 0)
		return -1;
	if (agent_is_folder(a))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EOPNOTSUPP,
		                 "a folder has no network");
	if (announce(interface, address, err) < 0)
		return error_context(err, "announce %s", address);
	return 0;
}
