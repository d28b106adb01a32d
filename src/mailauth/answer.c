/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/mailauth.h"

#include "base/memory.h"

#include <jansson.h>
#include <string.h>

#define SIGNATURES_MAX 100u

static const char *const names[] = {
	[MAILAUTH_UNKNOWN] = "unknown",     [MAILAUTH_SKIPPED] = "skipped",
	[MAILAUTH_NONE] = "none",           [MAILAUTH_PASS] = "pass",
	[MAILAUTH_FAIL] = "fail",           [MAILAUTH_SOFTFAIL] = "softfail",
	[MAILAUTH_NEUTRAL] = "neutral",     [MAILAUTH_TEMPERROR] = "temperror",
	[MAILAUTH_PERMERROR] = "permerror",
};

const char *mailauth_result_name(enum mailauth_result result)
{
	return names[result];
}

static void signatures_fini(struct mailauth_verdict *v)
{
	for (size_t i = 0; i < v->signatures_n; i++) {
		struct mailauth_signature *s = &v->signatures[i];

		free(s->domain);
		free(s->selector);
		free(s->algorithm);
		free(s->reason);
		free(s->why);
	}
	free(v->signatures);
	v->signatures = NULL;
	v->signatures_n = v->signatures_room = 0;
}

void mailauth_verdict_fini(struct mailauth_verdict *v)
{
	mailauth_form_fini(&v->form);
	free(v->spf.identity);
	free(v->spf.domain);
	free(v->spf.why);
	signatures_fini(v);
	free(v->dkim_why);
	free(v->dmarc.domain);
	free(v->dmarc.found_at);
	free(v->dmarc.policy);
	free(v->dmarc.disposition);
	free(v->dmarc.why);
	*v = (struct mailauth_verdict){ 0 };
}

/* ── members; what is missing or of another kind is as empty ─────────────────────────────────── */

static void take_text(const json_t *from, const char *name, char **place)
{
	const char *text = json_string_value(json_object_get(from, name));

	free(*place);
	*place = xstrdup(text ? text : "");
}

static unsigned number(const json_t *from, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(from, name));

	return n < 0 || n > 1000000000 ? 0 : (unsigned)n;
}

static bool truth(const json_t *from, const char *name)
{
	return json_is_true(json_object_get(from, name));
}

static bool take_result(const json_t *from, enum mailauth_result *out)
{
	const char *text = json_string_value(json_object_get(from, "result"));

	for (size_t i = 0; text && i < ROWS(names); i++)
		if (!strcmp(text, names[i])) {
			*out = (enum mailauth_result)i;
			return true;
		}
	return false;
}

/* ── parts ───────────────────────────────────────────────────────────────────────────────────── */

static bool take_form(const json_t *part, struct mailauth_verdict *v)
{
	const json_t *findings = json_object_get(part, "findings"),
		     *from = json_object_get(part, "from");

	mailauth_form_fini(&v->form);
	for (size_t i = 0; i < json_array_size(findings) && i < FORM_FINDINGS_MAX; i++) {
		const json_t *x = json_array_get(findings, i);
		const char *id = json_string_value(json_object_get(x, "id")),
			   *text = json_string_value(json_object_get(x, "text"));

		if (!id || !text)
			return false;
		form_add(&v->form, id, truth(x, "error"), number(x, "line"), "%s", text);
	}
	for (size_t i = 0; i < json_array_size(from); i++) {
		const char *domain = json_string_value(json_array_get(from, i));

		strings_add(&v->form.from, domain ? domain : "");
	}
	v->form.left_out = number(part, "left_out");
	v->form.one_click = truth(part, "one_click");
	v->form_known = true;
	return true;
}

static bool take_spf(const json_t *part, struct mailauth_verdict *v)
{
	if (!take_result(part, &v->spf.result))
		return false;
	take_text(part, "identity", &v->spf.identity);
	take_text(part, "domain", &v->spf.domain);
	take_text(part, "why", &v->spf.why);
	v->spf.lookups = number(part, "lookups");
	v->spf.voids = number(part, "voids");
	return true;
}

static bool take_signature(const json_t *from, struct mailauth_verdict *v)
{
	struct mailauth_signature s = { 0 };

	if (!take_result(from, &s.result))
		return false;
	take_text(from, "domain", &s.domain);
	take_text(from, "selector", &s.selector);
	take_text(from, "algorithm", &s.algorithm);
	take_text(from, "reason", &s.reason);
	take_text(from, "why", &s.why);
	s.key_bits = number(from, "key_bits");
	s.whole = truth(from, "whole");
	s.test = truth(from, "test");
	s.covers_unsubscribe = truth(from, "covers_unsubscribe");
	ARRAY_GROW(v->signatures, v->signatures_n, v->signatures_room);
	v->signatures[v->signatures_n++] = s;
	return true;
}

static bool take_dkim(const json_t *part, struct mailauth_verdict *v)
{
	const json_t *all = json_object_get(part, "signatures");

	if (!take_result(part, &v->dkim))
		return false;
	signatures_fini(v);
	for (size_t i = 0; i < json_array_size(all) && i < SIGNATURES_MAX; i++)
		if (!take_signature(json_array_get(all, i), v))
			return false;
	take_text(part, "why", &v->dkim_why);
	return true;
}

static bool take_dmarc(const json_t *part, struct mailauth_verdict *v)
{
	struct mailauth_dmarc *d = &v->dmarc;

	if (!take_result(part, &d->result))
		return false;
	take_text(part, "domain", &d->domain);
	take_text(part, "found_at", &d->found_at);
	take_text(part, "policy", &d->policy);
	take_text(part, "disposition", &d->disposition);
	take_text(part, "why", &d->why);
	d->pct = number(part, "pct");
	d->spf_aligned = truth(part, "spf_aligned");
	d->dkim_aligned = truth(part, "dkim_aligned");
	return true;
}

static const struct {
	enum mailauth_part part;
	bool (*take)(const json_t *part, struct mailauth_verdict *v);
} takers[] = {
	{ MAILAUTH_FORM, take_form },
	{ MAILAUTH_SPF, take_spf },
	{ MAILAUTH_DKIM, take_dkim },
	{ MAILAUTH_DMARC, take_dmarc },
};

unsigned mailauth_answer_parse(struct span said, struct mailauth_verdict *out)
{
	struct span rest = said, line;
	unsigned whole = 0;

	while (span_next_line(&rest, &line)) {
		json_t *part = json_loadb(line.p, line.n, 0, NULL);
		const char *name = json_string_value(json_object_get(part, "part"));
		enum mailauth_part which = name ? mailauth_part_find(span_of(name)) : 0;

		for (size_t i = 0; i < ROWS(takers); i++)
			if (takers[i].part == which && takers[i].take(part, out))
				whole |= (unsigned)which;
		json_decref(part);
	}
	return whole;
}
