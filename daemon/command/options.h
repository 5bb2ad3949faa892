/* options.h - the words after the command's name. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define LEAVE_PINS	3
#define FLAGS_MAX	64
#define FLAGS_LEAVE	(FLAGS_MAX + LEAVE_PINS)	/* the guard's run */

struct options {
	const char	*config_file;
	char		*flags[FLAGS_LEAVE];	/* "section.key=value", owned */
	size_t		 flag_count, flags_max;
	const char	*given[FLAGS_MAX];	/* the options' names, each
						 * once; borrowed */
	size_t		 given_count;
	bool		 json, watch, example, dot, yes, kill, quiet, live;
	bool		 help;
	bool		 running;	/* as an agent: errors are logged */
	const char	*master_host;
	int		 master_port;
	char		 master[256];		/* the host of --master */
	const char	*target, *probe;
	uint64_t	 epoch;
	int64_t		 since_ms;		/* 0: not given */
	int		 guard;			/* our parent is this guard */
	char		**rest;			/* words that are not options */
	int		 rest_count;
};

/* False, after printing the reason, if a word is wrong.  Everything except the
 * flags is borrowed; the caller sets flags_max first, and sees by what is given
 * whether the command takes it. */
bool	options_parse(struct options *, int argc, char **argv) CHECKED;
void	options_free(struct options *);

#endif
