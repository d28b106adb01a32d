/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * plain -- any value of a list as a person reads it: text decoded by the list's charset, on one line;
 * and as JSON, where a string that is no text is {"octets": "..."}, each octet one character.
 * (What tells str from unicode, and int from bool, is `mailhaul lists dump`.)
 */

#include "lists/charset.h"
#include "pickle/value.h"

struct json_t;

/* Appends it on one line; strings inside others in quotes. */
void lists_plain_line(struct lists_charset *c, struct value v, struct buf *out);
/* A string alone, in quotes, fit for a terminal; any other value as it is. */
void lists_plain_quoted(struct lists_charset *c, struct value v, struct buf *out);
/* Seconds since 1970 as "2026-11-22T15:15:00Z", and "never" for 0. */
void lists_plain_time(double at, struct buf *out);

/* The pairs of a dict, by the octets of their keys: Python keeps them in no order. Keys that are no
 * strings stand first. The caller frees it; never NULL. */
struct value_pair *lists_plain_pairs(struct value dict, size_t *n) MUST_CHECK;

/* The caller owns the reference. */
struct json_t *lists_plain_json(struct lists_charset *c, struct value v);
/* Of octets in the charset; of words of ours that are printable. */
struct json_t *lists_plain_json_octets(struct lists_charset *c, struct span octets);
struct json_t *lists_plain_json_text(const char *text); /* NULL: null */
/* Seconds; 0: null. */
struct json_t *lists_plain_json_time(double at);
