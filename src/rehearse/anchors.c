/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/anchors.h"

#include "base/cleanup.h"

/* BIND keeps what it has learnt of the real key (RFC 5011), and would go on with that. */
static const char script[] = "for f in /var/lib/unbound/root.key /usr/share/dns/root.key "
			     "/var/lib/knot-resolver/root.keys; do\n"
			     "	[ ! -f $f ] || printf '%s' \"$1\" >$f\n"
			     "done\n"
			     "for f in /etc/bind/bind.keys /etc/named.root.key; do\n"
			     "	[ ! -f $f ] || printf '%s' \"$2\" >$f\n"
			     "done\n"
			     "rm -f /var/cache/bind/managed-keys.bind* /var/cache/bind/*.mkeys* "
			     "/var/named/dynamic/managed-keys.bind*\n";

int anchors_place(struct stage *s, const struct zonesign *z, struct error *err)
{
	AUTO_BUF struct buf line = { 0 }, named = { 0 };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };

	zonesign_anchor(z, &line);
	zonesign_anchor_named(z, &named);
	const char *argv[] = { "sh", "-ec", script, "sh", buf_text(&line), buf_text(&named), NULL };

	return stage_run(s, argv, &(struct process_options){ 0 }, &r, err) < 0
	               ? -1
	               : process_expect_good(argv, &r, err);
}
