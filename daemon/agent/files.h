/*
 * files.h - the files that we run from: our own programs and the plugin.  Logs
 * when one of them has changed on disk, so that a restart or a reload would use
 * another.
 */
#ifndef FILES_H
#define FILES_H

#include <stdint.h>

#include "image.h"

struct files {
	struct image	 plugin;	/* its descriptor: the plugin's */
	int64_t		 looked_at_ms;
	char		 text[512];	/* what has changed; "" */
};

/* Logs changes.  A reload keeps the programs, because they belong together. */
void	files_look(struct files *);
/* The same, but rarely enough to be cheap. */
void	files_look_sometimes(struct files *);

#endif
