/* SPDX-License-Identifier: MIT */
/* The verbs of the quarry program. Each parses its own arguments (argv[0] is the verb) and returns
 * enum cli_status. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include <quarry/quarry.h>

#define CLI_VERSION QUARRY_VERSION

int boot_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int report_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int top_main(int argc, char **argv);
int record_main(int argc, char **argv);
int convert_main(int argc, char **argv);
int pressure_main(int argc, char **argv);
int selftest_main(int argc, char **argv);

#endif
