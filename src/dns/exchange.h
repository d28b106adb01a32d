/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* exchange -- one message to a name server and the one that answers it. Inside the room. */

#include "dns/dns.h"

#define DNS_MESSAGE_MAX 65535u
#define DNS_HEADER_SIZE 12u

enum dns_way { DNS_UDP, DNS_TCP };

/*
 * Sends `query` and waits for the message that has its number and, when it repeats a question, the
 * same one (RFC 5452 section 9.1); any other is ignored. By UDP it is sent again after a third and
 * two thirds of the time.
 *
 *   errors  as dns_ask()
 */
int dns_exchange(const struct dns_server *server, enum dns_way way, struct span query,
                 int timeout_ms, struct buf *reply, struct error *err) MUST_CHECK;

/* One of the messages of an answer that takes several: 0: more is to come, 1: it was the last, -1. */
typedef int dns_message_fn(void *context, struct span message, struct error *err);
/* Sends `query` by TCP, and visits each message with its number; `timeout_ms` in all. */
int dns_exchange_stream(const struct dns_server *server, struct span query, int timeout_ms,
                        dns_message_fn *visit, void *context, struct error *err) MUST_CHECK;
