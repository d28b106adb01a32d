/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * places -- where on the new host prepare may write because the old one says so. The old host names
 * the paths; without these rows a main.cf with "myorigin = /etc/shadow" would carry its shadow here.
 * Pure.
 */

#include <stdbool.h>

enum place_rule {
	PLACE_NEVER,     /* a person has to */
	PLACE_IF_ABSENT, /* only where nothing is: programs, collections of certificates */
	PLACE_REPLACE,   /* what was there is kept beside it */
};

/* For a file. */
enum place_rule place_of_file(const char *path);

/* Does a package bring what lies there, so that the new host's own is right? */
bool place_is_packaged(const char *path);

/* May mail, homes and folders for them lie here? */
bool place_is_for_mail(const char *path);
