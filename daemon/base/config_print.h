/* config_print.h - every key, explained. */
#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include <stdio.h>

/* Prints the annotated file with every key at its default. */
void	config_print_example(FILE *);

#endif
