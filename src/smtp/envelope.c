/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/envelope.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void smtp_text_set(char **text, struct span value)
{
	char *made = value.p ? span_dup(value) : NULL;

	free(*text); /* behind the copy: `value` may lie in it */
	*text = made;
}

void smtp_envelope_fini(struct smtp_envelope *e)
{
	for (size_t i = 0; i < e->recipients_n; i++) {
		free(e->recipients[i].address);
		free(e->recipients[i].orcpt);
	}
	free(e->recipients);
	free(e->sender);
	free(e->envid);
	*e = (struct smtp_envelope){ 0 };
}

struct smtp_recipient *smtp_envelope_add(struct smtp_envelope *e, struct span address)
{
	if (e->recipients_n == e->recipients_room) {
		/* most messages have one */
		e->recipients_room = e->recipients_room ? 4 * e->recipients_room : 1;
		e->recipients = xrealloc(e->recipients, e->recipients_room * sizeof *e->recipients);
	}
	e->recipients[e->recipients_n] = (struct smtp_recipient){ .address = span_dup(address) };
	return &e->recipients[e->recipients_n++];
}

void smtp_peer_fini(struct smtp_peer *p)
{
	free(p->name);
	free(p->helo);
	free(p->login);
	free(p->tls_version);
	free(p->tls_cipher);
	*p = (struct smtp_peer){ 0 };
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void smtp_peer_copy(struct smtp_peer *to, const struct smtp_peer *from)
{
	*to = *from;
	to->name = copy(from->name);
	to->helo = copy(from->helo);
	to->login = copy(from->login);
	to->tls_version = copy(from->tls_version);
	to->tls_cipher = copy(from->tls_cipher);
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool smtp_peer_same(const struct smtp_peer *a, const struct smtp_peer *b)
{
	return same(a->from.address, b->from.address) && a->from.port == b->from.port &&
	       same(a->to.address, b->to.address) && a->to.port == b->to.port &&
	       a->name_state == b->name_state && same(a->name, b->name) && same(a->helo, b->helo) &&
	       same(a->login, b->login) && a->esmtp == b->esmtp;
}
