/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * text -- bytes that are looked at (span) and bytes that are built (buf).
 *
 * What comes from a wire, a disk or another host may hold NUL and any octet, so it is a span: a
 * pointer and a length, borrowed. A buf owns its bytes; a NUL behind the last one is always there
 * and never counted, so that a buf made of plain text can be handed to libc.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/error.h"

struct span {
	const char *p; /* borrowed */
	size_t n;      /* octets */
};

#define SPAN(literal) ((struct span){ literal, sizeof(literal) - 1 })
struct span span_of(const char *text);
bool span_equal(struct span a, struct span b);
bool span_is(struct span a, const char *text);
bool span_starts(struct span a, const char *prefix);
bool span_ends(struct span a, const char *suffix);
/* ASCII letters without regard to case; the locale is never asked. */
bool span_is_nocase(struct span a, const char *text);
bool span_starts_nocase(struct span a, const char *prefix);
/* Without blanks, tabs, CR and LF at both ends. */
struct span span_trim(struct span a);
/* Cuts the first line off *rest (without its LF or CRLF). False when *rest is empty. */
bool span_next_line(struct span *rest, struct span *line);
/* Cuts up to the first `separator` off *rest; the last piece ends at the end. False when *rest.p is
 * NULL, which is how *rest is left behind after the last piece. */
bool span_next_part(struct span *rest, char separator, struct span *part);
/* Cuts the next run of octets that are not blank (space, tab) off *rest. */
bool span_next_word(struct span *rest, struct span *word);
/* Offset of `c`, or -1. */
ssize_t span_find(struct span a, char c);
ssize_t span_find_text(struct span a, const char *text);
struct span span_from(struct span a, size_t offset);
/* Length of the well-formed UTF-8 sequence at the start of `a`, which is not empty; 0: none is there
 * (RFC 3629 section 4). */
size_t span_utf8_length(struct span a);
/* A C string of it, owned by the caller. Octets 0 become '?'. */
char *span_dup(struct span a) MUST_CHECK;

/* Decimal digits only, the whole span, in range. False leaves *value alone. */
bool span_parse_u64(struct span a, uint64_t *value);
bool text_parse_u64(const char *text, uint64_t *value);

char ascii_lower(char c);

struct buf {
	char *p; /* owned; NULL while empty */
	size_t n;
	size_t room;
};

#define AUTO_BUF __attribute__((cleanup(buf_fini)))

void buf_fini(struct buf *b);  /* frees; *b is empty and usable afterwards */
void buf_reset(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_span(struct buf *b, struct span s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for `n` more octets at the returned place; buf_grown() then counts them in. */
char *buf_room(struct buf *b, size_t n);
void buf_grown(struct buf *b, size_t n);
void buf_drop_front(struct buf *b, size_t n);
struct span buf_span(const struct buf *b);
/* "" while empty; borrowed until the next change. */
const char *buf_text(const struct buf *b);
/* Takes the C string out; the caller owns it. */
char *buf_take(struct buf *b) MUST_CHECK;

/* Appends `s` fit for a terminal or a log: control octets and what is not UTF-8 as \xNN. */
void buf_add_printable(struct buf *b, struct span s);
/* The same as text of HTML or XML, also between double quotes: & < > " as entities. */
void buf_add_markup(struct buf *b, struct span s);
/* What stands for one of & < > " there; NULL: any other stands for itself. */
const char *text_entity(char c);
void buf_add_hex(struct buf *b, const void *bytes, size_t n);

/* "1.4 MB", "312 octets": powers of 1000. Returns `out`. */
const char *text_size(char out[16], uint64_t octets);
/* "1 h 02 min", "12.3 s". Returns `out`. */
const char *text_duration(char out[24], double seconds);

/* A list of C strings, owned. `= {0}` is empty. */
struct strings {
	char **rows;
	size_t n, room;
};
#define AUTO_STRINGS __attribute__((cleanup(strings_fini)))
void strings_fini(struct strings *s);
void strings_add(struct strings *s, const char *text);
void strings_add_span(struct strings *s, struct span text);
/* Each of `from`, with `before` in front of it. */
void strings_add_each(struct strings *s, const char *before, const struct strings *from);
/* Each line, without its end. */
void strings_add_lines(struct strings *s, struct span text);
void strings_addf(struct strings *s, const char *format, ...) PRINTF_LIKE(2, 3);
bool strings_has(const struct strings *s, const char *text);
void strings_sort(struct strings *s);
