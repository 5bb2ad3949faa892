/*
 * files.h - the files that we run from: our own programs and the plugin.  Says
 * so when one of them is another on disk, which a restart or a reload would
 * take.
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

/* Logs what is new.  A reload keeps the programs: they are made for each
 * other. */
void	files_look(struct files *);
/* The same, but not so often that it costs much. */
void	files_look_sometimes(struct files *);

#endif
