/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/record.h"

#include "smtp/envelope.h"

#define PIECE_SIZE 12u /* octets, as it is stored */

void message_fini(struct message *m)
{
	free(m->pieces);
	free(m->settled);
	*m = (struct message){ 0 };
}

void message_put(struct buf *out, const struct message *m)
{
	pack_number(out, (uint64_t)m->arrived_ms, 8);
	pack_number(out, m->octets, 8);
	pack_number(out, m->attempts, 4);
	pack_number(out, m->recipients, 4);
	pack_number(out, m->pieces_n, 4);
	for (size_t i = 0; i < m->pieces_n; i++) {
		pack_number(out, m->pieces[i].place.segment, 4);
		pack_number(out, m->pieces[i].place.offset, 4);
		pack_number(out, m->pieces[i].octets, 4);
	}
	pack_number(out, m->settled_n, 4);
	for (size_t i = 0; i < m->settled_n; i++)
		pack_span(out, m->settled[i]);
	pack_span(out, m->envelope);
}

/* Pieces and body are as many octets as the message says. */
static bool adds_up(const struct message *m)
{
	uint64_t octets = m->body.n;

	for (size_t i = 0; i < m->pieces_n; i++)
		octets += m->pieces[i].octets;
	return octets == m->octets && !(m->pieces_n && m->body.n) && m->recipients &&
	       m->recipients <= SPOOL_RECIPIENTS_MAX;
}

static bool get_pieces(struct unpack *u, struct message *m)
{
	uint64_t n = unpack_number(u, 4);

	if (n > u->rest.n / PIECE_SIZE)
		return false;
	for (; n; n--) {
		struct piece *p;

		ARRAY_GROW(m->pieces, m->pieces_n, m->pieces_room);
		p = &m->pieces[m->pieces_n++];
		p->place.segment = (uint32_t)unpack_number(u, 4);
		p->place.offset = (uint32_t)unpack_number(u, 4);
		p->octets = (uint32_t)unpack_number(u, 4);
		if (!p->place.segment)
			return false;
	}
	return !u->bad;
}

static bool get_settled(struct unpack *u, struct message *m)
{
	uint64_t n = unpack_number(u, 4);

	if (n > u->rest.n / 4)
		return false;
	for (; n; n--) {
		ARRAY_GROW(m->settled, m->settled_n, m->settled_room);
		m->settled[m->settled_n++] = unpack_span(u);
	}
	return !u->bad;
}

bool message_get(struct span payload, struct message *out)
{
	struct unpack u = { payload, false };
	AUTO_MESSAGE struct message m = { 0 };

	m.arrived_ms = (int64_t)unpack_number(&u, 8);
	m.octets = unpack_number(&u, 8);
	m.attempts = (uint32_t)unpack_number(&u, 4);
	m.recipients = (uint32_t)unpack_number(&u, 4);
	if (!get_pieces(&u, &m) || !get_settled(&u, &m))
		return false;
	m.envelope = unpack_span(&u);
	m.body = u.rest;
	if (u.bad || !adds_up(&m))
		return false;
	*out = m;
	m = (struct message){ 0 };
	return true;
}

/* ── envelope and client ─────────────────────────────────────────────────────────────────────── */

static void put_endpoint(struct buf *out, const struct smtp_endpoint *e)
{
	pack_text(out, e->address);
	pack_number(out, e->port, 2);
}

static void get_endpoint(struct unpack *u, struct smtp_endpoint *e)
{
	AUTO_FREE char *text = unpack_text(u);

	if (!text || strlen(text) >= sizeof e->address)
		u->bad = true;
	else
		memcpy(e->address, text, strlen(text) + 1);
	e->port = (uint16_t)unpack_number(u, 2);
}

static void put_peer(struct buf *out, const struct smtp_peer *p)
{
	put_endpoint(out, &p->from);
	put_endpoint(out, &p->to);
	pack_number(out, p->name_state, 1);
	pack_text(out, p->name);
	pack_text(out, p->helo);
	pack_text(out, p->login);
	pack_text(out, p->tls_version);
	pack_text(out, p->tls_cipher);
	pack_number(out, p->esmtp, 1);
	pack_number(out, (uint64_t)p->arrived_ms, 8);
}

static void get_peer(struct unpack *u, struct smtp_peer *p)
{
	get_endpoint(u, &p->from);
	get_endpoint(u, &p->to);
	p->name_state = (enum smtp_name_state)unpack_number(u, 1);
	if (p->name_state > SMTP_NAME_FAILED)
		u->bad = true;
	p->name = unpack_text(u);
	p->helo = unpack_text(u);
	p->login = unpack_text(u);
	p->tls_version = unpack_text(u);
	p->tls_cipher = unpack_text(u);
	p->esmtp = unpack_number(u, 1);
	p->arrived_ms = (int64_t)unpack_number(u, 8);
}

void letter_put(struct buf *out, const struct smtp_envelope *e, const struct smtp_peer *peer)
{
	put_peer(out, peer);
	pack_text(out, e->sender);
	pack_text(out, e->envid);
	pack_number(out, e->ret, 1);
	pack_number(out, e->body, 1);
	pack_number(out, e->utf8, 1);
	pack_number(out, e->size, 8);
	pack_number(out, e->recipients_n, 4);
	for (size_t i = 0; i < e->recipients_n; i++) {
		pack_text(out, e->recipients[i].address);
		pack_text(out, e->recipients[i].orcpt);
		pack_number(out, e->recipients[i].notify, 1);
	}
}

static void get_recipients(struct unpack *u, struct smtp_envelope *e)
{
	uint64_t n = unpack_number(u, 4);

	if (n > u->rest.n / 3 || n > SPOOL_RECIPIENTS_MAX)
		u->bad = true;
	for (; n && !u->bad; n--) {
		struct smtp_recipient *r;

		ARRAY_GROW(e->recipients, e->recipients_n, e->recipients_room);
		r = &e->recipients[e->recipients_n++];
		r->address = unpack_text(u);
		r->orcpt = unpack_text(u);
		r->notify = (unsigned)unpack_number(u, 1);
		if (!r->address)
			u->bad = true;
	}
}

bool letter_get(struct span in, struct smtp_envelope *e, struct smtp_peer *peer)
{
	struct unpack u = { in, false };

	get_peer(&u, peer);
	e->sender = unpack_text(&u);
	e->envid = unpack_text(&u);
	e->ret = (enum smtp_ret)unpack_number(&u, 1);
	e->body = (enum smtp_body)unpack_number(&u, 1);
	e->utf8 = unpack_number(&u, 1);
	e->size = unpack_number(&u, 8);
	get_recipients(&u, e);
	if (!u.bad && !u.rest.n && e->sender && e->recipients_n && e->ret <= SMTP_RET_HDRS &&
	    e->body <= SMTP_BODY_8BITMIME)
		return true;
	smtp_envelope_fini(e);
	smtp_peer_fini(peer);
	return false;
}
