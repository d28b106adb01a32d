/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/mailbox.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

void wire_put_tag(struct buf *body, enum wire_mail_tag tag)
{
	wire_put_u64(body, (uint64_t)tag);
}

char *wire_get_string(struct wire_reader *r)
{
	struct span text = wire_get_span(r);

	if (span_find(text, 0) >= 0)
		r->bad = true;
	return span_dup(text);
}

static uint32_t get_u32(struct wire_reader *r)
{
	uint64_t v = wire_get_u64(r);

	if (v > UINT32_MAX)
		r->bad = true;
	return (uint32_t)v;
}

void wire_put_account(struct buf *body, const struct mailbox_account *a)
{
	wire_put_text(body, a->user ? a->user : "");
	wire_put_text(body, a->home ? a->home : "");
	wire_put_text(body, a->root ? a->root : "");
	wire_put_text(body, a->inbox ? a->inbox : "");
	wire_put_u64(body, (uint64_t)a->format);
	wire_put_u64(body, (uint64_t)a->layout);
}

void wire_get_account(struct wire_reader *r, struct mailbox_account *out)
{
	uint64_t format, layout;

	*out = (struct mailbox_account){ 0 };
	out->user = wire_get_string(r);
	out->home = wire_get_string(r);
	out->root = wire_get_string(r);
	out->inbox = wire_get_string(r);
	format = wire_get_u64(r);
	layout = wire_get_u64(r);
	if (format > MAILBOX_MBOX || layout > MAILBOX_LAYOUT_FS ||
	    (out->root[0] != '/' && (format == MAILBOX_MAILDIR || *out->root)))
		r->bad = true;
	out->format = format == MAILBOX_MBOX ? MAILBOX_MBOX : MAILBOX_MAILDIR;
	out->layout = layout == MAILBOX_LAYOUT_FS ? MAILBOX_LAYOUT_FS : MAILBOX_LAYOUT_MAILDIRPP;
}

void wire_put_digest(struct buf *body, const struct digest *digest)
{
	wire_put_span(body, (struct span){ (const char *)digest->octets, DIGEST_SIZE });
}

struct digest wire_get_digest(struct wire_reader *r)
{
	struct span octets = wire_get_span(r);
	struct digest digest = { 0 };

	if (octets.n == DIGEST_SIZE)
		memcpy(digest.octets, octets.p, DIGEST_SIZE);
	else
		r->bad = true;
	return digest;
}

void wire_put_folder(struct buf *body, const struct mail_folder *f)
{
	wire_put_text(body, f->name);
	wire_put_u64(body, f->mode);
	wire_put_u64(body, f->uid);
	wire_put_u64(body, f->gid);
	wire_put_u64(body, (uint64_t)f->mtime_ns);
	wire_put_u64(body, f->size);
	wire_put_u64(body, f->uidvalidity);
	wire_put_u64(body, f->uidnext);
}

void wire_get_folder(struct wire_reader *r, struct mail_folder *out)
{
	*out = (struct mail_folder){ 0 };
	out->name = wire_get_string(r);
	out->mode = get_u32(r);
	out->uid = get_u32(r);
	out->gid = get_u32(r);
	out->mtime_ns = (int64_t)wire_get_u64(r);
	out->size = wire_get_u64(r);
	out->uidvalidity = get_u32(r);
	out->uidnext = get_u32(r);
	if (!mail_path_fits(out->name))
		r->bad = true;
}

void wire_put_message(struct buf *body, const struct mail_message *m)
{
	wire_put_text(body, m->base);
	wire_put_text(body, m->suffix);
	wire_put_u64(body, m->keywords != NULL);
	wire_put_text(body, m->keywords ? m->keywords : "");
	wire_put_u64(body, m->in_new);
	wire_put_u64(body, m->mode);
	wire_put_u64(body, m->uid);
	wire_put_u64(body, m->size);
	wire_put_u64(body, m->inode);
	wire_put_u64(body, m->offset);
	wire_put_u64(body, (uint64_t)m->mtime_ns);
	wire_put_span(body,
	              (struct span){ (const char *)m->digest.octets, m->hashed ? DIGEST_SIZE : 0 });
}

