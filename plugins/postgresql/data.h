/*
 * data.h - the data directory, what is beside it, and the programs for it.
 */
#ifndef DATA_H
#define DATA_H

#include <consul-failover/plugin.h>

#include <limits.h>
#include <stdbool.h>

/* The first version that has pg_promote and standby.signal. */
#define OLDEST	12

/* Checks the options that name files; false with the sentence set. */
bool	data_check(struct failover *);

/* Its path without links; valid until the next call. */
const char	*data_folder(struct failover *);
/* The path of a file in it. */
void		 data_path(struct failover *, const char *file,
		    char path[PATH_MAX]);
/* The log of the server and our jobs; valid until the next call. */
const char	*data_log(struct failover *);

/* The path of one of PostgreSQL's programs; "": it is too long. */
void	data_program(struct failover *, const char *name,
	    char path[PATH_MAX]);
/* The major version that wrote the data directory; 0: it is empty. */
int	data_version(struct failover *);

/* Does it contain no files? */
bool	data_empty(struct failover *);

#endif
