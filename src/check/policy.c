/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/policy.h"

#include "base/memory.h"

#include <string.h>

#define ID_MAX 32u
#define HOSTS_MAX 200u

void policy_fini(struct policy *p)
{
	strings_fini(&p->mx);
	*p = (struct policy){ 0 };
}

static bool is_letter_or_digit(char c)
{
	return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static const char *mode_of(struct span value)
{
	static const char *const modes[] = { "enforce", "testing", "none" };

	for (size_t i = 0; i < ROWS(modes); i++)
		if (span_is(value, modes[i]))
			return modes[i];
	return NULL;
}

static void add_host(struct policy *p, struct span value)
{
	if (p->mx.n >= HOSTS_MAX)
		return;
	if (span_ends(value, "."))
		value.n--;
	strings_add_span(&p->mx, value);
	for (char *c = p->mx.rows[p->mx.n - 1]; *c; c++)
		*c = ascii_lower(*c);
}

const char *policy_read(struct span text, struct policy *out)
{
	struct span line;
	bool version = false, age = false;

	while (span_next_line(&text, &line)) {
		ssize_t colon = span_find(line, ':');
		struct span name, value;

		if (colon <= 0)
			continue;
		name = span_trim((struct span){ line.p, (size_t)colon });
		value = span_trim(span_from(line, (size_t)colon + 1));
		if (span_is(name, "version"))
			version = span_is(value, "STSv1");
		else if (span_is(name, "mode") && !out->mode)
			out->mode = mode_of(value);
		else if (span_is(name, "mx"))
			add_host(out, value);
		else if (span_is(name, "max_age"))
			age = span_parse_u64(value, &out->max_age_s);
	}
	if (!version)
		return "is not of version STSv1";
	if (!out->mode)
		return "has no mode";
	if (!age)
		return "has no max_age";
	return out->mx.n || !strcmp(out->mode, "none") ? NULL : "names no mx";
}

bool policy_has(const struct policy *p, const char *host)
{
	const char *dot = strchr(host, '.');

	if (!strcmp(p->mode, "none"))
		return true;
	for (size_t i = 0; i < p->mx.n; i++) {
		const char *mx = p->mx.rows[i];

		/* a star stands for one label, the first */
		if (!strcmp(mx, host) || (mx[0] == '*' && dot && !strcmp(mx + 1, dot)))
			return true;
	}
	return false;
}

bool policy_id_is_good(struct span record)
{
	struct span part;

	while (span_next_part(&record, ';', &part)) {
		struct span id = span_trim(part);
		bool good = true;

		if (!span_starts(id, "id="))
			continue;
		id = span_from(id, 3);
		for (size_t i = 0; i < id.n; i++)
			good &= is_letter_or_digit(id.p[i]);
		return good && id.n > 0 && id.n <= ID_MAX;
	}
	return false;
}
