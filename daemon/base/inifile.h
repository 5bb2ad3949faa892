/* inifile.h - parses an INI file, so that nothing in it is ignored. */
#ifndef INIFILE_H
#define INIFILE_H

#include <stdbool.h>

#include "error.h"

/* Called in the order of the lines; the strings are valid only during the
 * call. */
struct inifile_calls {
	/* False: skip the rest of this section. */
	bool	(*section)(void *arg, int line, const char *name);
	void	(*key)(void *arg, int line, const char *section,
		    const char *name, const char *value);
	void	(*mistake)(void *arg, int line, const char *what);
};

/* False if the file could not be read at all; errors in it go to the calls. */
bool	inifile_read(const char *file, const struct inifile_calls *, void *arg,
	    struct error *) CHECKED;

#endif
