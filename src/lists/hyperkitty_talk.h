/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * hyperkitty_talk -- the program of ours inside a HyperKitty (lists/hyperkitty_web.py): begun, given jobs, and heard.
 * It runs as HyperKitty's user, through the agent of its host; no file of ours has a name there.
 */

#include "lists/hyperkitty_give.h"
#include "remote/stream.h"

struct hyperkitty_talk {
	struct host_talk talk;
	struct buf heard; /* lines that nobody has asked for yet */
};
void hyperkitty_talk_end(struct hyperkitty_talk *t);

/* Returns when it has said who it is. `h`: by which agent of web->h it is talked to. */
int hyperkitty_talk_begin(struct hyperkitty_talk *t, const struct hyperkitty_web *web,
                          struct host *h, struct error *err) MUST_CHECK;
/* The next octets of its input. */
int hyperkitty_talk_say(struct hyperkitty_talk *t, struct span octets, struct error *err)
	MUST_CHECK;
/* The next line that is one of ours; the caller owns it. NULL: it has ended, or says nothing. What else a site's own
 * settings print is left out. */
struct json_t *hyperkitty_talk_next(struct hyperkitty_talk *t, struct error *err) MUST_CHECK;
