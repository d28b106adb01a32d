/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* sets_data -- a record's data as a zone file writes it. Inside the room. */

#include "dns/dns.h"

/* The caller owns it. */
char *dns_record_data(const struct dns_record *r) MUST_CHECK;
