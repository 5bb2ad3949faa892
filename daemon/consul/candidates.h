/*
 * candidates.h - the records of the nodes that may take the lock, in Consul.
 *
 * Below lock/<service>/candidates/ each candidate has a key named after its
 * session, and locked by it: the candidate of a record without a session is
 * gone.  A record is written when a session begins, and in elections; one long
 * poll watches them all.  Only the key "master" belongs to no session: if
 * [election] max_behind is set, the master writes its position into it from
 * time to time.
 */
#ifndef CANDIDATES_H
#define CANDIDATES_H

#include <stdbool.h>

#include <event2/event.h>

#include "config.h"
#include "consul.h"
#include "election.h"
#include "error.h"

/* The prefix for a service; and a record's "id", from node and service id. */
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

/* Sets our node and service id, whether our plugin can compare positions, and
 * our priority; call it again when one of them, or the config, has changed.
 * True: our record is written again; it keeps our position only if just the
 * priority has changed. */
bool			 candidates_identify(struct candidates *,
			    const char *node, bool compares, int64_t priority)
			    CHECKED;
void			 candidates_make_id(char id[ELECTION_ID],
			    const char *node, const char *service_id);
/* Sets our session, "" for none: with one we are a candidate, unless
 * never_master is set. */
void			 candidates_session(struct candidates *,
			    const char *session);
/* Reads the records again: an election is near. */
void			 candidates_look(struct candidates *);
/* Consul answers, or an election begins: reads them again if a request to
 * Consul has failed since they were requested. */
void			 candidates_refresh(struct candidates *);
/* Deletes our record. */
void			 candidates_leave(struct candidates *);

/* Publishes our position in our record, for the free lock with that epoch. */
void			 candidates_publish(struct candidates *, uint64_t epoch,
			    const char *position, const char *const *yields);
/* Publishes the master's position; writes only if it has changed. */
void			 candidates_say_master(struct candidates *,
			    uint64_t epoch, const char *position);

/* While we are the master with the lock, we delete the records of candidates
 * that are gone. */
void			 candidates_hold(struct candidates *, bool);

/* All records of the last read, borrowed until `changed`. */
const struct election_record	*candidates_records(const struct candidates *,
				    size_t *count);
/* Are the records complete?  Our own must be among them, so that of two
 * candidates that begin at the same time one sees the other.  No request to
 * Consul may have failed since the read, or a change could have been missed.
 * And no `look` may be waiting for its answer. */
bool			 candidates_are_current(const struct candidates *);
/* The last position that the master published; "" for none. */
const char		*candidates_master(const struct candidates *);

#endif
