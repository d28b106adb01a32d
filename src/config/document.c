/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/document.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* What libcyaml says through its log: first what is wrong, then where, innermost first. */
struct complaint {
	char words[256];
	unsigned line; /* 0: not said yet */
};

void yaml_fini(struct yaml_file *y)
{
	free(y->name);
	buf_fini(&y->text);
	yaml_document_delete(&y->document);
	*y = (struct yaml_file){ 0 };
}

static int refuse(const struct yaml_file *y, size_t line, struct error *err, const char *words)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s:%zu: %s", y->name, line,
	                 words);
}

int yaml_open(struct yaml_file *y, const char *path, struct error *err)
{
	AUTO_YAML struct yaml_file new = { .name = xstrdup(path) };
	yaml_parser_t parser;
	int good;

	if (file_read(path, YAML_FILE_MAX, &new.text, err) < 0) {
		err->retry = ERROR_RETRY_NEVER;
		return -1;
	}
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)buf_text(&new.text),
	                             new.text.n);
	good = yaml_parser_load(&parser, &new.document);
	if (!good) {
		size_t line = parser.problem_mark.line + 1;

		refuse(&new, line, err, parser.problem ? parser.problem : "not YAML");
		yaml_parser_delete(&parser);
		return -1;
	}
	yaml_parser_delete(&parser);
	if (!yaml_document_get_root_node(&new.document))
		return refuse(&new, 1, err, "the file is empty");
	*y = new;
	new = (struct yaml_file){ 0 };
	return 0;
}

/* Letters to change, add or drop to get from one key to the other; keys are short. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[65];
	size_t n = strnlen(b, 64);

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i] && i < 64; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned change = corner + (a[i] != b[j]);
			unsigned other = row[j] < row[j + 1] ? row[j] : row[j + 1];

			corner = row[j + 1];
			row[j + 1] = change < other + 1 ? change : other + 1;
		}
	}
	return row[n];
}

static const cyaml_schema_field_t *field_find(const cyaml_schema_field_t *f, const char *key)
{
	for (; f && f->key; f++)
		if (strcmp(f->key, key) == 0)
			return f;
	return NULL;
}

static int refuse_key(const struct yaml_file *y, const yaml_node_t *node, const char *key,
                      const cyaml_schema_field_t *f, struct error *err)
{
	const char *nearest = NULL;
	unsigned best = 4; /* further away is another word, not a slip */

	for (; f && f->key; f++) {
		unsigned d = distance(key, f->key);

		if (d < best) {
			best = d;
			nearest = f->key;
		}
	}
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s:%zu: unknown key \"%.64s\"",
	          y->name, node->start_mark.line + 1, key);
	if (nearest)
		error_hint(err, "did you mean \"%s\"?", nearest);
	return -1;
}

static int check_keys(struct yaml_file *y, const yaml_node_t *node,
                      const cyaml_schema_value_t *schema, struct error *err);

static int check_mapping(struct yaml_file *y, const yaml_node_t *node,
                         const cyaml_schema_value_t *schema, struct error *err)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

	for (; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
		const yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
		const cyaml_schema_field_t *f;
		const char *word;

		if (!key || key->type != YAML_SCALAR_NODE)
			return refuse(y, node->start_mark.line + 1, err, "a key must be a word");
		word = (const char *)key->data.scalar.value;
		f = field_find(schema->mapping.fields, word);
		if (!f)
			return refuse_key(y, key, word, schema->mapping.fields, err);
		if (check_keys(y, value, &f->value, err) < 0)
			return -1;
	}
	return 0;
}

/* Follows document and schema side by side; ends where the schema does, so a document that holds
 * itself by an alias does no harm. Wrong types are left to libcyaml. */
static int check_keys(struct yaml_file *y, const yaml_node_t *node,
                      const cyaml_schema_value_t *schema, struct error *err)
{
	if (node && node->type == YAML_MAPPING_NODE && schema->type == CYAML_MAPPING)
		return check_mapping(y, node, schema, err);
	if (!node || node->type != YAML_SEQUENCE_NODE || schema->type != CYAML_SEQUENCE)
		return 0;
	for (const yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top; i++)
		if (check_keys(y, yaml_document_get_node(&y->document, *i), schema->sequence.entry,
		               err) < 0)
			return -1;
	return 0;
}

static void hear(cyaml_log_t level, void *context, const char *format, va_list args)
{
	struct complaint *c = context;
	char said[256];
	const char *line;

	(void)level;
	if (!c)
		return;
	vsnprintf(said, sizeof said, format, args);
	said[strcspn(said, "\n")] = 0;
	line = strstr(said, "(line: ");
	if (line && !c->line)
		c->line = (unsigned)strtoul(line + 7, NULL, 10);
	if (!c->words[0])
		snprintf(c->words, sizeof c->words, "%s",
		         strncmp(said, "Load: ", 6) == 0 ? said + 6 : said);
}

const cyaml_config_t *yaml_config(void)
{
	static const cyaml_config_t config = { .log_fn = hear,
		                               .mem_fn = cyaml_mem,
		                               .log_level = CYAML_LOG_ERROR };

	return &config;
}

int yaml_load(const struct yaml_file *y, const cyaml_schema_value_t *schema, void **out,
              struct error *err)
{
	struct yaml_file view = *y; /* libyaml's readers take a document they may change */
	struct complaint complaint = { 0 };
	cyaml_config_t config = *yaml_config();
	void *made = NULL;
	cyaml_err_t e;

	if (check_keys(&view, yaml_document_get_root_node(&view.document), schema, err) < 0)
		return -1;
	config.log_ctx = &complaint;
	e = cyaml_load_data((const uint8_t *)buf_text(&y->text), y->text.n, &config, schema, &made,
	                    NULL);
	if (e != CYAML_OK)
		return refuse(y, complaint.line ? complaint.line : 1, err,
		              complaint.words[0] ? complaint.words : cyaml_strerror(e));
	if (!made)
		return refuse(y, 1, err, "the file is empty");
	*out = made;
	return 0;
}

static const yaml_node_t *step(yaml_document_t *d, const yaml_node_t *node, struct span word)
{
	uint64_t at;

	if (node->type == YAML_SEQUENCE_NODE && span_parse_u64(word, &at)) {
		const yaml_node_item_t *items = node->data.sequence.items.start;

		if (at < (uint64_t)(node->data.sequence.items.top - items))
			return yaml_document_get_node(d, items[at]);
	}
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(d, p->key);

		if (key && key->type == YAML_SCALAR_NODE &&
		    span_is(word, (const char *)key->data.scalar.value))
			return yaml_document_get_node(d, p->value);
	}
	return NULL;
}

int yaml_error_at(const struct yaml_file *y, const char *path, struct error *err,
                  const char *format, ...)
{
	yaml_document_t view = y->document;
	const yaml_node_t *node = yaml_document_get_root_node(&view), *next;
	struct span rest = span_of(path), word;
	char words[512];
	va_list args;

	while (node && span_next_part(&rest, '.', &word)) {
		next = step(&view, node, word);
		if (!next)
			break;
		node = next;
	}
	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	return refuse(y, node ? node->start_mark.line + 1 : 1, err, words);
}