void wire_get_message(struct wire_reader *r, struct mail_message *out)
{
	struct span digest;

	*out = (struct mail_message){ 0 };
	out->base = wire_get_string(r);
	out->suffix = wire_get_string(r);
	if (wire_get_u64(r))
		out->keywords = wire_get_string(r);
	else
		(void)wire_get_span(r);
	out->in_new = wire_get_u64(r) != 0;
	out->mode = get_u32(r) & 07777;
	out->uid = get_u32(r);
	out->size = wire_get_u64(r);
	out->inode = wire_get_u64(r);
	out->offset = wire_get_u64(r);
	out->mtime_ns = (int64_t)wire_get_u64(r);
	digest = wire_get_span(r);
	out->hashed = digest.n == DIGEST_SIZE;
	if (out->hashed)
		memcpy(out->digest.octets, digest.p, DIGEST_SIZE);
	/* base and suffix become one file name on the other host */
	if (!mail_name_fits(span_of(out->base)) || strchr(out->base, ':') ||
	    strchr(out->suffix, '/') || (*out->suffix && *out->suffix != ':') ||
	    strlen(out->base) + strlen(out->suffix) > 255)
		r->bad = true;
}

void wire_put_file(struct buf *body, const struct mail_file *f)
{
	wire_put_u64(body, (uint64_t)f->place);
	wire_put_text(body, f->path);
	wire_put_text(body, f->target ? f->target : "");
	wire_put_u64(body, f->mode);
	wire_put_u64(body, f->size);
	wire_put_u64(body, (uint64_t)f->mtime_ns);
}

void wire_get_file(struct wire_reader *r, struct mail_file *out)
{
	AUTO_FREE char *target = NULL;

	*out = (struct mail_file){ 0 };
	out->place = wire_get_u64(r) == MAIL_PLACE_HOME ? MAIL_PLACE_HOME : MAIL_PLACE_ROOT;
	out->path = wire_get_string(r);
	target = wire_get_string(r);
	if (*target)
		out->target = TAKE(target);
	out->mode = get_u32(r);
	out->size = wire_get_u64(r);
	out->mtime_ns = (int64_t)wire_get_u64(r);
	if (!*out->path || !mail_path_fits(out->path))
		r->bad = true;
}

#define KNOWN_FIXED 9u

void wire_put_known(struct buf *rows, const struct wire_known *known)
{
	char *p = buf_room(rows, KNOWN_FIXED);

	p[0] = (char)known->in_new;
	for (size_t i = 0; i < 8; i++)
		p[1 + i] = (char)(known->inode >> (8 * i));
	buf_grown(rows, KNOWN_FIXED);
	buf_add_span(rows, known->base);
	buf_add_char(rows, 0);
	buf_add_span(rows, known->suffix);
	buf_add_char(rows, 0);
}

static bool cut_string(struct span *rest, struct span *out)
{
	const char *end = rest->n ? memchr(rest->p, 0, rest->n) : NULL;

	if (!end)
		return false;
	*out = (struct span){ rest->p, (size_t)(end - rest->p) };
	*rest = span_from(*rest, out->n + 1);
	return true;
}

bool wire_get_known(struct span *rows, struct wire_known *out)
{
	struct span rest = *rows;

	if (rest.n < KNOWN_FIXED)
		return false;
	*out = (struct wire_known){ .in_new = rest.p[0] != 0 };
	for (size_t i = 0; i < 8; i++)
		out->inode |= (uint64_t)(unsigned char)rest.p[1 + i] << (8 * i);
	rest = span_from(rest, KNOWN_FIXED);
	if (!cut_string(&rest, &out->base) || !cut_string(&rest, &out->suffix))
		return false;
	*rows = rest;
	return true;
}

void wire_put_mbox_state(struct buf *body, const struct mbox_state *s)
{
	wire_put_text(body, s->folder);
	wire_put_u64(body, s->size);
	wire_put_u64(body, (uint64_t)s->mtime_ns);
	wire_put_u64(body, (uint64_t)s->ctime_ns);
	wire_put_u64(body, s->inode);
	wire_put_u64(body, s->settled);
	wire_put_u64(body, s->from);
	wire_put_span(body, (struct span){ (const char *)s->sum.octets, MBOX_SUM_SIZE });
}

void wire_get_mbox_state(struct wire_reader *r, struct mbox_state *out)
{
	struct span sum;

	*out = (struct mbox_state){ 0 };
	out->folder = wire_get_string(r);
	out->size = wire_get_u64(r);
	out->mtime_ns = (int64_t)wire_get_u64(r);
	out->ctime_ns = (int64_t)wire_get_u64(r);
	out->inode = wire_get_u64(r);
	out->settled = wire_get_u64(r) != 0;
	out->from = wire_get_u64(r);
	sum = wire_get_span(r);
	if (sum.n == MBOX_SUM_SIZE)
		memcpy(out->sum.octets, sum.p, MBOX_SUM_SIZE);
	if (sum.n != MBOX_SUM_SIZE || !mail_path_fits(out->folder) || out->from > out->size)
		r->bad = true;
}
