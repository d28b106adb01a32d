/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* Ports by which mail comes and goes. */
static const struct {
	unsigned port;
	const char *does;
} ports[] = {
	{ 25, "SMTP" },           { 465, "submission over TLS" },
	{ 587, "submission" },    { 110, "POP3" },
	{ 143, "IMAP" },          { 993, "IMAP over TLS" },
	{ 995, "POP3 over TLS" }, { 4190, "ManageSieve" },
};

static void add_listener(struct survey_site *s, const struct host_listener *l, const char *does)
{
	AUTO_FREE char *name = xasprintf("%u IPv%d %s (pid %lu)", l->port, l->family, l->address,
	                                 l->pid);
	AUTO_BUF struct buf program = { 0 }, command = { 0 };
	struct item *item = survey_add(s, "listener", name, ITEM_STAYS, does);

	buf_add_printable(&program, span_of(l->program));
	buf_add_printable(&command, span_of(l->command));
	item_set(&item->source, buf_text(&program));
	survey_detail(item,
	              json_pack("{s:i, s:i, s:s, s:I, s:s, s:s}", "port", (int)l->port, "family",
	                        l->family, "address", l->address, "pid", (json_int_t)l->pid,
	                        "program", buf_text(&program), "command", buf_text(&command)));
}

int survey_listeners(struct survey_site *s, struct error *err)
{
	AUTO_LISTENERS struct host_listeners l = { 0 };
	struct error why = { 0 };

	if (host_reach(s->h) == HOST_FOLDER)
		return 0;
	if (host_listeners(s->h, &l, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		survey_look(s, why.text);
		return 0;
	}
	for (size_t p = 0; p < ROWS(ports); p++)
		for (size_t i = 0; i < l.n; i++)
			if (l.rows[i].port == ports[p].port)
				add_listener(s, &l.rows[i], ports[p].does);
	return 0;
}
