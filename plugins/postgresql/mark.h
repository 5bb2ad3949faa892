/*
 * mark.h - notes in the data directory and beside it: that it was a master's,
 * the role of the server's next start, and an unfinished pg_rewind.
 */
#ifndef MARK_H
#define MARK_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* Has an agent ever made it a master?  Then it may be an old one. */
bool	mark_is_ours(struct failover *);
/* False with the sentence set. */
bool	mark_make_ours(struct failover *);

/*
 * standby.signal makes a standby of a server that starts.  It is also our note
 * of a promotion under way: the server only checks that the file exists, and
 * removes it when it has been promoted.
 */
enum mark { MARK_NONE, MARK_STANDBY, MARK_PROMOTING };

enum mark	mark_get(struct failover *);
/* False, with errno, if it can't be written. */
bool		mark_set(struct failover *, enum mark);

/*
 * Until pg_rewind is complete, the data directory is a mixture of both servers,
 * and its control file does not show that: the server must not be started.
 */
bool	mark_torn(struct failover *);
/* Keeps a note that already exists; NULL: pg_rewind is complete. */
bool	mark_set_torn(struct failover *, const char *note);
/* The caller frees it; NULL if there is none. */
char	*mark_torn_note(struct failover *);

#endif
