/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* identity -- who a sealed host is: its name, the names it knows, whom it asks for others. */

#include "rehearse/description.h"

#include "base/text.h"

/* The text of /etc/hosts. Every address of the host stands beside its own names: without them
 * Dovecot, and others, wait 10 s for a name server at every start. Pure. */
void identity_hosts(const struct description_host *h, struct buf *out);

/* 32 hexadecimal digits for /etc/machine-id: another for each host, the same when it is started
 * afresh, so that two sealed hosts are never taken for one machine. Pure. machine-id(5) */
void identity_machine(const char *set, const char *host, char out[33]);

/* Writes /etc/hostname, mailname, hosts, resolv.conf and machine-id below `root`, and sets the
 * host name of the caller's UTS namespace. */
int identity_write(int root, const char *set, const struct description_host *h, struct error *err)
	MUST_CHECK;
