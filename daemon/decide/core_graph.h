/* core_graph.h - the table of the states, as a graph. */
#ifndef CORE_GRAPH_H
#define CORE_GRAPH_H

#include <stdio.h>

/* In Graphviz' dot language. */
void	core_graph_print(FILE *);

#endif
