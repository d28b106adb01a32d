/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * verify -- old against new, message by message.
 *
 * What should be there is, before the freeze, what old holds now, and after it the manifest: what
 * old held at X. Every message of it is looked for on new by its identity; its octets are read
 * there and must have the SHA-256 that the copy saw; UID, flags, keywords, date must be the same.
 *
 * Each difference is one line: "alice INBOX/NAME <Message-ID>: what". After the opening, users work
 * on new: flags that changed and mail that came since then are no differences.
 */

#include "copy/copy.h"

struct verify_options {
	bool deep;         /* read old's octets again too */
	int64_t opened_ms; /* when new was opened, since 1970 UTC; 0: it is not open */
	void (*progress)(void *context, const struct copy_progress *progress); /* may be NULL */
	void *context;
};

struct verify_result {
	uint64_t messages, octets, folders; /* compared */
	uint64_t arrived;                   /* on new since the opening */
	uint64_t changed;                   /* flags, subscriptions ... changed since the opening */
	struct strings differences;
	struct strings notes; /* worth knowing, no difference: folders that only new has */
	double seconds;
};
#define AUTO_VERIFY_RESULT __attribute__((cleanup(verify_result_fini)))
void verify_result_fini(struct verify_result *r);

/*
 * Compares one account; adds to *out.
 *
 *   old_host  may be NULL when there is a manifest: then only new is looked at
 *   errors    something could not be looked at; a difference is none
 */
int verify_account(struct host *old_host, struct host *new_host, const struct copy_account *account,
                   struct state *state, const struct verify_options *options,
                   struct verify_result *out, struct error *err) MUST_CHECK;
