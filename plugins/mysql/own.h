/*
 * own.h - our copy: where its server is, and its state in each call.
 */
#ifndef OWN_H
#define OWN_H

#include "copy.h"
#include "defaults.h"

/* Ours, kept between calls. */
extern struct copy	own;
extern struct defaults	own_file;	/* as it was when we connected */

/* During a demotion no connection waits in a queue. */
extern bool	demoting;

/* Reports what has failed, with the server's error; FAILOVER_FAILED.  If a
 * right is missing, connects to our copy again. */
enum failover_result	own_sorry(struct failover *, const char *what,
			    const struct server *);

/* Our server's place, from the options, and from defaults_file for those that
 * are not set. */
struct place		own_find_place(struct failover *,
			    const struct defaults *);
/* Reads defaults_file again; FAILOVER_FAILED, with the sentence set, if that
 * and the options do not name our server. */
enum failover_result	own_read_place(struct failover *, struct defaults *);

/* Our server's place; place.password points to password.  A socket or host from
 * defaults_file is the one read when we last connected. */
enum failover_result	own_place(struct failover *, struct place *,
			    char *password, size_t size);

/* Looks at our copy again: at the beginning of each call, and later. */
enum failover_result	own_look(struct failover *);
enum failover_result	own_look_again(struct failover *);

/* Has its master refused to send the data it needs?  A refusal by the previous
 * master, which may come back without that data, does not count. */
bool			own_is_refused(const struct failover *);

#endif
