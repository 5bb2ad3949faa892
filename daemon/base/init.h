/* init.h - the duties of process 1 in a container. */
#ifndef INIT_H
#define INIT_H

/* Returns in the process that becomes the program: this one or, if this is
 * process 1, its child. */
void	init_begin(void);

#endif
