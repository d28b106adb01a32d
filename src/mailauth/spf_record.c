/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/spf_record.h"

#include <string.h>

#define VERSION "v=spf1"
#define DELIMITERS ".-+,/_="

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

bool spf_record_is_one(struct span text)
{
	size_t n = sizeof VERSION - 1;

	return span_starts_nocase(text, VERSION) && (text.n == n || text.p[n] == ' ');
}

/* ── macros ──────────────────────────────────────────────────────────────────────────────────── */

/* The octets of a macro "%{...}" at the start of `s`; 0: it is none. *number and *digits are its
 * number, as value and as octets of it. */
static size_t macro_length(struct span s, unsigned *number, size_t *digits)
{
	size_t at = 3;

	*number = 0;
	if (s.n < 4 || s.p[1] != '{' || !is_one_of(ascii_lower(s.p[2]), "slodiphv"))
		return 0;
	while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9' && *number < 1000)
		*number = *number * 10 + (unsigned)(s.p[at++] - '0');
	*digits = at - 3;
	if (*digits && !*number)
		return 0;
	if (at < s.n && ascii_lower(s.p[at]) == 'r')
		at++;
	while (at < s.n && is_one_of(s.p[at], DELIMITERS))
		at++;
	return at < s.n && s.p[at] == '}' ? at + 1 : 0;
}

/* The value of a letter whose parts can be counted; NULL: of others. */
static const char *value_of(char letter, const struct spf_session *s, struct buf *local)
{
	const char *at = strrchr(s->sender, '@');

	switch (ascii_lower(letter)) {
	case 's':
		return s->sender;
	case 'l':
		buf_add(local, s->sender, at ? (size_t)(at - s->sender) : 0);
		return at && at > s->sender ? buf_text(local) : "postmaster";
	case 'o':
		return at ? at + 1 : s->sender;
	case 'd':
		return s->domain;
	case 'h':
		return s->helo;
	case 'i':
		return s->six ? "n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n.n"
		              : "n.n.n.n";
	case 'v':
		return "v";
	default:
		return NULL;
	}
}

static unsigned count_parts(struct span macro, size_t digits, const char *value)
{
	size_t at = 3 + digits;
	unsigned parts = 1;

	if (ascii_lower(macro.p[at]) == 'r')
		at++;
	for (const char *p = value; *p; p++) {
		bool is_delimiter = macro.p[at] == '}' && *p == '.';

		for (size_t i = at; macro.p[i] != '}'; i++)
			is_delimiter |= macro.p[i] == *p;
		parts += is_delimiter;
	}
	return parts;
}

static void add_macro(struct span macro, unsigned number, size_t digits,
                      const struct spf_session *s, struct buf *out)
{
	AUTO_BUF struct buf local = { 0 };
	const char *value = value_of(macro.p[2], s, &local);
	bool keeps_all = digits && value && number >= count_parts(macro, digits, value);

	buf_add(out, macro.p, 3);
	buf_add_span(out, span_from(macro, keeps_all ? 3 + digits : 3));
}

/* Appends `text` with its macros put right; false when one of them is none. */
static bool add_macros(struct span text, const struct spf_session *s, struct buf *out)
{
	while (text.n) {
		unsigned number;
		size_t digits, n;

		if (*text.p != '%') {
			if (*text.p <= ' ' || *text.p == 127) /* signed: above 127, too */
				return false;
			buf_add_char(out, *text.p);
			text = span_from(text, 1);
		} else if (text.n > 1 && is_one_of(text.p[1], "%_-")) {
			buf_add(out, text.p, 2);
			text = span_from(text, 2);
		} else {
			n = macro_length(text, &number, &digits);
			if (!n)
				return false;
			add_macro((struct span){ text.p, n }, number, digits, s, out);
			text = span_from(text, n);
		}
	}
	return true;
}

/* ── terms ───────────────────────────────────────────────────────────────────────────────────── */

static const struct mechanism {
	const char *name;
	bool argument_needed, argument_allowed, length_allowed, of_domain;
} mechanisms[] = {
	{ "all", false, false, false, false }, { "include", true, true, false, true },
	{ "a", false, true, true, true },      { "mx", false, true, true, true },
	{ "ptr", false, true, false, true },   { "exists", true, true, false, true },
	{ "ip4", true, true, true, false },    { "ip6", true, true, true, false },
};

struct reading {
	const struct spf_session *session;
	struct buf *out, redirect;
	bool has_redirect, has_exp, has_all;
};

