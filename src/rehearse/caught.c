/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/steps.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <jansson.h>

#define MESSAGE_MOST (65u << 20) /* octets; more is not caught (rehearse/catch.c) */

void caught_fini(struct caught *c)
{
	free(c->client);
	free(c->helo);
	free(c->sender);
	free(c->recipient);
	free(c->tls);
	free(c->cipher);
	buf_fini(&c->message);
	*c = (struct caught){ 0 };
}

static char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return xstrdup(text ? text : "");
}

bool caught_read(int folder, unsigned number, struct caught *out)
{
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };
	char name[32];
	json_t *all;

	snprintf(name, sizeof name, "%u.json", number);
	if (file_read_below(folder, name, 1u << 20, &text, &err) < 0)
		return false;
	snprintf(name, sizeof name, "%u.eml", number);
	if (file_read_below(folder, name, MESSAGE_MOST, &out->message, &err) < 0)
		return false;
	all = json_loadb(text.p, text.n, 0, NULL);
	out->client = text_of(all, "client");
	out->helo = text_of(all, "helo");
	out->sender = text_of(all, "sender");
	out->tls = text_of(all, "tls");
	out->cipher = text_of(all, "cipher");
	out->offered = json_is_true(json_object_get(all, "offered"));
	out->recipient = xstrdup("");
	json_t *first = json_array_get(json_object_get(all, "recipients"), 0);
	if (json_string_value(first)) {
		free(out->recipient);
		out->recipient = xstrdup(json_string_value(first));
	}
	json_decref(all);
	return true;
}
