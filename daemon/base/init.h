/* init.h - what process 1 of a container has to do. */
#ifndef INIT_H
#define INIT_H

/* Returns in the process that is to be the program: this one, or, where this is
 * process 1, a child of it. */
void	init_begin(void);

#endif
