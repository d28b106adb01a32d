/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * document -- a YAML file held against a libcyaml schema, with the line of whatever is wrong.
 *
 * libcyaml alone names the line of the key *before* an unknown one and none for what a later check
 * finds. So the document is composed by libyaml first and kept: it knows where each node stands.
 * Every error is one line, "FILE:LINE: words", ERROR_RETRY_NEVER.
 */

#include "base/error.h"
#include "base/text.h"

#include <cyaml/cyaml.h>
#include <yaml.h>

#define YAML_FILE_MAX 262144u /* octets */

struct yaml_file {
	char *name;      /* owned; as given, for messages */
	struct buf text; /* owned */
	yaml_document_t document;
};

#define AUTO_YAML __attribute__((cleanup(yaml_fini)))
void yaml_fini(struct yaml_file *y);

/* Reads and composes `path`, at most YAML_FILE_MAX octets. */
int yaml_open(struct yaml_file *y, const char *path, struct error *err) MUST_CHECK;

/* Fills the schema's structure. The caller owns *out and frees it with cyaml_free() and
 * yaml_config(). An unknown key brings the nearest known one. */
int yaml_load(const struct yaml_file *y, const cyaml_schema_value_t *schema, void **out,
              struct error *err) MUST_CHECK;
const cyaml_config_t *yaml_config(void);

/* Sets an error about the node at `path` ("hosts.1.addresses.0"; as deep as it can be followed). */
int yaml_error_at(const struct yaml_file *y, const char *path, struct error *err,
                  const char *format, ...) PRINTF_LIKE(4, 5);
