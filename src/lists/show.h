/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * show -- lists for a person, one fact a line, in an order that stays: what diff(1) wants; and as
 * JSON. Secrets (passwords, and cookies, which are as good) only where they are asked for.
 */

#include "lists/list.h"

#include <stdio.h>

struct json_t;

void lists_show_list(FILE *out, const struct lists_list *l, const struct lists_site *site,
                     bool secrets);
/* What is of no list: queue files of lists that are not there, and findings. */
void lists_show_site(FILE *out, const struct lists_site *site);

/* The caller owns the reference. */
struct json_t *lists_list_json(const struct lists_list *l, const struct lists_site *site,
                               bool secrets);
struct json_t *lists_site_json(const struct lists_site *site);
/* Parts of the first, for files of their own. */
struct json_t *lists_settings_json(const struct lists_list *l, bool secrets);
struct json_t *lists_requests_json(const struct lists_list *l, bool secrets);
struct json_t *lists_pending_json(const struct lists_list *l, bool secrets);
/* "enable again": whom, or what, an entry is about; appended. */
void lists_pending_about(const struct lists_list *l, const struct lists_pending *p,
                         struct buf *out);
/* Whether a queue's file is of a list, or of none of the site. */
bool lists_queued_is_of(const struct lists_queued *q, const struct lists_list *l);
bool lists_queued_is_of_none(const struct lists_queued *q, const struct lists_site *site);
