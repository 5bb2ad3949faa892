/* command_states.c - states: the states, as a graph. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include "core_graph.h"
#include "fail.h"

static int	command_states_run(struct options *);

const struct command command_states = {
	.name = "states",
	.arguments = "--dot",
	.summary = "the states, as a graph",
	.help = "Prints the states of an agent and the transitions between "
	    "them, in the language of Graphviz.",
	.options = COMMAND_WORDS(
		{ "dot", NULL, "for Graphviz (required)" }),
	.exits = COMMAND_EXITS(
		{ 0, "they are printed" }),
	.example = "states --dot | dot -Tsvg > states.svg",
	.run = command_states_run,
};

static int
command_states_run(struct options *o)
{
	if (!o->dot)
		return fail(EXIT_USAGE, "states: use --dot to print the graph "
		    "of states in Graphviz' language");
	core_graph_print(stdout);
	return EXIT_SUCCESS;
}
