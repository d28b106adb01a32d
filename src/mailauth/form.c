/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/form.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdarg.h>
#include <string.h>

#define FIELDS_MAX 1000u
#define LINE_MAX_OCTETS 998u /* RFC 5322 section 2.1.1 */

void mailauth_form_fini(struct mailauth_form *f)
{
	for (size_t i = 0; i < f->findings_n; i++) {
		free(f->findings[i].id);
		free(f->findings[i].text);
	}
	free(f->findings);
	strings_fini(&f->from);
	*f = (struct mailauth_form){ 0 };
}

void form_add(struct mailauth_form *f, const char *id, bool error, unsigned line,
              const char *format, ...)
{
	AUTO_BUF struct buf printable = { 0 };
	AUTO_FREE char *text = NULL;
	va_list args;

	if (f->findings_n == FORM_FINDINGS_MAX) {
		f->left_out++;
		return;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	buf_add_printable(&printable, span_of(text));
	ARRAY_GROW(f->findings, f->findings_n, f->findings_room);
	f->findings[f->findings_n++] = (struct form_finding){
		.id = xstrdup(id),
		.text = xstrdup(buf_text(&printable)),
		.error = error,
		.line = line,
	};
}

unsigned form_errors(const struct mailauth_form *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->findings_n; i++)
		n += f->findings[i].error;
	return n;
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

/* What may not be in a message at all; told once each, with the first line where it stands. */
struct octets {
	unsigned line, lone_lf, lone_cr, nul, long_line, long_size, eight;
};

static void look_at_octets(struct span message, size_t head, struct mailauth_form *f)
{
	struct octets o = { .line = 1 };
	size_t start = 0;

	for (size_t i = 0; i < message.n; i++) {
		unsigned char c = (unsigned char)message.p[i];
		bool after_cr = i && message.p[i - 1] == '\r';

		if (c == '\0' && !o.nul)
			o.nul = o.line;
		if (c == '\r' && (i + 1 == message.n || message.p[i + 1] != '\n') && !o.lone_cr)
			o.lone_cr = o.line;
		if (c > 127 && i < head && !o.eight)
			o.eight = o.line;
		if (c != '\n')
			continue;
		if (!after_cr && !o.lone_lf)
			o.lone_lf = o.line;
		if (i - start - after_cr > LINE_MAX_OCTETS && !o.long_line) {
			o.long_line = o.line;
			o.long_size = (unsigned)(i - start - after_cr);
		}
		start = i + 1;
		o.line++;
	}
	if (o.nul)
		form_add(f, "octet-nul", true, o.nul, "an octet 0 (RFC 5322 section 4)");
	if (o.lone_cr)
		form_add(f, "bare-cr", true, o.lone_cr, "a CR without LF (RFC 5322 section 2.3)");
	if (o.lone_lf)
		form_add(f, "bare-lf", true, o.lone_lf, "an LF without CR (RFC 5322 section 2.3)");
	if (message.n - start > LINE_MAX_OCTETS && !o.long_line) {
		o.long_line = o.line;
		o.long_size = (unsigned)(message.n - start);
	}
	if (o.long_line)
		form_add(f, "line-long", true, o.long_line,
		         "a line of %u octets; 998 are allowed (RFC 5322 section 2.1.1)",
		         o.long_size);
	if (o.eight)
		form_add(f, "header-8bit", true, o.eight,
		         "an octet above 127 in the header: only for receivers with SMTPUTF8 "
		         "(RFC 6532)");
}

/* ── fields ──────────────────────────────────────────────────────────────────────────────────── */

struct fields {
	struct form_field *rows; /* owned */
	size_t n, room;
};

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || (unsigned char)name.p[i] > 126)
			return false;
	return name.n > 0;
}

static void take_line(struct span line, unsigned number, struct fields *all,
                      struct mailauth_form *f)
{
	ssize_t colon = span_find(line, ':');
	struct span name = { line.p, colon < 0 ? 0 : (size_t)colon };

