/* Paths as text. */
#ifndef OA_ONNX_IO_PATHS_H
#define OA_ONNX_IO_PATHS_H

/* The folder part of `path`: "." when it has none, "/" for a file at the root. Owned by the caller (oa_free); NULL when
 * memory runs out. */
char *oa_path_folder(const char *path);

/* The last part of `path`, inside it. */
const char *oa_path_name(const char *path);

/* folder/name, owned by the caller (oa_free); NULL when memory runs out. */
char *oa_path_join(const char *folder, const char *name);

/* The folder for temporary files: the one that TMPDIR names, else the system's. Borrowed from the environment. */
const char *oa_path_temporary(void);

#endif
