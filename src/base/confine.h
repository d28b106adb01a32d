/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * confine -- what a program that reads a stranger's octets gives up before it reads the first of them:
 * root, every file (Landlock), memory and processor without end, and all system calls but those of
 * reading its input, speaking with servers over IPv4 and IPv6, and writing its answer (seccomp).
 *
 * What is open stays open. A kernel that lacks one of them does without: the others hold.
 */

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct confinement {
	unsigned processor_ms; /* rounded up to a second; 0: as long as it takes */
	size_t memory;         /* octets of addresses */
	unsigned descriptors;
	size_t answer;        /* octets; where the answer goes into a file */
	const uint16_t *more; /* borrowed; system calls that are made besides; NULL: none */
	size_t more_n;
};

/* errors: root could not be given up */
int confine(const struct confinement *c, struct error *err) MUST_CHECK;
