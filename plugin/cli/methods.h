/* The methods of an alignment run, one function each behind one switch. Private to the command line. */
#ifndef OA_CLI_METHODS_H
#define OA_CLI_METHODS_H

#include "plugin/cli/align.h"

/* The permutations of a follower, identities at first, by the run's chain of methods, each started from what the one
 * before has found. */
oa_status oa_run_methods(oa_align_run *run, size_t follower, oa_error *error);

#endif
