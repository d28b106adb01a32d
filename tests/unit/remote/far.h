/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* far -- a host behind ssh, without sshd. */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "remote/host.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A far host whose ssh is a script: it drops the options and the host's name, and gives the words to
 * a shell in $FAR, as sshd does. $FAR_PATH is what programs that shell finds; $SPOIL is run on what
 * arrived.
 */
static const char far_ssh[] =
	"#!/bin/sh\n"
	"while [ \"$1\" != -- ]; do shift; done\n"
	"shift 2\n"
	"echo \"$*\" >>\"$FAR/../asked\"\n"
	"cd \"$FAR\" || exit 255\n"
	"PATH=${FAR_PATH:-/usr/bin:/bin} /bin/sh -c \"$*\"\n"
	"status=$?\n"
	"[ -z \"$SPOIL\" ] || for f in .mailhaul/agent-*; do eval \"$SPOIL\"; done\n"
	"exit $status\n";

static char far_top[64];
static char *far_path_before;

static inline char *far_below(const char *name)
{
	return xasprintf("%s/%s", far_top, name);
}

static inline int far_set_up(void **state)
{
	struct error err = { 0 };

	(void)state;
	snprintf(far_top, sizeof far_top, "/tmp/mailhaul-unit-XXXXXX");
	assert_non_null(mkdtemp(far_top));
	AUTO_FREE char *far = far_below("far");
	AUTO_FREE char *ssh = far_below("ssh");
	AUTO_FREE char *path = xasprintf("%s:%s", far_top, getenv("PATH"));
	assert_int_equal(mkdir(far, 0755), 0);
	assert_good(file_write_path_durable(ssh, 0755, SPAN(far_ssh), &err), &err);
	far_path_before = xstrdup(getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("FAR", far, 1);
	unsetenv("FAR_PATH");
	unsetenv("SPOIL");
	return 0;
}

static inline int far_tear_down(void **state)
{
	char command[128];

	(void)state;
	setenv("PATH", far_path_before, 1);
	free(far_path_before);
	snprintf(command, sizeof command, "rm -rf %s", far_top);
	return system(command);
}

static inline int far_open(struct host **h, struct error *err)
{
	const struct host_place place = { .name = "old",
		                          .reach = HOST_SSH,
		                          .target = "old.example.org" };

	return host_open(h, &place, err);
}
