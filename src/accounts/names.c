/* SPDX-License-Identifier: BSD-2-Clause */
#include "accounts/names.h"

#include <string.h>

#define NAME_MAX_OCTETS 32u
#define GECOS_MAX 255u
#define PATH_GOOD_MAX 1024u
#define DOMAIN_MAX 253u
#define HASH_MAX 512u

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

bool account_name_good(const char *name)
{
	size_t n = strlen(name);
	bool digits_only = true;

	if (!n || n > NAME_MAX_OCTETS || !(is_letter(*name) || is_digit(*name) || *name == '_'))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if (!(is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.' ||
		      (c == '$' && i + 1 == n && i)))
			return false;
		digits_only = digits_only && is_digit(c);
	}
	return !digits_only;
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

bool account_gecos_good(const char *gecos)
{
	return strlen(gecos) <= GECOS_MAX && is_printable(gecos) && !strchr(gecos, ':');
}

bool account_path_good(const char *path)
{
	struct span rest = span_of(path), part;

	if (*path != '/' || !path[1] || rest.n > PATH_GOOD_MAX || !is_printable(path) ||
	    strchr(path, ':'))
		return false;
	rest = span_from(rest, 1);
	while (span_next_part(&rest, '/', &part))
		if (!part.n || span_is(part, ".") || span_is(part, ".."))
			return false;
	return true;
}

bool account_domain_good(const char *domain)
{
	size_t n = strlen(domain);
	struct span rest = { domain, n }, label;

	if (!n || n > DOMAIN_MAX)
		return false;
	if (*domain == '[')
		return domain[n - 1] == ']' &&
		       strspn(domain + 1, "0123456789abcdefABCDEFIPv:.") == n - 2;
	while (span_next_part(&rest, '.', &label)) {
		if (!label.n || label.n > 63 || label.p[0] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!(is_letter(label.p[i]) || is_digit(label.p[i]) || label.p[i] == '-' ||
			      label.p[i] == '_'))
				return false;
	}
	return true;
}

bool account_hash_good(const char *hash)
{
	size_t n = strlen(hash);

	if (!n || n > HASH_MAX || *hash == '!' || *hash == '*')
		return false;
	for (; *hash; hash++)
		if (*hash <= 0x20 || *hash >= 0x7f || *hash == ':')
			return false;
	return true;
}
