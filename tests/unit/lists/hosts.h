/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* hosts -- a folder that holds a host's files, made for a test. */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "remote/host.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

static char hosts_root[64];
static struct host *hosts_open;

static inline char *hosts_path(const char *path)
{
	return xasprintf("%s%s", hosts_root, path);
}

/* Makes a directory and those above it. */
static inline void hosts_mkdir(const char *path)
{
	AUTO_FREE char *all = hosts_path(path);

	for (char *slash = all + strlen(hosts_root); *path; slash++) {
		char c = *slash;

		if (c && c != '/')
			continue;
		*slash = '\0';
		(void)mkdir(all, 0755);
		*slash = c;
		if (!c)
			return;
	}
}

static inline void hosts_write(const char *path, const char *text)
{
	AUTO_FREE char *all = hosts_path(path), *above = xstrdup(path);
	struct error err = { 0 };

	*strrchr(above, '/') = '\0';
	hosts_mkdir(above);
	assert_good(file_write_path_durable(all, 0644, span_of(text), &err), &err);
}

static inline void hosts_link(const char *path, const char *target)
{
	AUTO_FREE char *all = hosts_path(path), *above = xstrdup(path);

	*strrchr(above, '/') = '\0';
	hosts_mkdir(above);
	assert_int_equal(symlink(target, all), 0);
}

/* The agent of the folder; it is ended by hosts_tear_down(). */
static inline struct host *hosts_host(bool control)
{
	const struct host_place place = {
		.name = "old", .reach = HOST_FOLDER, .target = hosts_root, .control = control
	};
	struct error err = { 0 };

	if (!hosts_open)
		assert_good(host_open(&hosts_open, &place, &err), &err);
	return hosts_open;
}

static inline int hosts_set_up(void **state)
{
	(void)state;
	snprintf(hosts_root, sizeof hosts_root, "/tmp/mailhaul-unit-XXXXXX");
	assert_non_null(mkdtemp(hosts_root));
	return 0;
}

static inline int hosts_tear_down(void **state)
{
	(void)state;
	host_close(hosts_open);
	hosts_open = NULL;
	files_remove(hosts_root);
	return 0;
}
#define HOSTS_TEST(test) cmocka_unit_test_setup_teardown(test, hosts_set_up, hosts_tear_down)
