/*
 * own.h - our copy: where its server is, and a look at it in each call.
 */
#ifndef OWN_H
#define OWN_H

#include "copy.h"
#include "defaults.h"

/* Ours, between two calls. */
extern struct copy	own;
extern struct defaults	own_file;	/* as it was when we connected */

/* For as long as a demotion has, nobody waits in a queue. */
extern bool	demoting;

/* Says what has failed, and what the server says; FAILOVER_FAILED.  Where a
 * right is missing, our copy is connected to anew. */
enum failover_result	own_sorry(struct failover *, const char *what,
			    const struct server *);

/* Where our server is by the options, and by defaults_file where those are
 * silent. */
struct place		own_find_place(struct failover *,
			    const struct defaults *);
/* Reads defaults_file anew; FAILOVER_FAILED, with the sentence set, where our
 * server can't be found by that and the options. */
enum failover_result	own_read_place(struct failover *, struct defaults *);

/* Where our server is; password is what place.password points to.  Its socket
 * or host was read from defaults_file when we last connected, if that names
 * it. */
enum failover_result	own_place(struct failover *, struct place *,
			    char *password, size_t size);

/* Our copy, with a fresh look at it: first in each call, and later. */
enum failover_result	own_look(struct failover *);
enum failover_result	own_look_again(struct failover *);

/* Has its master refused it what it asked for?  The one before may come back,
 * and not have that: it is no word of its master. */
bool			own_is_refused(const struct failover *);

#endif
