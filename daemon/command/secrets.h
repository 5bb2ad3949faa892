/*
 * secrets.h - does a plugin reveal a secret?  Secrets are the values of options
 * with such names, and the content of the files that such options name.
 */
#ifndef SECRETS_H
#define SECRETS_H

#include <stddef.h>

#include "config.h"
#include "description.h"

#define SECRETS_MAX	16

struct secrets {
	struct {
		const char	*option;
		char		 value[256];
	}		 list[SECRETS_MAX];
	size_t		 count;
	const char	*leak;		/* the option revealed; NULL: none */
	int		 terminal, log;	/* the real 2, and its replacement */
};

void	secrets_find(struct secrets *, const struct plugin_description *,
	    const struct config *);
void	secrets_look(struct secrets *, const char *text, size_t length);

/* From now on, lines of the log are searched for secrets before they are
 * shown. */
void	secrets_catch_log(struct secrets *);
void	secrets_pass_log(struct secrets *);
void	secrets_release_log(struct secrets *);

#endif
