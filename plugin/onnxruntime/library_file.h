/* Is a shared library's file whole? Private to this folder. */
#ifndef OA_ONNXRUNTIME_LIBRARY_FILE_H
#define OA_ONNXRUNTIME_LIBRARY_FILE_H

#include "core/base/error.h"

/* Refuses a file that ends before what its ELF header and its segments ask for, as a download or a copy that broke off
 * does: the loader maps it all the same, and the process dies (SIGBUS) at the first touch of what is not there. What is
 * wrong in other ways is left to the loader, which says so: no such file, no ELF, another kind of machine.
 * OA_ERROR_INPUT.
 */
oa_status oa_library_file_check(const char *path, oa_error *error);

#endif
