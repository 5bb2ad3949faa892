/*
 * mark.h - what is noted in the data directory and beside it: that it was a
 * master's, what it will be when it starts, and a pg_rewind under way.
 */
#ifndef MARK_H
#define MARK_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* Has any agent made it a master?  From then on it may be an old one. */
bool	mark_is_ours(struct failover *);
/* False with the sentence set. */
bool	mark_make_ours(struct failover *);

/*
 * standby.signal makes a standby of a server that starts.  It is also our
 * note of a promotion under way: the server only asks whether the file is
 * there, and removes it itself when it has been promoted.
 */
enum mark { MARK_NONE, MARK_STANDBY, MARK_PROMOTING };

enum mark	mark_get(struct failover *);
/* False, with errno, where it can't be written. */
bool		mark_set(struct failover *, enum mark);

/*
 * Until pg_rewind has come to its end the data directory is half of each
 * server, and its control file does not say so: it is not to be started.
 */
bool	mark_torn(struct failover *);
/* The note that is there already remains; NULL: it has come to its end. */
bool	mark_set_torn(struct failover *, const char *note);
/* To be freed; NULL where there is none. */
char	*mark_torn_note(struct failover *);

#endif
