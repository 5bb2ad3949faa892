/*
 * fiber.h - functions that wait for the world in the middle of their work, as a
 * process does: each on a stack of its own.
 *
 * One that waits may simply be forgotten: the next that begins with its number
 * has its stack.
 */
#ifndef FIBER_H
#define FIBER_H

#include "sim.h"

#define FIBERS	(NODES_MAX * GUARDS)

/* Runs it until it first waits.  It must not return. */
void	fiber_begin(int number, void (*runs)(void));
/* Continues it until it waits again. */
void	fiber_resume(int number);
/* In a fiber: back to the world, until that resumes it. */
void	fiber_wait(void);

#endif
