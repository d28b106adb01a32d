/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/mailauth.h"

#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────── */

static json_t *form_json(const struct mailauth_verdict *v)
{
	json_t *all = json_array();

	for (size_t i = 0; i < v->form.findings_n; i++) {
		const struct form_finding *f = &v->form.findings[i];

		json_array_append_new(all, json_pack("{s:s, s:s, s:b, s:i}", "id", f->id, "text",
		                                     f->text, "error", (int)f->error, "line",
		                                     (int)f->line));
	}
	return json_pack("{s:b, s:o, s:i}", "known", (int)v->form_known, "findings", all,
	                 "left_out", (int)v->form.left_out);
}

static json_t *spf_json(const struct mailauth_spf *s)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s}", "result",
	                 mailauth_result_name(s->result), "identity", s->identity, "domain",
	                 s->domain, "lookups", (int)s->lookups, "voids", (int)s->voids, "why",
	                 s->why);
}

static json_t *signature_json(const struct mailauth_signature *s)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:b, s:b}", "result",
	                 mailauth_result_name(s->result), "domain", s->domain, "selector",
	                 s->selector, "algorithm", s->algorithm, "key_bits", (int)s->key_bits,
	                 "reason", s->reason, "why", s->why, "whole", (int)s->whole, "test",
	                 (int)s->test, "covers_unsubscribe", (int)s->covers_unsubscribe);
}

static json_t *dmarc_json(const struct mailauth_dmarc *d)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:s}", "result",
	                 mailauth_result_name(d->result), "domain", d->domain, "found_at",
	                 d->found_at, "policy", d->policy, "disposition", d->disposition, "pct",
	                 (int)d->pct, "spf_aligned", (int)d->spf_aligned, "dkim_aligned",
	                 (int)d->dkim_aligned, "why", d->why);
}

void mailauth_verdict_json(const struct mailauth_verdict *v, struct buf *out)
{
	json_t *signatures = json_array(), *all;
	char *text;

	for (size_t i = 0; i < v->signatures_n; i++)
		json_array_append_new(signatures, signature_json(&v->signatures[i]));
	all = json_pack("{s:s, s:o, s:o, s:{s:s, s:s, s:o}, s:o}", "accepts",
	                mailauth_result_name(mailauth_accepts(v)), "form", form_json(v), "spf",
	                spf_json(&v->spf), "dkim", "result", mailauth_result_name(v->dkim), "why",
	                v->dkim_why, "signatures", signatures, "dmarc", dmarc_json(&v->dmarc));
	text = json_dumps(all, JSON_INDENT(2));
	json_decref(all);
	if (!text)
		abort();
	buf_add_text(out, text);
	free(text);
}

/* ── lines ───────────────────────────────────────────────────────────────────────────────────── */

static void begin(struct buf *out, const char *part, enum mailauth_result result)
{
	buf_addf(out, "  %-5s %-9s", part, mailauth_result_name(result));
}

static void end(struct buf *out, const char *why)
{
	buf_addf(out, "%s%s\n", *why ? "  " : "", why);
}

static void add_spf(const struct mailauth_spf *s, struct buf *out)
{
	begin(out, "SPF", s->result);
	if (*s->domain)
		buf_addf(out, "  %s by %s, %u look-up%s", s->domain,
		         strcmp(s->identity, "helo") == 0 ? "HELO" : "MAIL FROM", s->lookups,
		         s->lookups == 1 ? "" : "s");
	end(out, s->why);
}

static void add_signature(const struct mailauth_signature *s, struct buf *out)
{
	begin(out, "DKIM", s->result);
	buf_addf(out, "  d=%s s=%s %s", s->domain, s->selector, s->algorithm);
	if (s->key_bits)
		buf_addf(out, " %u bits", s->key_bits);
	if (!s->whole)
		buf_add_text(out, ", not the whole body");
	if (s->test)
		buf_add_text(out, ", testing");
	if (!strcmp(s->algorithm, "rsa-sha1"))
		buf_add_text(out, ", which does not count by RFC 8301");
	end(out, s->why);
}

static void add_dmarc(const struct mailauth_dmarc *d, struct buf *out)
{
	begin(out, "DMARC", d->result);
	if (*d->found_at)
		buf_addf(out, "  p=%s at %s; SPF %saligned, DKIM %saligned", d->policy, d->found_at,
		         d->spf_aligned ? "" : "not ", d->dkim_aligned ? "" : "not ");
	if (d->result == MAILAUTH_FAIL)
		buf_addf(out, "; to be done: %s", d->disposition);
	if (*d->found_at && d->pct < 100)
		buf_addf(out, ", for %u of 100 (pct=)", d->pct);
	end(out, d->why);
}

void mailauth_verdict_text(const struct mailauth_verdict *v, struct buf *out)
{
	add_spf(&v->spf, out);
	for (size_t i = 0; i < v->signatures_n; i++)
		add_signature(&v->signatures[i], out);
	if (!v->signatures_n) {
		begin(out, "DKIM", v->dkim);
		end(out, v->dkim_why);
	}
	add_dmarc(&v->dmarc, out);
	if (!v->form_known)
		buf_add_text(out, "  form  unknown\n");
	else if (!v->form.findings_n)
		buf_add_text(out, "  form  good\n");
	for (size_t i = 0; i < v->form.findings_n; i++) {
		const struct form_finding *f = &v->form.findings[i];

		buf_addf(out, "  form  %-9s  ", f->error ? "error" : "warning");
		if (f->line)
			buf_addf(out, "line %u: ", f->line);
		buf_addf(out, "%s\n", f->text);
	}
	if (v->form.left_out)
		buf_addf(out, "  form  and %u more\n", v->form.left_out);
}
