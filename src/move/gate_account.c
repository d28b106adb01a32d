/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/gate.h"

#include "base/memory.h"
#include "remote/daemon.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define LOG_MAX (256u << 20) /* octets of the gate's log */
#define NAMES_MAX (1u << 20)

void gate_account_fini(struct gate_account *a)
{
	buf_fini(&a->names);
}

/* The word behind `key` in a line of key=value words. */
static struct span value_of(struct span line, const char *key)
{
	struct span word;

	while (span_next_word(&line, &word))
		if (span_starts(word, key))
			return span_from(word, strlen(key));
	return (struct span){ 0 };
}

/*
 * Of each id that was taken, what became of its recipients: recipient -> the log's last word, which is
 * its whole line when the server has refused him, else true. An object is a hash table that is at hand.
 */
static void read_line(json_t *messages, struct span line)
{
	struct span rest = line, word, state;
	AUTO_BUF struct buf shown = { 0 };
	json_t *message;

	/* the time, then what happened */
	if (!span_next_word(&rest, &word) || !span_next_word(&rest, &word))
		return;

	AUTO_FREE char *id = span_dup(value_of(rest, "id=")), *to = span_dup(value_of(rest, "to="));
	message = json_object_get(messages, id);
	if (span_is(word, "taken") && *id && !message)
		json_object_set_new_nocheck(messages, id, json_object());
	/* what another move's spool had was not taken here */
	if (!span_is(word, "give-out") || !message)
		return;
	state = value_of(rest, "state=");
	buf_add_printable(&shown, span_trim(rest));
	if (span_is(state, "delivered"))
		json_object_set_new_nocheck(message, to, json_true());
	else if (span_is(state, "held"))
		json_object_set_new_nocheck(message, to, json_string_nocheck(buf_text(&shown)));
}

static void name(struct gate_account *a, const char *words)
{
	if (a->names.n < NAMES_MAX)
		buf_addf(&a->names, "gate: %s\n", words);
}

/* True when the server has refused it for somebody; each such recipient is named. */
static bool name_held(struct gate_account *a, json_t *message)
{
	const char *to;
	json_t *word;
	bool held = false;

	json_object_foreach (message, to, word) {
		if (!json_is_string(word))
			continue;
		name(a, json_string_value(word));
		held = true;
	}
	return held;
}

void gate_account_read(struct span log, uint64_t waiting, struct gate_account *out)
{
	json_t *messages = json_object(), *message;
	uint64_t untold = 0;
	struct span line;
	const char *id;

	while (span_next_line(&log, &line))
		read_line(messages, line);
	json_object_foreach (messages, id, message) {
		out->taken++;
		if (name_held(out, message))
			out->held++;
		else if (json_object_size(message))
			out->given++;
		else
			untold++;
	}
	out->waiting = waiting;
	out->unaccounted = untold > waiting ? untold - waiting : 0;
	if (out->unaccounted)
		json_object_foreach (messages, id, message) {
			AUTO_FREE char *words = xasprintf(
				"%s was taken, and is not known to be given out", id);

			if (!json_object_size(message))
				name(out, words);
		}
	json_decref(messages);
}

int gate_account(struct move *m, struct gate_account *out, struct error *err)
{
	AUTO_DAEMON struct host_daemon there = { 0 };
	AUTO_BUF struct buf log = { 0 };
	struct gate_now now;

	if (m->config->close != CONFIG_CLOSE_SPOOL || host_reach(m->old) == HOST_FOLDER)
		return 0;
	/* the spool first: what leaves it afterwards stands in the log by then */
	if (gate_look(m, &now, err) < 0 || host_daemon_look(m->old, "gate", &there, err) < 0)
		return -1;
	if (host_read(m->old, there.log, LOG_MAX, &log, err) < 0 && err->sys_errno != ENOENT)
		return error_context(err, "the gate's log");
	*err = (struct error){ 0 };
	gate_account_read(buf_span(&log), now.messages > now.held ? now.messages - now.held : 0,
	                  out);
	return 0;
}