/* A domain-spec ends in a label that is not of digits alone, or in a macro (section 7.1). */
static bool is_domain(struct span text)
{
	bool only_digits = true;
	size_t at;

	if (text.n > 1 && text.p[text.n - 2] == '%' && is_one_of(text.p[text.n - 1], "%_-"))
		return true;
	if (span_ends(text, "}"))
		return true;
	if (span_ends(text, "."))
		text.n--;
	for (at = text.n; at && text.p[at - 1] != '.'; at--) {
		char c = ascii_lower(text.p[at - 1]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return false;
		only_digits &= c >= '0' && c <= '9';
	}
	return at && at < text.n && !only_digits && text.p[at] != '-' && text.p[text.n - 1] != '-';
}

/* Without "/24", "//64" or both at its end. */
static struct span without_length(struct span text)
{
	size_t at = text.n;

	while (at && (text.p[at - 1] == '/' || (text.p[at - 1] >= '0' && text.p[at - 1] <= '9')))
		at--;
	while (at < text.n && text.p[at] != '/')
		at++;
	return (struct span){ text.p, at };
}

/* ":" and what is behind it; or a length; or nothing. */
static bool is_argument(struct span rest, const struct mechanism *m)
{
	if (!rest.n)
		return !m->argument_needed;
	if (*rest.p == '/')
		return m->length_allowed && !m->argument_needed;
	if (!m->argument_allowed || rest.n == 1)
		return false;
	rest = span_from(rest, 1);
	if (m->length_allowed)
		rest = without_length(rest);
	return rest.n && (!m->of_domain || is_domain(rest));
}

static bool is_mechanism(struct span term, bool *is_all)
{
	size_t n = 0;

	while (n < term.n && term.p[n] != ':' && term.p[n] != '/')
		n++;
	for (size_t i = 0; i < ROWS(mechanisms); i++)
		if (span_is_nocase((struct span){ term.p, n }, mechanisms[i].name)) {
			*is_all |= i == 0;
			return is_argument(span_from(term, n), &mechanisms[i]);
		}
	return false;
}

/* "ip4:0.0.0.0/0", which is every address. */
static bool add_halves(struct span term, struct buf *out)
{
	char qualifier[2] = { 0 };

	if (term.n && is_one_of(*term.p, "+-~?")) {
		qualifier[0] = *term.p;
		term = span_from(term, 1);
	}
	if (!span_ends(term, "/0"))
		return false;
	if (span_starts_nocase(term, "ip4:"))
		buf_addf(out, " %sip4:0.0.0.0/1 %sip4:128.0.0.0/1", qualifier, qualifier);
	else if (span_starts_nocase(term, "ip6:"))
		buf_addf(out, " %sip6:::/1 %sip6:8000::/1", qualifier, qualifier);
	else
		return false;
	return true;
}

static const char *take_modifier(struct reading *r, struct span term, size_t name)
{
	struct span key = { term.p, name }, value = span_from(term, name + 1);
	bool is_redirect = span_is_nocase(key, "redirect"), is_exp = span_is_nocase(key, "exp");

	if ((is_redirect && r->has_redirect) || (is_exp && r->has_exp))
		return "redirect= or exp= twice (RFC 7208 section 6)";
	if ((is_redirect || is_exp) && !is_domain(value))
		return "redirect= or exp= without a domain (RFC 7208 section 6)";
	r->has_redirect |= is_redirect;
	r->has_exp |= is_exp;
	if (!is_redirect)
		buf_add_char(r->out, ' ');
	if (!add_macros(term, r->session, is_redirect ? &r->redirect : r->out))
		return "a macro that is none (RFC 7208 section 7.1)";
	return NULL;
}

static const char *take_term(struct reading *r, struct span term)
{
	struct span mechanism = term;
	size_t name = 0;

	/* a modifier's name holds no ":", no "/" and no macro */
	while (name < term.n && !is_one_of(term.p[name], "=:/%"))
		name++;
	if (name && name < term.n && term.p[name] == '=')
		return take_modifier(r, term, name);
	if (is_one_of(*mechanism.p, "+-~?"))
		mechanism = span_from(mechanism, 1);
	if (!is_mechanism(mechanism, &r->has_all))
		return "a term that is none (RFC 7208 section 4.6.1)";
	if (add_halves(term, r->out))
		return NULL;
	buf_add_char(r->out, ' ');
	return add_macros(term, r->session, r->out) ? NULL
	                                            : "a macro that is none (RFC 7208 section 7.1)";
}

bool spf_record_mend(struct span record, const struct spf_session *session, struct buf *out,
                     const char **fault)
{
	AUTO_BUF struct buf made = { 0 };
	struct reading r = { .session = session, .out = &made };
	struct span rest = span_from(record, sizeof VERSION - 1), term;

	*fault = NULL;
	while (!*fault && span_next_part(&rest, ' ', &term))
		if (term.n)
			*fault = take_term(&r, term);
	if (!*fault) {
		buf_addf(out, VERSION "%s", buf_text(&made));
		if (r.has_redirect && !r.has_all)
			buf_addf(out, " %s", buf_text(&r.redirect));
	}
	buf_fini(&r.redirect);
	return !*fault;
}
