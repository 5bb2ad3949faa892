/* core_graph.c - the table of the states, as a graph. */

#include "core_graph.h"

#include "core.h"
#include "core_rules.h"

/* All reasons that lead from one state to another stand at one arrow. */
static void
print_arrow(FILE *f, const struct core_rule *first)
{
	const struct core_rule	*end = core_rules + core_rules_count;
	const struct core_rule	*r;

	for (r = core_rules; r < first; r++)
		if (r->in == first->in && r->to == first->to)
			return;		/* printed already */
	fprintf(f, "\t%s -> %s [label=\"", core_state_name(first->in),
	    core_state_name(first->to));
	for (r = first; r < end; r++)
		if (r->in == first->in && r->to == first->to)
			fprintf(f, "%s%s", r == first ? "" : "\\n", r->because);
	fputs("\"];\n", f);
}

void
core_graph_print(FILE *f)
{
	size_t	i;

	fputs("digraph \"consul-failover\" {\n"
	    "\tnode [shape=box, style=rounded, fontname=Helvetica];\n"
	    "\tedge [fontname=Helvetica, fontsize=9];\n", f);
	for (i = 0; i < core_rules_count; i++)
		print_arrow(f, &core_rules[i]);
	fputs("\tmaster [penwidth=2];\n}\n", f);
}
