/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* sum -- CRC-32C (Castagnoli; RFC 3720 appendix B.4) of octets on a disk: for what disks do to
 * them, not against an enemy. By the processor's own instruction where there is one. */

#include <stddef.h>
#include <stdint.h>

/* Goes on with `sum` of what came before; begin with 0. */
uint32_t spool_sum(uint32_t sum, const void *octets, size_t n);

/* The same without that instruction; for tests. */
uint32_t spool_sum_plain(uint32_t sum, const void *octets, size_t n);
