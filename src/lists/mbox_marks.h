/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mbox_marks -- the lines of an mbox that matter: those that begin with "F" or ">". */

/*
 * Behind `p`, the first place behind an LF where "F" or ">" stands, or `end` when that is right behind
 * an LF: what stands there is not known yet. NULL: there is none up to `end`.
 */
const char *lists_mbox_next_mark(const char *p, const char *end);
