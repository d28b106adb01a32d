/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* confine -- what mailhaul-mailauth gives up before it reads the first octet of its request:
 * base/confine.h. */

#include "base/error.h"

/*
 *   time_ms  of the processor, rounded up to a second
 *   errors   root could not be given up
 */
int mailauth_confine(unsigned time_ms, struct error *err) MUST_CHECK;
