/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * form -- whether a message has the form that receivers want: its header by RFC 5322, octets and
 * lines, and the headers of mailing lists by RFC 2369, 2919 and 8058. Pure.
 */

#include "base/text.h"

#include <stdbool.h>

#define FORM_FINDINGS_MAX 64u

struct form_finding {
	char *id;   /* owned; one word that stays: "date-missing"; mailhaul-judge(1) lists them */
	char *text; /* owned; a sentence, printable */
	bool error; /* a strict receiver refuses; else it is a warning */
	unsigned line; /* of the message, from 1; 0: of none */
};

struct mailauth_form {
	struct form_finding *findings; /* owned; in the order of the checks */
	size_t findings_n, findings_room;
	unsigned left_out;   /* findings beyond FORM_FINDINGS_MAX */
	struct strings from; /* the domains of From, in lower case; "" where there is none */
	bool one_click;      /* List-Unsubscribe-Post is there: a signature has to cover it */
};
#define AUTO_MAILAUTH_FORM __attribute__((cleanup(mailauth_form_fini)))
void mailauth_form_fini(struct mailauth_form *f);

/* Adds one; `id` and `text` are copied. */
void form_add(struct mailauth_form *f, const char *id, bool error, unsigned line,
              const char *format, ...) PRINTF_LIKE(5, 6);
/* Errors among them. */
unsigned form_errors(const struct mailauth_form *f);

/* Looks at the whole message, as it goes over the wire. `out` is emptied first. */
void mailauth_form_read(struct span message, struct mailauth_form *out);

/* ── inside of the room ──────────────────────────────────────────────────────────────────────── */

struct form_field {
	struct span name,
		value; /* borrowed; the value as it stands, folded, without its last line end */
	unsigned line;
};

/* A list header, if it is one. */
void form_read_list_field(const struct form_field *field, struct mailauth_form *f);
/* What they have to say to each other. */
void form_close_lists(const struct form_field *fields, size_t n, struct mailauth_form *f);

/* Appends `value` without comments (RFC 5322 section 3.2.2), line ends and blanks at its ends. */
void form_add_unfolded(struct span value, struct buf *out);

/* The addresses of a From: their domains, and how many there are; -1 when it can't be read. */
int form_addresses(struct span value, struct strings *domains);

/* "Tue, 24 Nov 2026 10:20:30 +0100" (RFC 5322 section 3.3, with the obsolete zones). */
bool form_is_date(struct span value);
/* "<left@right>" (section 3.6.4) */
bool form_is_message_id(struct span value);
