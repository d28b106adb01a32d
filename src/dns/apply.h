/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * apply -- has a change of zones made, by dynamic update, by a command or by a person, and taken back
 * exactly. Each is a row of state/zones.h before anything is sent; all may be repeated.
 */

#include "config/config.h"
#include "dns/edits.h"
#include "state/state.h"

enum dns_by {
	DNS_BY_UPDATE,  /* RFC 2136, signed with dns.key_file */
	DNS_BY_COMMAND, /* dns.command gets the edits as JSON on its standard input */
	DNS_BY_HAND,    /* a person types them into the provider's panel */
};
/* What move.yaml is set up for: the command, else updates, else by hand. */
enum dns_by dns_by_default(const struct config *c);
bool dns_by_parse(const char *word, enum dns_by *out); /* "update", "command", "hand" */

enum dns_apply_end {
	DNS_APPLY_DONE,
	DNS_APPLY_WAITS, /* not seen yet on the server: call again */
};

/*
 * Makes `edits` true. A set that is neither as before nor as after is an error, and then nothing of its
 * zone is sent: exact, or not at all.
 *
 *   kind  "apply", "lower-ttl", DNS_KIND_AWAY or DNS_KIND_SWITCH; a change of that kind that was begun and not finished
 *         is carried on by dns_apply_resume() instead
 */
int dns_apply(const struct config *c, struct state *s, const char *kind,
              const struct dns_edits *edits, enum dns_by by, enum dns_apply_end *end,
              struct error *err) MUST_CHECK;

/* Carries on what was begun. *found false: there is nothing to carry on. `edits`: what it was. */
int dns_apply_resume(const struct config *c, struct state *s, const char *kind, enum dns_by by,
                     bool *found, struct dns_edits *edits, enum dns_apply_end *end,
                     struct error *err) MUST_CHECK;

/* The newest change of this kind (NULL: of any) that is not taken back, turned round. *id 0: there is
 * none. */
int dns_undo_find(struct state *s, const char *kind, int64_t *id, struct dns_edits *edits,
                  struct error *err) MUST_CHECK;
int dns_undo(const struct config *c, struct state *s, int64_t id, const struct dns_edits *edits,
             enum dns_by by, enum dns_apply_end *end, struct error *err) MUST_CHECK;
