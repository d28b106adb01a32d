/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * reload -- certificates, keys and recipients, read at the start and anew while the gate runs. All or
 * nothing: what can't be read or understood changes nothing.
 *
 * Keys are root's, and the gate is not root any more when they are renewed. So `mailhaul-gate control
 * PATH reload`, run by root, reads the files and brings their contents; SIGHUP reads what the gate may
 * read itself.
 */

#include "base/error.h"
#include "base/text.h"

struct gate;
struct gate_options;

/* Reads the files that the options name. gate/gate.h has gate_reload() for the log. */
int gate_reload_read(struct gate *g, struct error *err) MUST_CHECK;

/* The same with contents: for each path of gate_reload_files() a line with the length, and so many
 * octets. */
int gate_reload_with(struct gate *g, struct span contents, struct error *err) MUST_CHECK;

/* Appends the paths in question, one a line, in the order in which their contents are wanted. */
void gate_reload_files(const struct gate_options *o, struct buf *out);
