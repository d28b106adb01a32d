/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/description.h"

#include "config/document.h"

#include "base/memory.h"

#include <string.h>

#define DISK_DEFAULT (4ull << 30) /* octets; sparse, so only what is written takes room */
#define DISK_MAX (1ull << 40)
#define HOSTNAME_OCTETS_MAX 64 /* HOST_NAME_MAX of Linux: sethostname(2) takes no more */

#define LIST (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define WORD(type, key, min, max)                                                                  \
	CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, struct type, key, min, max)
#define WORD_OPTIONAL(type, key, max) CYAML_FIELD_STRING_PTR(#key, LIST, struct type, key, 1, max)
#define WORDS(type, key, flags, min)                                                               \
	CYAML_FIELD_SEQUENCE(#key, flags, struct type, key, &word_schema, min, DESCRIPTION_LIST_MAX)

static const cyaml_schema_value_t word_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 1024),
};

static const cyaml_schema_field_t segment_fields[] = {
	WORD(description_segment, name, 1, DESCRIPTION_NAME_MAX),
	WORDS(description_segment, gateways, CYAML_FLAG_POINTER, 1),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t segment_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct description_segment, segment_fields),
};

static const cyaml_schema_field_t host_fields[] = {
	WORD(description_host, name, 1, DESCRIPTION_NAME_MAX),
	WORD(description_host, hostname, 1, HOSTNAME_OCTETS_MAX),
	WORD(description_host, segment, 1, DESCRIPTION_NAME_MAX),
	WORDS(description_host, addresses, CYAML_FLAG_POINTER, 1),
	WORD_OPTIONAL(description_host, resolver, 64),
	WORDS(description_host, names, LIST, 0),
	WORD_OPTIONAL(description_host, root, 1024),
	WORD_OPTIONAL(description_host, disk, 16),
	CYAML_FIELD_BOOL("memory", CYAML_FLAG_OPTIONAL, struct description_host, memory),
	CYAML_FIELD_BOOL("keep_names", CYAML_FLAG_OPTIONAL, struct description_host, keep_names),
	WORDS(description_host, fresh, LIST, 0),
	WORDS(description_host, share, LIST, 0),
	WORDS(description_host, show, LIST, 0),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t host_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct description_host, host_fields),
};

static const cyaml_schema_field_t description_fields[] = {
	WORD(description, name, 1, 32),
	CYAML_FIELD_SEQUENCE("segments", CYAML_FLAG_POINTER, struct description, segments,
	                     &segment_schema, 1, 16),
	CYAML_FIELD_SEQUENCE("hosts", CYAML_FLAG_POINTER, struct description, hosts, &host_schema,
	                     1, DESCRIPTION_HOSTS_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t description_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct description, description_fields),
};

/* The description under way: what is wrong is told with the place of the value. */
struct reading {
	const struct yaml_file *file;
	struct description *d;
};

#define REFUSE(r, place, err, ...)                                                                 \
	({                                                                                         \
		AUTO_FREE char *place_ = place;                                                    \
		yaml_error_at((r)->file, place_, err, __VA_ARGS__);                                \
	})
#define AT(...) xasprintf(__VA_ARGS__)

void description_free(struct description *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->segments_count; i++)
		free(d->segments[i].gateways_parsed);
	for (unsigned i = 0; i < d->hosts_count; i++)
		free(d->hosts[i].addresses_parsed);
	cyaml_free(yaml_config(), &description_schema, d, 0);
}

/* Names become interface names, socket names and words of a command line. */
static bool name_is_plain(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return name[0] != '-' && name[0] && !name[n];
}

static bool hostname_is_plain(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	return name[0] && !strchr("-.", name[0]) && !name[n] && !strstr(name, "..") &&
	       name[n - 1] != '.';
}

/* "64M" -> octets; false when it is none, or out of range. */
static bool size_parse(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	struct span digits = span_of(text);
	const char *unit = digits.n ? strchr(units, digits.p[digits.n - 1]) : NULL;
	uint64_t n;

	if (!unit || digits.n < 2)
		return false;
	digits.n--;
	if (!span_parse_u64(digits, &n) || n > DISK_MAX >> 10)
		return false;
	n <<= 10; /* no overflow: n was at most 2^30, and each unit is held against the limit */
	for (; unit > units; unit--) {
		if (n > DISK_MAX >> 10)
			return false;
		n <<= 10;
	}
	if (n < DESCRIPTION_DISK_MIN || n > DISK_MAX)
		return false;
	*size = n;
	return true;
}

