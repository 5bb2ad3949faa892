/*
 * position.h - our copy's position, as the election compares it.
 */
#ifndef POSITION_H
#define POSITION_H

#include <stdint.h>

/* The GTIDs of a position, and how many of their transactions are not applied
 * yet, as counted by copy_unapplied. */
const char	*position_split(const char *, int64_t *unapplied);

#endif
