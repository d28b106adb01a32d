/* SPDX-License-Identifier: BSD-2-Clause */
#include "fence/fence.h"

#include "base/memory.h"

#include <errno.h>
#include <string.h>

/*
 * Sent before each change, so that the table is whole whatever was there. Only the first packet of
 * a connection is refused, or dropped; priority -10 puts the chain before a host's own filter, which
 * can accept as it likes: one refusal is enough.
 */
#define BASE                                                                                       \
	"add table inet mailhaul\n"                                                                \
	"add set inet mailhaul closed { type inet_service; }\n"                                    \
	"add set inet mailhaul hushed { type inet_service; }\n"                                    \
	"add chain inet mailhaul input { type filter hook input priority -10; policy accept; }\n"  \
	"flush chain inet mailhaul input\n"                                                        \
	"add rule inet mailhaul input iif lo accept\n"                                             \
	"add rule inet mailhaul input tcp dport @hushed tcp flags & (syn|ack) == syn drop\n"       \
	"add rule inet mailhaul input tcp dport @closed tcp flags & (syn|ack) == syn"              \
	" reject with tcp reset\n"

/*
 * Tables of their own, one for each family: NAT in `inet` is younger (Linux 5.2) than many an old
 * host. Before 4.18 translated answers find their way only where both hooks have a chain. What the
 * host says to itself does not pass prerouting. Without the test for SYN the first packet that is
 * seen of a session which is older than the rule would be diverted too, and the session be cut.
 */
#define DIVERT_BASE(family)                                                                        \
	"add table " family " mailhaul\n"                                                          \
	"add chain " family " mailhaul divert"                                                     \
	" { type nat hook prerouting priority -100; policy accept; }\n"                            \
	"add chain " family " mailhaul back"                                                       \
	" { type nat hook postrouting priority 100; policy accept; }\n"                            \
	"flush chain " family " mailhaul divert\n"
#define DIVERT_FORGET(family) "add table " family " mailhaul\ndelete table " family " mailhaul\n"

static const char *const families[] = { "ip", "ip6" };

/* What a kernel without nf_tables makes nft say, and nft 0.9 and 1.0 on kernels that lack a part. */
static const char *const unable[] = {
	"Protocol not supported",
	"Operation not supported",
	"cache initialization failed",
	"Unable to initialize Netlink socket",
};

static int apply(struct host *h, const struct buf *rules, struct error *err)
{
	if (host_do(h, "nft-apply", NULL, buf_span(rules), NULL, err) == 0)
		return 0;
	for (size_t i = 0; i < ROWS(unable); i++)
		if (strstr(err->text, unable[i]))
			err->sys_errno = ENOENT;
	if (err->sys_errno == ENOENT)
		error_hint(err, "this host has no nftables: stop the service instead");
	return error_context(err, "fence");
}

static void add_ports(struct buf *rules, const char *verb, const char *set, const uint16_t *ports,
                      size_t n)
{
	if (!n)
		return;
	buf_addf(rules, "%s element inet mailhaul %s { ", verb, set);
	for (size_t i = 0; i < n; i++)
		buf_addf(rules, "%s%u", i ? ", " : "", ports[i]);
	buf_add_text(rules, " }\n");
}

/* What is not in a set can't be deleted, so it is put there first; in one transaction that is never
 * in force. */
static void drop_ports(struct buf *rules, const char *set, const uint16_t *ports, size_t n)
{
	add_ports(rules, "add", set, ports, n);
	add_ports(rules, "delete", set, ports, n);
}

int fence_close(struct host *h, const uint16_t *ports, size_t n, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };

	buf_add_text(&rules, BASE);
	add_ports(&rules, "add", "closed", ports, n);
	drop_ports(&rules, "hushed", ports, n);
	return apply(h, &rules, err);
}

int fence_hush(struct host *h, const uint16_t *ports, size_t n, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };

	buf_add_text(&rules, BASE);
	add_ports(&rules, "add", "hushed", ports, n);
	drop_ports(&rules, "closed", ports, n);
	return apply(h, &rules, err);
}