	if (line.n && (line.p[0] == ' ' || line.p[0] == '\t')) {
		if (!all->n)
			form_add(f, "header-line", true, number,
			         "the header begins with a continuation");
		else /* up to here belongs to it */
			all->rows[all->n - 1].value.n = (size_t)(line.p + line.n -
			                                         all->rows[all->n - 1].value.p);
		if (all->n && !span_trim(line).n)
			form_add(f, "fold-empty", false, number,
			         "a continuation of blanks alone (RFC 5322 section 3.2.2)");
		return;
	}
	if (span_starts(line, "From ") && number == 1) {
		form_add(f, "mbox-from", true, 1, "the line of an mbox file before the header");
		return;
	}
	if (!is_name(name)) {
		form_add(f, "header-line", true, number,
		         "a line that is no header field (RFC 5322 section 2.2)");
		return;
	}
	if (all->n == FIELDS_MAX)
		return;
	ARRAY_GROW(all->rows, all->n, all->room);
	all->rows[all->n++] = (struct form_field){ .name = name,
		                                   .value = span_from(line, name.n + 1),
		                                   .line = number };
}

/* Returns the octets of the header section, its empty line included. */
static size_t split(struct span message, struct fields *all, struct mailauth_form *f)
{
	struct span rest = message, line;
	unsigned number = 0;

	while (span_next_line(&rest, &line)) {
		number++;
		if (!line.n)
			return (size_t)(rest.p - message.p);
		take_line(line, number, all, f);
	}
	return message.n;
}

/* RFC 5322 section 3.6: how many of each there may be. */
static const struct {
	const char *name, *id;
	bool needed;
} rules[] = {
	{ "Date", "date", true },
	{ "From", "from", true },
	{ "Message-ID", "message-id", false },
	{ "Sender", "sender", false },
	{ "Reply-To", "reply-to", false },
	{ "To", "to", false },
	{ "Cc", "cc", false },
	{ "Bcc", "bcc", false },
	{ "In-Reply-To", "in-reply-to", false },
	{ "References", "references", false },
	{ "Subject", "subject", false },
};

static const struct form_field *find(const struct fields *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (span_is_nocase(all->rows[i].name, name))
			return &all->rows[i];
	return NULL;
}

static void count_fields(const struct fields *all, struct mailauth_form *f)
{
	for (size_t i = 0; i < ROWS(rules); i++) {
		AUTO_FREE char *id = NULL;
		unsigned n = 0, line = 0;

		for (size_t k = 0; k < all->n; k++)
			if (span_is_nocase(all->rows[k].name, rules[i].name)) {
				n++;
				line = all->rows[k].line;
			}
		if (n > 1) {
			id = xasprintf("%s-twice", rules[i].id);
			form_add(f, id, true, line,
			         "%u fields %s; one is allowed (RFC 5322 "
			         "section 3.6)",
			         n, rules[i].name);
		} else if (!n && rules[i].needed) {
			id = xasprintf("%s-missing", rules[i].id);
			form_add(f, id, true, 0, "no %s (RFC 5322 section 3.6)", rules[i].name);
		}
	}
	if (!find(all, "Message-ID"))
		form_add(f, "message-id-missing", false, 0,
		         "no Message-ID (RFC 5322 section 3.6.4: should be there)");
}

static void look_at_from(const struct form_field *from, const struct form_field *sender,
                         struct mailauth_form *f)
{
	int n = form_addresses(from->value, &f->from);

	if (n <= 0)
		form_add(f, "from-syntax", true, from->line,
		         "From holds no address (RFC 5322 section 3.6.2)");
	if (n > 1 && !sender)
		form_add(f, "sender-missing", true, from->line,
		         "From has %d addresses, and there is no Sender (RFC 5322 section 3.6.2)",
		         n);
}

static void look_at_values(const struct fields *all, struct mailauth_form *f)
{
	const struct form_field *date = find(all, "Date"), *id = find(all, "Message-ID");

	for (size_t i = 0; i < all->n; i++)
		if (span_is_nocase(all->rows[i].name, "From"))
			look_at_from(&all->rows[i], find(all, "Sender"), f);
	if (date && !form_is_date(date->value))
		form_add(f, "date-syntax", true, date->line, "Date is none (RFC 5322 section 3.3)");
	if (id && !form_is_message_id(id->value))
		form_add(f, "message-id-syntax", true, id->line,
		         "Message-ID is not <left@right> (RFC 5322 section 3.6.4)");
}

void mailauth_form_read(struct span message, struct mailauth_form *out)
{
	struct fields all = { 0 };
	size_t head;

	mailauth_form_fini(out);
	head = split(message, &all, out);
	look_at_octets(message, head, out);
	count_fields(&all, out);
	look_at_values(&all, out);
	for (size_t i = 0; i < all.n; i++)
		form_read_list_field(&all.rows[i], out);
	form_close_lists(all.rows, all.n, out);
	free(all.rows);
}
