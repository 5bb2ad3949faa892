/*
 * own.c - our copy, the server on this host: a look at it, and its results.
 */
#include "own.h"

#include <stdio.h>
#include <string.h>

#include "fit.h"

#define OLDEST		602		/* 6.2 */

struct server	local;
struct server	master;
struct history	seen;

/* Never past the deadline, and no longer than the option timeout. */
int64_t
own_patience(struct failover *f)
{
	return deadline_left(f, f->number(f, "timeout"));
}

/* A Sentinel subscribes to this channel at each server that it watches. */
enum answer
own_watched_by_sentinel(struct failover *f, bool *yes)
{
	redisReply	*r;
	enum answer	 a = server_ask(&local, own_patience(f), &r,
			    "PUBSUB NUMSUB __sentinel__:hello");

	*yes = false;
	if (a != ANSWER_OK)
		return a;
	*yes = r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->integer > 0;
	freeReplyObject(r);
	return a;
}

/* Says so where somebody else rules this server, or where it is too old. */
static bool
is_ours(struct failover *f, const struct state *st)
{
	bool	 sentinel;

	if (strcmp(st->mode, "standalone") != 0) {
		f->say(f, FAILOVER_FAILED, "the server's mode is %s: this "
		    "plugin is for servers with cluster-enabled no, and no "
		    "Sentinels",
		    st->mode);
		return false;
	}
	if (st->number < OLDEST) {
		f->say(f, FAILOVER_FAILED, "Redis %s is too old: this plugin "
		    "needs 6.2 or later", st->version);
		return false;
	}
	if (own_watched_by_sentinel(f, &sentinel) != ANSWER_OK) {
		f->say(f, FAILOVER_FAILED, "%s", local.why);
		return false;
	}
	if (sentinel)
		f->say(f, FAILOVER_FAILED, "a Redis Sentinel watches this "
		    "server: only one of them may manage it; end the Sentinel "
		    "(SENTINEL REMOVE), or this agent");
	return !sentinel;
}

/* Restarted from nothing.  FLUSHALL is in the history. */
bool
own_lost_all(const struct history *h)
{
	return h->keys == 0 && seen.keys > 0 &&
	    history_has(h, &seen) != HISTORY_YES;
}

/* DONE, with the state, if there is something that can be worked with. */
enum failover_result
own_look(struct failover *f, struct state *st)
{
	enum answer	 a = server_state(&local, own_patience(f), st);

	/* One that is full serves those who are in it. */
	if (a == ANSWER_BUSY || a == ANSWER_FULL)
		return f->say(f, FAILOVER_AGAIN, "%s", local.why);
	if (a != ANSWER_OK)
		return f->say(f, FAILOVER_FAILED, "%s", local.why);
	fit_note(st);
	if (!st->loading && !own_lost_all(&st->history))
		seen = st->history;
	return is_ours(f, st) ? FAILOVER_DONE : FAILOVER_FAILED;
}

/* The first string of CONFIG GET's value, or "". */
void
own_get_config(struct failover *f, const char *name, char *value, size_t size)
{
	redisReply	*r = NULL;

	value[0] = '\0';
	if (server_ask(&local, own_patience(f), &r, "CONFIG GET %s", name) !=
	    ANSWER_OK)
		return;
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->str != NULL)
		snprintf(value, size, "%s", r->element[1]->str);
	freeReplyObject(r);
}

/* Was it told to follow the service's master? */
bool
own_points_at_master(const struct failover *f, const struct state *st)
{
	return !st->master && f->master_host[0] != '\0' &&
	    st->master_port == f->master_port &&
	    strcmp(st->master_host, f->master_host) == 0;
}

/* Has it a link to that? */
bool
own_follows(const struct failover *f, const struct state *st)
{
	return st->link_up && own_points_at_master(f, st);
}

bool
own_ignores_maxmemory(struct failover *f, const struct state *st)
{
	char	 value[8] = "yes";

	if (st->evicts)
		own_get_config(f, "replica-ignore-maxmemory", value,
		    sizeof(value));
	return strcmp(value, "no") != 0;
}
