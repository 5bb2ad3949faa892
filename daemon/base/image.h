/*
 * image.h - a program or a plugin as it was when the agent was started.
 *
 * What runs later, above all to demote a master, is that, whatever has become
 * of its file: a package is upgraded by a rename, which leaves the old file to
 * who has it open; cp writes into it, so what may be written over is copied
 * into sealed memory.  (Nobody can write into a program that runs.)
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "error.h"

struct image {
	int		 fd;		/* 0: not taken */
	bool		 copied;
	char		 path[PATH_MAX];
	struct stat	 mark;		/* of the file at the last look */
	enum image_state { IMAGE_SAME, IMAGE_CHANGED, IMAGE_GONE } state;
};

enum image_kind { IMAGE_HELD, IMAGE_COPIED };

/* What can't be copied, because the kernel runs nothing from memory, is held. */
bool	image_take(struct image *, const char *path, enum image_kind,
	    struct error *) CHECKED;
void	image_drop(struct image *);	/* not taken is fine */

/* Is the file another one now, or no longer there?  Reads it only if that may
 * have changed. */
enum image_state	image_look(struct image *);

/* Gives the descriptor another number, above those of a child's; or -1. */
int	image_move(int fd);

/* Our own programs, taken when they are first asked for; NULL with the reason.
 * They are never dropped. */
enum image_program { IMAGE_SELF, IMAGE_HANDLER, IMAGE_GUARD, IMAGE_PROGRAMS };
struct image	*image_program(enum image_program, struct error *);

#endif
