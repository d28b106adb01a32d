/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/data_version.h"

#include "base/memory.h"

#include <stdio.h>

#define VERSION_PY_MAX (64u << 10)

/* First releases with each data version; section "Version numbers" of the facts on 2.1.1 to 2.1.39. */
static const struct {
	unsigned micro;
	int64_t version;
} data_versions[] = {
	{ 30, 112 }, { 21, 110 }, { 19, 108 }, { 18, 104 }, { 16, 102 }, { 15, 100 },
	{ 14, 98 },  { 10, 97 },  { 7, 96 },   { 6, 95 },   { 4, 90 },   { 1, 88 },
};

bool lists_release_is_ported(const char *release)
{
	return release && span_starts(span_of(release), "2.2");
}

int64_t lists_data_version_of(const char *release)
{
	unsigned micro;

	if (lists_release_is_ported(release))
		return data_versions[0].version;
	if (!release || sscanf(release, "2.1.%2u", &micro) != 1)
		return 0;
	for (size_t i = 0; i < ROWS(data_versions); i++)
		if (micro >= data_versions[i].micro)
			return data_versions[i].version;
	return 0;
}

int lists_data_version_read(struct host *h, const struct lists_installation *m, int64_t *version,
                            struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/Mailman/Version.py", m->code ? m->code : "");
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	struct span rest, line;
	uint64_t number;

	*version = lists_data_version_of(m->version);
	if (!m->code)
		return 0;
	if (host_read(h, path, VERSION_PY_MAX, &text, &why) < 0) {
		if (why.retry != ERROR_RETRY_REACH)
			return 0;
		*err = why;
		return -1;
	}
	rest = buf_span(&text);
	while (span_next_line(&rest, &line)) {
		ssize_t equal = span_find(line, '=');

		if (span_starts(line, "DATA_FILE_VERSION") && equal > 0 &&
		    span_parse_u64(span_trim(span_from(line, (size_t)equal + 1)), &number) &&
		    number <= INT64_MAX)
			*version = (int64_t)number;
	}
	return 0;
}
