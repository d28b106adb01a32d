/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/lists.h"

#include <string.h>

static bool old_is_live(const struct config *c)
{
	return c->old_host.reach != CONFIG_FOLDER;
}

static bool gate_stands_in(const struct config *c)
{
	return c->close == CONFIG_CLOSE_DEFER;
}

static bool gate_takes(const struct config *c)
{
	return config_gate_takes(c) && old_is_live(c);
}

static bool has_canaries(const struct config *c)
{
	return c->canary.mailbox && c->canary.outside_count;
}

/*
 * The cut-over, in its order. What lost and doubled nothing in trials with a real Postfix under
 * load: refuse new connections, let open sessions end, cut the reused ones, empty the queue, and
 * only then stop, the mailbox server before the MTA.
 */
const struct step move_steps[] = {
	{ .name = "preconditions",
	  .does = "Looks whether everything is ready: surveyed, prepared, seeded, room on disk, "
	          "the "
	          "new side empty and closed.",
	  .proven = "each question is answered yes",
	  .act = step_preconditions },
	{ .name = "close-new",
	  .does = "Shuts the new host's doors and stops its services, so that nothing is delivered "
	          "there before the last copy.",
	  .proven = "no service runs there, the fence stands",
	  .undone = "where mailing lists live there already, starts what ran; where the world was "
	            "turned, for the old host alone",
	  .act = step_close_new,
	  .undo = undo_close_new },
	{ .name = "hush-lists",
	  .does = "Stops Mailman's runners on the new host, so that nothing that is brought there "
	          "is "
	          "sent before the opening.",
	  .proven = "no process of theirs is left",
	  .undone = "starts them, if they ran",
	  .lists = true,
	  .act = step_hush_lists,
	  .undo = undo_hush_lists },
	{ .name = "turn-away",
	  .does = "First of two steps: leads the names to their closed address, where nobody "
	          "answers, so that senders wait. The old server goes on until no cache can hold "
	          "its address any longer.",
	  .proven = "nobody answers there on port 25; every name server says so, and since then "
	            "the old TTL has run out",
	  .undone = "leads them to the old host again, each with the TTL that it had",
	  .applies = config_turns_away,
	  .act = step_turn_away,
	  .undo = undo_turn_away },
	{ .name = "stand-in",
	  .does = "Puts the gate beside the old MTA and diverts new connections to port 25 to it; "
	          "those that are open stay where they are.",
	  .proven = "port 25 is knocked on, and the gate has greeted",
	  .undone = "gives port 25 back to the old MTA, and to it what the gate has taken",
	  .applies = gate_takes,
	  .act = step_stand_in,
	  .undo = undo_stand_in },
	{ .name = "freeze",
	  .does = "Refuses new connections on the old host: SMTP, submission, IMAP, POP, "
	          "ManageSieve.",
	  .proven = "the fence is in force",
	  .undone = "opens the old host's doors",
	  .applies = old_is_live,
	  .act = step_freeze,
	  .undo = undo_freeze },
	{ .name = "stop-jobs",
	  .does = "Stops cron and fetchmail on the old host, which would make or fetch mail.",
	  .proven = "none of their processes is left",
	  .undone = "starts those that ran",
	  .applies = old_is_live,
	  .act = step_stop_jobs,
	  .undo = undo_stop_jobs },
	{ .name = "stop-lists",
	  .does = "Lets Mailman's runners on the old host finish what they can, while the MTA "
	          "still "
	          "takes it from them, then stops them.",
	  .proven = "no process of theirs is left",
	  .undone = "starts them, if they ran",
	  .applies = old_is_live,
	  .lists = true,
	  .act = step_stop_lists,
	  .undo = undo_stop_lists },
	{ .name = "drain",
	  .does = "Lets open SMTP sessions end, then takes the listeners out of the old MTA, which "
	          "cuts those that a busy sender keeps open.",
	  .proven = "no SMTP session from outside is left",
	  .undone = "puts the listeners back",
	  .applies = old_is_live,
	  .act = step_drain,
	  .undo = undo_drain },
	{ .name = "flush",
	  .does = "Delivers what is in the old queue, as far as it goes.",
	  .proven = "nothing is in delivery any more",
	  .applies = old_is_live,
	  .act = step_flush },
	{ .name = "stop-old",
	  .does = "Stops the old MTA, then the old mailbox server.",
	  .proven = "no process of either is left",
	  .undone = "starts both",
	  .applies = old_is_live,
	  .act = step_stop_old,
	  .undo = undo_stop_old },
	{ .name = "gate",
	  .does = "Puts the gate on the old host's port 25: it answers 421 with your text.",
	  .proven = "it listens",
	  .undone = "ends the gate",
	  .applies = gate_stands_in,
	  .act = step_gate,
	  .undo = undo_gate },
	{ .name = "prove-frozen",
	  .does = "Proves that the old side takes nothing more: this is the moment X.",
	  .proven = "no listener, no daemon, no new mail in the queue or the drop folder",
	  .applies = old_is_live,
	  .act = step_prove },
	{ .name = "delta",
	  .does = "Copies what changed in the mailboxes since the last pass, up to X.",
	  .proven = "a pass that finds nothing to do",
	  .undone = "brings mail that the new side has taken back into the old mailboxes",
	  .act = step_delta,
	  .undo = undo_delta },
	{ .name = "queue",
	  .does = "Carries the rest of the old queue over, with envelope and age; the originals "
	          "are "
	          "put on hold.",
	  .proven = "as many messages there as here",
	  .undone = "carries the new queue back",
	  .act = step_queue,
	  .undo = undo_queue },
	{ .name = "lists",
	  .does = "Brings what changed of mailing lists, links of public archives last; then what "
	          "waits in Mailman's queues changes hands, and the originals go aside.",
	  .proven = "a pass that finds nothing to do, each entry compared",
	  .undone =
	          "gives the entries back; once the new host was open, brings back what the lists "
	          "became there",
	  .lists = true,
	  .act = step_lists,
	  .undo = undo_lists },
	{ .name = "verify",
	  .does = "Compares old and new, message by message. A shortfall goes back.",
	  .proven = "no message missing, extra or different, nor any file or address of a list",
	  .act = step_verify },
	{ .name = "prove-still-frozen",
	  .does = "Proves once more that the old side has taken nothing since X; what somebody did "
	          "on Mailman's web pages meanwhile is brought.",
	  .proven = "as above, and nothing new since, in no list and no queue of lists either",
	  .applies = old_is_live,
	  .act = step_prove_still,
	  .always = true },
	{ .name = "switch",
	  .does = "Turns the world to the new host.",
	  .proven = "the new answer is given",
	  .undone = "turns it back to the old host",
	  .act = step_switch,
	  .undo = undo_switch },
	{ .name = "open-smtp",
	  .does = "Starts the new services and opens port 25; mailboxes stay hidden.",
	  .proven = "the new MTA greets on its port",
	  .undone = "closes the new host, empties its queue into the mailboxes, stops it",
	  .act = step_open_smtp,
	  .undo = undo_open_smtp },
	{ .name = "give-out",
	  .does = "Has the gate give out what it took, with each client's own address; then it "
	          "passes through what still comes to the old address, or ends where that has "
	          "moved.",
	  .proven = "its spool is empty, but for what the new server refused",
	  .undone = "has the gate take mail again, and keep it",
	  .applies = gate_takes,
	  .act = step_give_out,
	  .undo = undo_give_out },
	{ .name = "canary",
	  .does = "Sends mail out to each outside mailbox, and waits for its answer to come in.",
	  .proven = "each went out with a 250, each answer is in the mailbox",
	  .applies = has_canaries,
	  .act = step_canary },
	{ .name = "open-lists",
	  .does = "Starts Mailman's runners on the new host: what waits in its queues goes out.",
	  .proven = "they run",
	  .undone = "lets them finish what they can, and stops them",
	  .lists = true,
	  .act = step_open_lists,
	  .undo = undo_open_lists },
	{ .name = "open-mailboxes",
	  .does = "Opens IMAP, POP, ManageSieve and submission on the new host.",
	  .proven = "the fence is gone",
	  .undone = "hides the new mailboxes again",
	  .act = step_open_mailboxes,
	  .undo = undo_open_mailboxes },
	{ .name = "account",
	  .does = "Closes the ledger: every message that either side accepted, and where it is "
	          "now.",
	  .proven = "the sum closes, or what is missing is listed by name",
	  .act = step_account_with_lists,
	  .always = true },
};
const unsigned move_steps_rows = ROWS(move_steps);

const struct step *move_step_find(const char *name)
{
	for (unsigned i = 0; i < move_steps_rows; i++)
		if (!strcmp(move_steps[i].name, name))
			return &move_steps[i];
	return NULL;
}

bool move_step_applies(const struct step *step, const struct config *c, bool lists)
{
	return (lists || !step->lists) && (!step->applies || step->applies(c));
}
