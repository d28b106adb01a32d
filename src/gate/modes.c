/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/modes.h"

const struct mode *mode_for(const struct session *s)
{
	static const struct mode *const rows[] = {
		[GATE_DEFER] = &mode_defer,
		[GATE_SPOOL] = &mode_spool,
		[GATE_RELAY] = &mode_relay,
	};
	const struct gate *g = s->gate;

	/* whoever logs in is to be asked for a password, and only the new server knows it */
	if (s->submission && (g->mode != GATE_RELAY || !g->options->submission_to.size))
		return &mode_defer;
	return rows[g->mode];
}

bool mode_is_relay_client(const struct session *s)
{
	return s->peer &&
	       gate_networks_hold_host(&s->gate->options->relay_networks, s->peer->from.address);
}

bool mode_ask_recipients(struct session *s, const struct smtp_event *event)
{
	struct gate_counters *n = &s->gate->counters;
	const struct gate_unknown *unknown;

	switch (gate_recipients_ask(s->gate->recipients, &event->address)) {
	case GATE_TAKEN:
		n->recipients_taken++;
		return true;
	case GATE_UNKNOWN:
		n->recipients_unknown++;
		unknown = gate_recipients_unknown(s->gate->recipients);
		session_reply(s, unknown->code, unknown->enhanced, unknown->text);
		break;
	case GATE_UNSURE:
		n->recipients_unsure++;
		session_reply(s, 450, "4.1.1", "Can't tell now whether that recipient is here");
		break;
	case GATE_FOREIGN:
		n->recipients_foreign++;
		if (mode_is_relay_client(s))
			session_reply(s, 450, "4.7.1",
			              "Nothing is sent on while this server moves");
		else
			session_reply(s, 554, "5.7.1", "Relay access denied");
		break;
	}
	smtp_server_count_error(&s->smtp);
	return false;
}
