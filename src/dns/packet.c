/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/packet.h"

#include <stdlib.h>
#include <sys/random.h>

bool dns_packet_add(ldns_pkt *packet, struct buf *out)
{
	uint8_t *octets = NULL;
	size_t n = 0;
	uint16_t id;
	bool done = false;

	if (packet && getrandom(&id, sizeof id, 0) == sizeof id) {
		ldns_pkt_set_id(packet, id);
		done = ldns_pkt2wire(&octets, packet, &n) == LDNS_STATUS_OK && n;
	}
	if (done)
		buf_add(out, octets, n);
	free(octets);
	if (packet)
		ldns_pkt_free(packet);
	return done;
}
