/*
 * settings.h - the server's own settings that could end a standby: it would
 * stop to apply, promote itself, or answer nobody.
 *
 * A server that the plugin starts is given others, on its command line, which
 * no file and no ALTER SYSTEM overrules; one that start_command starts, at the
 * end of postgresql.auto.conf.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "query.h"

/* Sets one in postgresql.auto.conf, as ALTER SYSTEM does for a server that
 * runs. */
bool	settings_set(struct failover *, const char *name, const char *value);

/* For pg_ctl -o. */
void	settings_words(struct failover *, char *words, size_t size);
/* For start_command. */
bool	settings_write(struct failover *);

/* Was this server started so that it stays a standby?  No connection is needed
 * for that, but one that others have started can only be asked. */
bool	settings_proven(struct failover *, pid_t postmaster);

/* Is the server that runs no standby that they could end?  Else the query's
 * sentence names them.  Another start by us changes them, unless stuck. */
bool	settings_safe(struct failover *, struct query *, bool *stuck);

/* The same by its files, for a server that can't be asked: gives the name of one
 * that could end it, or NULL, as of files with an error, with which no server
 * starts.  False: the time was too short to know. */
bool	settings_in_files(struct failover *, const char **name);

#endif
