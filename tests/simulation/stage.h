/*
 * stage.h - where a sequence of requests is played: stage_model.c is the
 * simulator's Consul in virtual time, stage_consul.c a real one.
 */
#ifndef STAGE_H
#define STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "consul.h"

#define STAGE_NODES	5
#define STAGE_TIMEOUT	2000	/* ms of a request */

/* What the program was called with, after its name; prints what is wrong. */
bool	 stage_begin(int count, char **words);
void	 stage_end(void);

/* The n-th node, from 0: its way to Consul and its name there; NULL after the
 * last.  The service and the key that are played with. */
struct consul	*stage_consul(int node);
const char	*stage_node(int node);
const char	*stage_service(void);
const char	*stage_key(void);

int64_t	 stage_now(void);			/* ms */
void	 stage_run(int64_t ms, const bool *done);	/* … or until done */

/* A fault, or an operator's hand.  False: there is no such thing. */
bool	 stage_hand(int count, char **words);

#endif
