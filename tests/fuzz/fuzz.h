/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * fuzz -- a target is one file fuzz_NAME.c with this function, a folder corpus/NAME and a row in
 * meson.build. clang's -fsanitize=fuzzer links it to the fuzzer; the tests link it to
 * replay_main.c, which feeds it the corpus.
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