/* A path that a host may have of its own: absolute, no "..", none of the places that every host
 * gets by itself. */
static const char *path_complaint(const char *path)
{
	static const char *const own[] = { "/proc", "/sys", "/dev", "/run" };
	struct span rest = span_of(path), part;

	if (path[0] != '/')
		return "not an absolute path";
	if (!path[strspn(path, "/")])
		return "the root directory itself";
	while (span_next_part(&rest, '/', &part))
		if (span_is(part, "..") || span_is(part, "."))
			return "a path with . or ..";
	for (size_t i = 0; i < ROWS(own); i++) {
		size_t n = strlen(own[i]);

		if (strncmp(path, own[i], n) == 0 && (path[n] == '/' || !path[n]))
			return "a place that every sealed host has of its own";
	}
	return NULL;
}

static int check_segment(const struct reading *r, unsigned at, struct error *err)
{
	struct description_segment *s = &r->d->segments[at];

	if (!name_is_plain(s->name))
		return REFUSE(r, AT("segments.%u.name", at), err,
		              "segment \"%s\": a name has letters a-z, digits and -", s->name);
	for (unsigned i = 0; i < at; i++)
		if (strcmp(r->d->segments[i].name, s->name) == 0)
			return REFUSE(r, AT("segments.%u.name", at), err,
			              "segment \"%s\" is there already", s->name);
	s->gateways_parsed = xcalloc(s->gateways_count, sizeof *s->gateways_parsed);
	for (unsigned i = 0; i < s->gateways_count; i++) {
		const char *wrong = address_parse(s->gateways[i], &s->gateways_parsed[i]);

		if (wrong)
			return REFUSE(r, AT("segments.%u.gateways.%u", at, i), err,
			              "gateway \"%s\": %s", s->gateways[i], wrong);
	}
	return 0;
}

static bool address_is_used(const struct description *d, const struct address *a,
                            const struct description_host *until, unsigned n)
{
	for (unsigned i = 0; i < d->segments_count; i++)
		for (unsigned k = 0; k < d->segments[i].gateways_count; k++)
			if (address_is_same(a, &d->segments[i].gateways_parsed[k]))
				return true;
	for (const struct description_host *h = d->hosts; h < until; h++)
		for (unsigned k = 0; k < h->addresses_count; k++)
			if (address_is_same(a, &h->addresses_parsed[k]))
				return true;
	for (unsigned k = 0; k < n; k++)
		if (address_is_same(a, &until->addresses_parsed[k]))
			return true;
	return false;
}

/* An address whose segment has a gateway of its family must have that gateway in its network. */
static bool address_reaches(const struct address *a, const struct description_segment *s)
{
	bool any = false;

	for (unsigned i = 0; i < s->gateways_count; i++) {
		if (s->gateways_parsed[i].family != a->family)
			continue;
		if (address_in_network(&s->gateways_parsed[i], a))
			return true;
		any = true;
	}
	return !any;
}

static int check_addresses(const struct reading *r, unsigned at, struct error *err)
{
	struct description_host *h = &r->d->hosts[at];

	h->addresses_parsed = xcalloc(h->addresses_count, sizeof *h->addresses_parsed);
	for (unsigned i = 0; i < h->addresses_count; i++) {
		struct address *a = &h->addresses_parsed[i];
		const char *wrong = address_parse(h->addresses[i], a);

		if (!wrong && address_is_used(r->d, a, h, i))
			wrong = "used already";
		if (!wrong && !address_reaches(a, h->segment_found))
			wrong = "no gateway of its segment is in its network";
		if (wrong)
			return REFUSE(r, AT("hosts.%u.addresses.%u", at, i), err,
			              "address \"%s\" of host \"%s\": %s", h->addresses[i], h->name,
			              wrong);
	}
	return 0;
}

static int check_paths(const struct reading *r, unsigned at, const char *key, char **paths,
                       unsigned n, struct error *err)
{
	for (unsigned i = 0; i < n; i++) {
		const char *wrong = path_complaint(paths[i]);

		if (wrong)
			return REFUSE(r, AT("hosts.%u.%s.%u", at, key, i), err, "%s \"%s\": %s",
			              key, paths[i], wrong);
	}
	return 0;
}

