/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * charset -- the octets of Python 2's str become text, late, and none is lost.
 *
 * A list's texts are in the charset of its language, which the distribution chose: Mailman's makers
 * one a language, Debian UTF-8 for all. Both occur in one file. So what is not ASCII is taken as:
 * UTF-8, if it is that and the charset has one octet a character (in which anything would be
 * text); else the list's charset; else UTF-8; else as octets, shown as \xNN.
 */

#include "base/cleanup.h"
#include "base/text.h"
#include "pickle/value.h"

struct lists_charset;

/* What 2.1.39 takes for a language: "euc-jp" for "ja"; "us-ascii" for one that is not known. */
const char *lists_language_charset(struct span language);

/* The same of the release that has saved a list with that data version (0: not known): until 2.1.19 Romanian
 * and Russian had others. */
const char *lists_language_charset_then(struct span language, int64_t data_version);

struct lists_settings;
/* The same of a site: what add_language() of its settings, which may be NULL, says. Borrowed. */
const char *lists_settings_charset(const struct lists_settings *s, struct span language,
                                   int64_t data_version);

/* A charset by name; one that iconv(3) does not know is as us-ascii. The caller frees it. */
struct lists_charset *lists_charset_new(const char *name) MUST_CHECK;
void lists_charset_free(struct lists_charset *c);
CLEANUP_DEFINE(struct lists_charset, lists_charset_free);
#define AUTO_LISTS_CHARSET __attribute__((cleanup(lists_charset_free_at)))
const char *lists_charset_name(const struct lists_charset *c);
bool lists_charset_is_known(const struct lists_charset *c);

enum lists_decoded {
	LISTS_DECODED,        /* as it should be */
	LISTS_DECODED_UTF8,   /* UTF-8, where the charset is another */
	LISTS_DECODED_OCTETS, /* no text: \xNN stands for each octet that is not ASCII */
};

/* Appends `octets` as UTF-8. */
enum lists_decoded lists_decode(struct lists_charset *c, struct span octets, struct buf *out);
/* The same as that charset alone: false, with nothing appended, when it is no text of it. */
bool lists_decode_strictly(struct lists_charset *c, struct span octets, struct buf *out);
/* The same of a str or unicode; one of another kind appends nothing. A unicode that is no text, because
 * it has lone surrogates, is taken as the octets that it stands for. */
enum lists_decoded lists_decode_value(struct lists_charset *c, struct value v, struct buf *out);
/* The octets that a unicode stands for: UTF-8, but U+DC80 to U+DCFF are one octet each, as Python 3
 * (PEP 383), and so Mailman's ports to it, keep octets that are no text. False when there is a
 * character that is neither one of these nor ASCII. */
bool lists_escaped_octets(struct span text, struct buf *out);
