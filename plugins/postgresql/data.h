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

/* The options that name files; false with the sentence set. */
bool	data_check(struct failover *);

/* Its path without links; valid until the next time it is asked for. */
const char	*data_folder(struct failover *);
/* A file's path in there. */
void		 data_path(struct failover *, const char *file,
		    char path[PATH_MAX]);
/* What the server and our jobs print; valid until the next time. */
const char	*data_log(struct failover *);

/* The path of one of PostgreSQL's programs; "": it is too long. */
void	data_program(struct failover *, const char *name,
	    char path[PATH_MAX]);
/* The major version that wrote the data directory; 0: none did. */
int	data_version(struct failover *);

/* Is there no file in it? */
bool	data_empty(struct failover *);

#endif
