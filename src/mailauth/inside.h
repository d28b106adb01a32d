/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * inside -- mailhaul-mailauth itself, the one program here that is linked with libspf2, libopendkim
 * and libopendmarc.
 *
 * It writes one JSON object a line, a line as soon as a part is judged, so that a library that
 * breaks later takes nothing back; "part" names it. inside_main() gives up its rights before it
 * reads.
 */

#include "mailauth/ask.h"
#include "mailauth/form.h"
#include "mailauth/mailauth.h"

#include <jansson.h>

/* The whole program; an exit code. */
int inside_main(void);

/* What the libraries read of this system; before mailauth_confine(). */
int inside_prepare(struct error *err) MUST_CHECK;
int dkim_prepare(struct error *err) MUST_CHECK;
void dmarc_prepare(void);

/* A JSON string of any octets, made printable. */
json_t *inside_text(const char *text);

void spf_judge(const struct mailauth_request *r, struct asker *a, struct mailauth_spf *out);
void spf_fini(struct mailauth_spf *s);

/* Of libopendkim, once dkim_prepare() has been called. */
struct dkim_lib;
struct dkim;
struct dkim_lib *dkim_library(void);
/* Hands it a whole message; its status. */
int dkim_feed(struct dkim *dkim, struct span message);
/* What is answered to a request that has a key; NULL: an error. */
json_t *dkim_make_signature(const struct mailauth_request *r, struct error *err) MUST_CHECK;

/* The libraries judge; these put the result into *v. */
void dkim_judge(const struct mailauth_request *r, struct asker *a, struct mailauth_verdict *v);
void dmarc_judge(const struct mailauth_request *r, struct asker *a, struct mailauth_verdict *v);
