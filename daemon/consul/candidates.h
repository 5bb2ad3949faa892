/*
 * candidates.h - the records of those who may take the lock, in Consul.
 *
 * Below lock/<service>/candidates/ each candidate has a key of its session's
 * name, which belongs to that session: a record without a session is of
 * somebody who is gone.  Written once when a session begins, and in elections;
 * watched by one long poll.  "master" is the one key there that belongs to
 * nobody: where [election] max_behind is set, the master writes into it from
 * time to time how far it has got.
 */
#ifndef CANDIDATES_H
#define CANDIDATES_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "election.h"
#include "error.h"

/* Of a service; and of a node and a service id, what a record's "id" is. */
#define CANDIDATES_PREFIX	"lock/%s/candidates/"
#define CANDIDATES_ID		"%s/%s"

struct candidates_events {
	void	(*changed)(void *arg);		/* the records */
	/* What goes wrong now; "" when it ended. */
	void	(*trouble)(const char *text, void *arg);
};

struct candidates;

/* Borrows all. */
struct candidates	*candidates_new(struct event_base *, struct consul *,
			    const struct config *,
			    const struct candidates_events *, void *arg);
void			 candidates_free(struct candidates *);	/* NULL is fine */

/* Our name among them, whether our plugin can compare positions, and our
 * priority; again when one of them, or the config, has changed.  True: our record
 * is written anew: with what it said of the lock, where only the priority has
 * changed, else without. */
bool			 candidates_identify(struct candidates *,
			    const char *node, bool compares, int64_t priority)
			    CHECKED;
void			 candidates_make_id(char id[ELECTION_ID],
			    const char *node, const char *service_id);
/* Our session, "" for none: with one we are a candidate, unless we are
 * never_master. */
void			 candidates_session(struct candidates *,
			    const char *session);
/* Reads the records anew: an election is near. */
void			 candidates_look(struct candidates *);
/* Consul answers, or an election begins: reads them anew if Consul has been
 * silent since they were asked for. */
void			 candidates_refresh(struct candidates *);
/* Takes our record away. */
void			 candidates_leave(struct candidates *);

/* Says in our record how far we have got, seeing the free lock at epoch. */
void			 candidates_publish(struct candidates *, uint64_t epoch,
			    const char *position, const char *const *yields);
/* Says as the master how far we have got; written only where it has changed. */
void			 candidates_say_master(struct candidates *,
			    uint64_t epoch, const char *position);

/* While the lock is ours, and its mastership stands, we clear away the records
 * of those who are gone. */
void			 candidates_hold(struct candidates *, bool);

/* All that were read last, borrowed until `changed`. */
const struct election_record	*candidates_records(const struct candidates *,
				    size_t *count);
/* They are all there are: our own record is among them, so that of two that come
 * at the same time one sees the other; Consul has not been silent since they
 * were asked for, so that no change can have been missed; and no `look` waits
 * for its answer. */
bool			 candidates_are_current(const struct candidates *);
/* What the last master has said; "" for nothing. */
const char		*candidates_master(const struct candidates *);

#endif
