/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * render_parts -- a message's parts, one after the other: text to be read, and what is to be had beside it. Pure.
 *
 * All of a body is in a part, but what stands before a first boundary. What is nested too deep, or is one of too many, is a part of its own, as it
 * stands. Source: RFC 2045, 2046, 2183, 2231.
 */

#include "base/text.h"

#include <stdbool.h>

#define RENDER_TEXT_MAX (1u << 20) /* octets of UTF-8; longer text is to be had beside */

enum render_part_kind {
	RENDER_PART_TEXT, /* `text`, UTF-8 */
	RENDER_PART_MESSAGE, /* a message in this one: `text` has who, when and what; its parts follow */
	RENDER_PART_ATTACHMENT, /* `octets` */
};
struct render_part { /* all borrowed during the call */
	enum render_part_kind kind;
	struct span text, octets;
	const char *name; /* as the sender calls it, UTF-8; or "" */
	const char *type; /* "image/png", lower-case; printable ASCII */
};
typedef void render_part_fn(void *context, const struct render_part *part);

/* `message` begins with its header, without a From_ line. */
void render_parts(struct span message, render_part_fn *take, void *context);

/* What can be read of HTML, without a tag; UTF-8 in, UTF-8 out. */
void render_html_words(struct span html, struct buf *out);

/* The end of a file's name that makes a server show it as nothing that a browser runs: "png", "bin". Borrowed. */
const char *render_safe_extension(const char *type);
