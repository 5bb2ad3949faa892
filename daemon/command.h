/* command.h - the subcommands; each gives the program's exit status. */
#ifndef COMMAND_H
#define COMMAND_H

int	command_run(int argc, char **argv);

#endif
