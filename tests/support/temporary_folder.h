/* A new folder for the files of one test, where TMPDIR says, else in /tmp. */
#ifndef OA_TESTS_SUPPORT_TEMPORARY_FOLDER_H
#define OA_TESTS_SUPPORT_TEMPORARY_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* Makes it and writes its path; false when that fails or `size` is too small. */
bool temporary_folder_make(char *path, size_t size);

/* Removes a folder with all that is in it; false when something stays. Links are not followed. */
bool temporary_folder_remove(const char *path);

#endif
