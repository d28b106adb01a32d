/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/attr.h"

/* In the order in which a person reads them. To add a topic, add a row. */
const struct survey_topic survey_topics[] = {
	{ "Software", "software", survey_software },
	{ "Domains", "domain", survey_domains },
	{ "Users", "user|virtual user", survey_users },
	{ "Mailboxes", "mailbox", survey_mailboxes },
	{ "Subscriptions", "subscriptions", NULL },
	{ "Sieve and other files in homes", "sieve|home file", survey_sieve },
	{ "Aliases", "alias", survey_aliases },
	{ "Mailing lists", "mailman|mailing list|list queue|mailman path", survey_lists },
	{ "Tables, lists, programs",
	  "table|alias file|list|program|destination|credentials|other file", survey_tables },
	{ "Keys and certificates", "key|certificate|dkim key|dkim setting", survey_keys },
	{ "Services of the MTA", "service", survey_services },
	{ "Settings in force that differ from the defaults", "setting", survey_settings },
	{ "Listeners on mail ports", "listener", survey_listeners },
	{ "Queue", "queue", survey_queue },
	{ "Traffic", "traffic", survey_traffic },
	{ "Cron", "cron", survey_cron },
	{ "Mail fetched from elsewhere", "fetcher", survey_fetchers },
	{ "To be looked at by a person", "look", NULL },
};
const unsigned survey_topics_rows = ROWS(survey_topics);
