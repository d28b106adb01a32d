/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/optionfile.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <string.h>
#include <yaml.h>

struct reader {
	const char *path;
	yaml_document_t document;
	gate_option_take *take;
	void *context;
};

static int refuse(const char *path, size_t line, struct error *err, const char *words)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s:%zu: %s", path, line + 1,
	                 words);
}

static struct span text_of(const yaml_node_t *node)
{
	return (struct span){ (const char *)node->data.scalar.value, node->data.scalar.length };
}

static int take_scalar(struct reader *r, const yaml_node_t *key, const yaml_node_t *value,
                       struct error *err)
{
	struct span text = text_of(value);

	if (memchr(text.p, '\0', text.n))
		return refuse(r->path, value->start_mark.line, err, "a NUL");
	/* libyaml ends every scalar by a NUL */
	if (r->take(r->context, text_of(key), text.p, err) < 0)
		return error_context(err, "%s:%zu", r->path, value->start_mark.line + 1);
	return 0;
}

static int take_pair(struct reader *r, const yaml_node_t *key, const yaml_node_t *value,
                     struct error *err)
{
	if (key->type != YAML_SCALAR_NODE)
		return refuse(r->path, key->start_mark.line, err, "a key has to be a word");
	if (value->type == YAML_SCALAR_NODE)
		return take_scalar(r, key, value, err);
	if (value->type != YAML_SEQUENCE_NODE)
		return refuse(r->path, value->start_mark.line, err,
		              "wants a value, or a list of values");
	for (const yaml_node_item_t *at = value->data.sequence.items.start;
	     at < value->data.sequence.items.top; at++) {
		const yaml_node_t *one = yaml_document_get_node(&r->document, *at);

		if (one->type != YAML_SCALAR_NODE)
			return refuse(r->path, one->start_mark.line, err, "wants a value");
		if (take_scalar(r, key, one, err) < 0)
			return -1;
	}
	return 0;
}

static int take_document(struct reader *r, struct error *err)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->document);

	if (!root)
		return 0; /* nothing but comments */
	if (root->type != YAML_MAPPING_NODE)
		return refuse(r->path, root->start_mark.line, err, "wants \"option: value\"");
	for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++)
		if (take_pair(r, yaml_document_get_node(&r->document, pair->key),
		              yaml_document_get_node(&r->document, pair->value), err) < 0)
			return -1;
	return 0;
}

int gate_option_file_read(const char *path, gate_option_take *take, void *context,
                          struct error *err)
{
	struct reader r = { .path = path, .take = take, .context = context };
	AUTO_BUF struct buf text = { 0 };
	yaml_parser_t parser;
	int done = -1;

	if (file_read(path, GATE_OPTION_FILE_MAX, &text, err) < 0) {
		err->retry = ERROR_RETRY_NEVER;
		return -1;
	}
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)buf_text(&text), text.n);
	if (!yaml_parser_load(&parser, &r.document)) {
		refuse(path, parser.problem_mark.line, err,
		       parser.problem ? parser.problem : "not YAML");
	} else {
		done = take_document(&r, err);
		yaml_document_delete(&r.document);
	}
	yaml_parser_delete(&parser);
	return done;
}
