/*
 * position.h - how far our copy is, as the election compares it.
 */
#ifndef POSITION_H
#define POSITION_H

#include <stdint.h>

/* The GTIDs of a position, and what is to be applied of them: how many
 * transactions, as copy_unapplied counts them. */
const char	*position_split(const char *, int64_t *unapplied);

#endif
