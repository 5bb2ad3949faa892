/* inifile.h - an INI file, taken apart so that nothing in it is passed over. */
#ifndef INIFILE_H
#define INIFILE_H

#include <stdbool.h>

#include "error.h"

/* Called in the order of the lines; the strings are gone afterwards. */
struct inifile_calls {
	/* False: nothing more is told about this section. */
	bool	(*section)(void *arg, int line, const char *name);
	void	(*key)(void *arg, int line, const char *section,
		    const char *name, const char *value);
	void	(*mistake)(void *arg, int line, const char *what);
};

/* False where the file could not be read at all; mistakes in it go to the
 * calls. */
bool	inifile_read(const char *file, const struct inifile_calls *, void *arg,
	    struct error *) CHECKED;

#endif
