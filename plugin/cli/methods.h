/* The methods of an alignment run, one function each behind one switch. Private to the command line. */
#ifndef OA_CLI_METHODS_H
#define OA_CLI_METHODS_H

#include "plugin/cli/align.h"

/* Improves the permutations of a follower by one method of the chain. `continues`: they are another method's answer;
 * otherwise they are identities that mean nothing. */
oa_status oa_run_method(oa_method method, oa_align_run *run, size_t follower, bool continues, oa_error *error);

#endif
