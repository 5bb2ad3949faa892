/*
 * config.c - the server's config file, rewritten so that a restarted server
 * accepts no writes before an agent has checked it.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "own.h"

static char	rewrote[HISTORY_ID + 1];	/* run_id, or tried to */

bool
config_must_rewrite(struct failover *f, const struct state *st)
{
	return f->number(f, "rewrite_config") &&
	    strcmp(rewrote, st->run_id) != 0;
}

static void
warn_of_starts(struct failover *f, const char *why)
{
	f->log(f, FAILOVER_WARNING, "%s. After a restart the server takes "
	    "writes until this agent notices it: put \"replicaof " NOBODY " "
	    "0\" into its config file, and set rewrite_config = no", why);
}

void
config_rewrite(struct failover *f, const struct state *st)
{
	if (!config_must_rewrite(f, st))
		return;
	strcpy(rewrote, st->run_id);
	if (server_ask(&local, own_patience(f), NULL, "CONFIG REWRITE") !=
	    ANSWER_OK)
		warn_of_starts(f, local.why);
}

/* Does its config file have it follow somebody when it is started?  False where
 * that can't be told. */
static bool
starts_as_slave(const char *config_file)
{
	char	*line = NULL;
	size_t	 size = 0;
	bool	 found = false;
	FILE	*file = fopen(config_file, "re");

	while (file != NULL && !found && getline(&line, &size, file) != -1)
		found = strncasecmp(line, "replicaof ", 10) == 0 ||
		    strncasecmp(line, "slaveof ", 8) == 0;
	free(line);
	if (file != NULL)
		fclose(file);
	return found;
}

/* One that was the master before its agent came: nobody has demoted it yet, so
 * that it would be a master again when it is started, whoever is one by then.
 * Its clients don't see it, where MULTI is allowed. */
bool
config_close_next_start(struct failover *f, const struct state *st)
{
	redisReply	*reply = NULL;
	bool		 whole;

	if (!config_must_rewrite(f, st) || starts_as_slave(st->config_file))
		return true;
	if (st->config_file[0] == '\0') {
		config_rewrite(f, st);		/* says what is wrong */
		return true;
	}
	whole = server_ask(&local, own_patience(f), NULL, "MULTI") == ANSWER_OK;
	if (server_ask(&local, own_patience(f), NULL,
	    "REPLICAOF " NOBODY " 0") != ANSWER_OK)
		return false;
	config_rewrite(f, st);
	if (server_ask(&local, own_patience(f), NULL, "REPLICAOF NO ONE") !=
	    ANSWER_OK || (whole && server_ask(&local, own_patience(f), &reply,
	    "EXEC") != ANSWER_OK))
		return false;
	if (whole && reply->elements > 1 &&
	    reply->element[1]->type == REDIS_REPLY_ERROR)
		warn_of_starts(f, reply->element[1]->str);
	if (whole)
		freeReplyObject(reply);
	return true;
}
