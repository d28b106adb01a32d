/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * services -- which programs of this host belong to mail, how systemd or an init script starts them, and
 * starting them in the copy, where there is no systemd.
 */

#include "rehearse/stage.h"
#include "rehearse/unit.h"

struct service {
	char *name; /* owned; "postfix@-", "dovecot"; of a command the command itself */
	enum service_by { SERVICE_BY_UNIT, SERVICE_BY_INIT, SERVICE_BY_COMMAND } by;
	struct unit unit; /* of SERVICE_BY_UNIT */
	char *why_not;    /* owned; why it did not start; NULL: it did, or was not tried yet */
};
struct services {
	struct service *rows; /* owned; in the order in which they are started */
	size_t n, room;
};
#define AUTO_SERVICES __attribute__((cleanup(services_fini)))
void services_fini(struct services *s);

/*
 * Finds what is enabled here and belongs to mail. Only reads.
 *
 *   root      descriptor of the host's "/"; borrowed
 *   more      names of further units to start, with or without ".service"
 *   commands  when there are any: these, and nothing else
 */
void services_find(struct services *out, int root, const struct strings *more,
                   const struct strings *commands);

/* Starts all of them in the copy; one that fails has its reason, and the others are tried. */
void services_start(struct services *s, struct stage *stage);
/* Those that stay in the foreground don't tell when they are ready: waits until nobody begins to listen any
 * more. Without such a one it returns at once. */
void services_settle(const struct services *s, struct stage *stage);
/* Notes those that have died since. */
void services_look(struct services *s, struct stage *stage);
