/*
 * settings.h - the server's own settings that could end a standby: it would
 * stop applying, promote itself, or answer no client.
 *
 * A server that the plugin starts gets safe ones on its command line, which no
 * file and no ALTER SYSTEM overrides; one that start_command starts gets them
 * at the end of postgresql.auto.conf.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "query.h"

/* Sets one in postgresql.auto.conf, as ALTER SYSTEM does in a running
 * server. */
bool	settings_set(struct failover *, const char *name, const char *value);

/* Words for pg_ctl -o. */
void	settings_words(struct failover *, char *words, size_t size);
/* Writes them for start_command. */
bool	settings_write(struct failover *);

/* Was this server started so that it stays a standby?  Needs no connection; a
 * server that something else has started can only be asked. */
bool	settings_proven(struct failover *, pid_t postmaster);

/* False if the running server is a standby that they could end: the query's
 * sentence names them.  A restart by us changes them, unless stuck. */
bool	settings_safe(struct failover *, struct query *, bool *stuck);

/* The same by its files, for a server that can't be asked: gives the name of a
 * setting that could end it, or NULL; files with an error count as safe,
 * because no server starts with them.  False: there was too little time to find
 * out. */
bool	settings_in_files(struct failover *, const char **name);

#endif
