/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * render_html -- pages of an archive that needs no program: HTML 5 in UTF-8, without a script. Pure.
 *
 * What comes from mail is text, wherever it stands: no octet of it becomes a tag or an attribute's end, no
 * character of it changes the direction of what stands around it, and the page forbids browsers all that it does not
 * need itself.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define RENDER_NONE UINT32_MAX

/* `text`, of any octets, as HTML. `veil`: "a@b" becomes "a at b". */
void render_html_text(struct span text, bool veil, struct buf *out);
/* The same, where addresses of pages become links. */
void render_html_body(struct span text, bool veil, struct buf *out);
/* What may stand in an address, for an attribute. */
void render_html_address(struct span text, struct buf *out);

struct render_list {         /* all borrowed */
	const char *name;    /* "Talk" */
	const char *address; /* where answers go; "" */
	const char *info;    /* address of the list's own page; "" */
	bool veil;
};

void render_page_begin(const struct render_list *list, struct span title, bool index,
                       struct buf *out);
void render_page_end(const struct render_list *list, const char *up, struct buf *out);

enum render_order { RENDER_THREAD, RENDER_SUBJECT, RENDER_AUTHOR, RENDER_DATE, RENDER_ORDERS };
const char *render_order_name(enum render_order order); /* "thread" */

struct render_row { /* of an index; all borrowed */
	int64_t number, date;
	struct span subject, author;
	unsigned depth; /* in a thread */
};
void render_index_page(const struct render_list *list, const char *volume, enum render_order order,
                       const struct render_row *rows, size_t n, struct buf *out);

struct render_volume_row {
	const char *name;
	size_t messages;
};
/* index.html of the whole archive; newest first. */
void render_contents(const struct render_list *list, const struct render_volume_row *rows, size_t n,
                     struct buf *out);

struct render_message_page { /* all borrowed */
	const char *volume;
	int64_t number, before, after; /* by thread; -1: none */
	struct span id;                /* without brackets; empty: none */
	struct span subject, author, email, date;
	struct span body; /* HTML */
};
void render_message_page(const struct render_list *list, const struct render_message_page *p,
                         struct buf *out);
/* "2026-03-01 12:00 UTC". */
void render_date(int64_t date, struct buf *out);
