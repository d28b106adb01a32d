/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* packet -- a message as ldns holds it, made ready to be sent. Inside the room. */

#include "base/text.h"

#include <ldns/ldns.h>
#include <stdbool.h>

/* Gives it a number that nobody can guess (RFC 5452 section 9.2), appends its octets, and frees it. False,
 * with nothing appended: it is NULL, or can't be put into octets. */
bool dns_packet_add(ldns_pkt *packet, struct buf *out);
