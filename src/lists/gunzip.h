/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * gunzip -- logs that were packed when they were rotated (RFC 1952), unpacked by zlib as they are
 * read: a little over 100 KB of memory, whatever their size.
 */

#include "base/error.h"
#include "base/text.h"

/* Gives the next octets of the packed file, borrowed until the next call; none: its end. */
typedef int lists_gunzip_read_fn(void *context, struct span *octets, struct error *err);
/* Takes the next of the unpacked ones, borrowed during the call. */
typedef void lists_gunzip_sink_fn(void *context, struct span octets);

/* Unpacks all members of a file. What was unpacked up to a damage has been given. Errors: it is no
 * such file, cut off, damaged (its sum is checked); what `read` fails with. */
int lists_gunzip(lists_gunzip_read_fn *read, void *read_context, lists_gunzip_sink_fn *sink,
                 void *sink_context, struct error *err) MUST_CHECK;