static int check_host_names(const struct reading *r, unsigned at, struct error *err)
{
	struct description_host *h = &r->d->hosts[at];

	if (!name_is_plain(h->name))
		return REFUSE(r, AT("hosts.%u.name", at), err,
		              "host \"%s\": a name has letters a-z, digits and -", h->name);
	if (strcmp(h->name, DESCRIPTION_ROUTER) == 0)
		return REFUSE(r, AT("hosts.%u.name", at), err,
		              "host \"%s\": the name of the one that joins the segments", h->name);
	for (unsigned i = 0; i < at; i++)
		if (strcmp(r->d->hosts[i].name, h->name) == 0)
			return REFUSE(r, AT("hosts.%u.name", at), err,
			              "host \"%s\" is there already", h->name);
	if (!hostname_is_plain(h->hostname))
		return REFUSE(r, AT("hosts.%u.hostname", at), err, "not a host name: \"%s\"",
		              h->hostname);
	for (unsigned i = 0; i < r->d->segments_count; i++)
		if (strcmp(r->d->segments[i].name, h->segment) == 0)
			h->segment_found = &r->d->segments[i];
	if (!h->segment_found)
		return REFUSE(r, AT("hosts.%u.segment", at), err, "there is no segment \"%s\"",
		              h->segment);
	for (unsigned i = 0; i < h->names_count; i++)
		if (strpbrk(h->names[i], "\n\r"))
			return REFUSE(r, AT("hosts.%u.names.%u", at, i), err, "more than one line");
	return 0;
}

static int check_host(const struct reading *r, unsigned at, struct error *err)
{
	struct description_host *h = &r->d->hosts[at];
	unsigned char bytes[16];

	if (check_host_names(r, at, err) < 0 || check_addresses(r, at, err) < 0)
		return -1;
	if (h->resolver && inet_pton(AF_INET, h->resolver, bytes) != 1 &&
	    inet_pton(AF_INET6, h->resolver, bytes) != 1)
		return REFUSE(r, AT("hosts.%u.resolver", at), err, "not an IP address: \"%s\"",
		              h->resolver);
	if (h->root && path_complaint(h->root))
		return REFUSE(r, AT("hosts.%u.root", at), err, "root \"%s\": %s", h->root,
		              path_complaint(h->root));
	h->disk_size = DISK_DEFAULT;
	if (h->disk && !size_parse(h->disk, &h->disk_size))
		return REFUSE(r, AT("hosts.%u.disk", at), err,
		              "disk \"%s\": a number with K, M, G or T, from 16M to 1T", h->disk);
	if (h->memory && h->disk)
		return REFUSE(r, AT("hosts.%u.memory", at), err,
		              "host \"%s\" has a disk, or is in memory, not both", h->name);
	if (h->memory)
		h->disk_size = 0;
	if (check_paths(r, at, "fresh", h->fresh, h->fresh_count, err) < 0 ||
	    check_paths(r, at, "share", h->share, h->share_count, err) < 0)
		return -1;
	return check_paths(r, at, "show", h->show, h->show_count, err);
}

static int check(const struct reading *r, struct error *err)
{
	if (!name_is_plain(r->d->name))
		return REFUSE(r, AT("name"), err, "name \"%s\": letters a-z, digits and -",
		              r->d->name);
	for (unsigned i = 0; i < r->d->segments_count; i++)
		if (check_segment(r, i, err) < 0)
			return -1;
	for (unsigned i = 0; i < r->d->hosts_count; i++)
		if (check_host(r, i, err) < 0)
			return -1;
	return 0;
}

int description_load(struct description **out, const char *path, struct error *err)
{
	static char router[] = DESCRIPTION_ROUTER, router_hostname[] = DESCRIPTION_ROUTER
						   ".invalid"; /* RFC 2606 s2: never resolves */
	AUTO_YAML struct yaml_file file = { 0 };
	AUTO_DESCRIPTION struct description *d = NULL;
	void *made;

	if (yaml_open(&file, path, err) < 0 ||
	    yaml_load(&file, &description_schema, &made, err) < 0)
		return -1;
	d = made;
	if (check(&(struct reading){ &file, d }, err) < 0)
		return -1;
	d->router = (struct description_host){ .name = router, .hostname = router_hostname };
	*out = TAKE(d);
	return 0;
}
