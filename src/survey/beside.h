/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* beside -- what belongs to a mailbox's owner and lies beside the mail: Sieve, .forward and the like. */

#include "survey/survey.h"

/* A name in a home that has to do with mail. */
struct survey_home_file {
	const char *name;
	enum item_class class;
	bool always; /* carried by each pass, also when it is made only later */
	const char *reason;
};
extern const struct survey_home_file survey_home_files[];
extern const unsigned survey_home_files_rows;

/*
 * Where Sieve keeps a user's scripts, by the setting plugin/sieve.
 *
 *   folder, active  set to absolute paths or NULL; owned by the caller
 */
void survey_sieve_paths(const struct survey_site *s, const struct mailbox_account *a, char **folder,
                        char **active);

/* Paths relative to the home, sorted. What lies outside the home is for a person to look at. */
int survey_find_beside(struct survey_site *s, const struct mailbox_account *a, struct strings *out,
                       struct error *err) MUST_CHECK;