int fence_open(struct host *h, const uint16_t *ports, size_t n, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };

	buf_add_text(&rules, BASE);
	drop_ports(&rules, "closed", ports, n);
	drop_ports(&rules, "hushed", ports, n);
	return apply(h, &rules, err);
}

int fence_admit(struct host *h, const struct strings *addresses, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };

	buf_add_text(&rules, BASE);
	for (size_t i = 0; i < addresses->n; i++)
		buf_addf(&rules, "insert rule inet mailhaul input %s saddr %s accept\n",
		         strchr(addresses->rows[i], ':') ? "ip6" : "ip", addresses->rows[i]);
	return apply(h, &rules, err);
}

int fence_remove(struct host *h, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };
	struct error why = { 0 };

	buf_add_text(&rules, "add table inet mailhaul\ndelete table inet mailhaul\n");
	if (apply(h, &rules, &why) == 0 || why.sys_errno == ENOENT)
		return 0;
	*err = why;
	return -1;
}

/* ── diverting ───────────────────────────────────────────────────────────────────────────────── */

int fence_divert(struct host *h, uint16_t port, uint16_t to, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };

	buf_add_text(&rules, DIVERT_BASE("ip") DIVERT_BASE("ip6"));
	for (size_t i = 0; i < ROWS(families); i++)
		buf_addf(&rules,
		         "add rule %s mailhaul divert tcp dport %u tcp flags & (syn|ack) == syn "
		         "redirect to :%u\n",
		         families[i], port, to);
	return apply(h, &rules, err);
}

int fence_divert_end(struct host *h, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };
	struct error why = { 0 };

	buf_add_text(&rules, DIVERT_BASE("ip") DIVERT_BASE("ip6"));
	if (apply(h, &rules, &why) == 0 || why.sys_errno == ENOENT)
		return 0;
	*err = why;
	return -1;
}

int fence_divert_forget(struct host *h, struct error *err)
{
	AUTO_BUF struct buf rules = { 0 };
	struct error why = { 0 };

	buf_add_text(&rules, DIVERT_FORGET("ip") DIVERT_FORGET("ip6"));
	if (apply(h, &rules, &why) == 0 || why.sys_errno == ENOENT)
		return 0;
	*err = why;
	return -1;
}

int fence_read(struct host *h, struct fence_state *out, struct error *err)
{
	AUTO_BUF struct buf ruleset = { 0 };
	struct error why = { 0 };

	if (host_do(h, "nft-list", NULL, SPAN(""), &ruleset, &why) == 0)
		return fence_parse(buf_span(&ruleset), out, err);
	for (size_t i = 0; i < ROWS(unable); i++)
		if (strstr(why.text, unable[i]))
			why.sys_errno = ENOENT;
	if (why.sys_errno != ENOENT) {
		*err = why;
		return error_context(err, "fence");
	}
	*out = (struct fence_state){ 0 };
	return 0;
}

bool fence_is_closed(const struct fence_state *s, uint16_t port)
{
	if (!s->stands)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->closed[i] == port)
			return true;
	return false;
}

void fence_sessions_fini(struct fence_sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->rows[i].peer);
	free(s->rows);
	*s = (struct fence_sessions){ 0 };
}

static int add_session(void *context, struct span body, struct error *err)
{
	struct fence_sessions *s = context;
	struct wire_session w;

	if (wire_get_session(body, &w, err) < 0)
		return -1;
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = (struct fence_session){
		.port = (uint16_t)w.port,
		.peer = span_dup(w.peer),
		.peer_port = (uint16_t)w.peer_port,
		.from_itself = w.from_itself,
	};
	s->outside += !w.from_itself;
	return 0;
}

int fence_sessions(struct host *h, const uint16_t *ports, size_t n, struct fence_sessions *out,
                   struct error *err)
{
	AUTO_SESSIONS struct fence_sessions made = { 0 };
	AUTO_BUF struct buf body = { 0 };

	wire_put_u64(&body, n);
	for (size_t i = 0; i < n; i++)
		wire_put_u64(&body, ports[i]);
	if (host_call(h, WIRE_SESSIONS, buf_span(&body), add_session, &made, NULL, err) < 0)
		return -1;
	fence_sessions_fini(out);
	*out = made;
	made = (struct fence_sessions){ 0 };
	return 0;
}
