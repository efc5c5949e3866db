#include "plugin/onnxruntime/library_file.h"

#include "core/base/memory.h"

#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A file of this machine's kind; the version also tells the order of bytes. */
static bool is_own_elf(const ElfW(Ehdr) * header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_version == EV_CURRENT &&
           header->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
}

/* Raises *end to where a part of the file ends; to the largest number when that overflows. */
static void reach(size_t *end, size_t offset, size_t size)
{
    size_t sum;
    if (oa_add_overflows(&sum, offset, size)) {
        sum = SIZE_MAX;
    }
    *end = sum > *end ? sum : *end;
}

/* How many bytes the file must have; 0 when that cannot be said. */
static size_t needed_bytes(FILE *file)
{
    ElfW(Ehdr) header;
    size_t end = 0;
    if (fread(&header, sizeof header, 1, file) != 1 || !is_own_elf(&header)) {
        return 0;
    }
    reach(&end, header.e_phoff, (size_t)header.e_phnum * header.e_phentsize);
    reach(&end, header.e_shoff, (size_t)header.e_shnum * header.e_shentsize);
    if (header.e_phentsize != sizeof(ElfW(Phdr)) || header.e_phoff > LONG_MAX ||
        fseek(file, (long)header.e_phoff, SEEK_SET) != 0) {
        return end;
    }
    for (size_t i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) segment;
        if (fread(&segment, sizeof segment, 1, file) != 1) {
            break; /* the table itself is cut off */
        }
        if (segment.p_type == PT_LOAD || segment.p_type == PT_DYNAMIC) {
            reach(&end, segment.p_offset, segment.p_filesz);
        }
    }
    return end;
}

oa_status oa_library_file_check(const char *path, oa_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return OA_OK;
    }
    if (!S_ISREG(info.st_mode)) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: is not a file", path);
    }
    FILE *file = fopen(path, "rb");
    size_t needed = file ? needed_bytes(file) : 0;
    if (file) {
        fclose(file);
    }
    return needed <= (uintmax_t)info.st_size
               ? OA_OK
               : oa_fail(error, OA_ERROR_INPUT,
                         "%s: is damaged: it has %ju bytes, and its header asks for more; get it again", path,
                         (uintmax_t)info.st_size);
}
