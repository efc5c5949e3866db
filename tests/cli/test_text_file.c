/* Text files appear whole or not at all. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

static void text_file__writes_and_replaces(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "a.txt");
    size_t size;
    assert_int_equal(oa_write_text(path, "one\n", &f->error), OA_OK);
    assert_string_equal(read_file(f, path, &size), "one\n");
    assert_int_equal(oa_write_text(path, "", &f->error), OA_OK);
    assert_string_equal(read_file(f, path, &size), "");
    assert_int_equal(size, 0);
    assert_int_equal(count_entries(f->folder), 1);
}

static void text_file__has_the_permissions_of_the_umask(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "a.txt");
    struct stat info;
    mode_t before = umask(027);
    oa_status status = oa_write_text(path, "x", &f->error);
    umask(before);
    assert_int_equal(status, OA_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void write_fails(fixture *f, const char *path, const char *text)
{
    size_t entries = count_entries(f->folder);
    f->error = (oa_error){0};
    assert_int_equal(oa_write_text(path, "x", &f->error), OA_ERROR_OUTPUT);
    message_has(f, path);
    message_has(f, text);
    assert_int_equal(count_entries(f->folder), entries);
    assert_int_equal(oa_write_text(path, "x", NULL), OA_ERROR_OUTPUT);
}

static void text_file__fails_without_a_trace(void **state)
{
    fixture *f = *state;
    struct stat info;
    write_fails(f, path_of(f, "absent/a.txt"), "No such file");
    write_fails(f, make_folder(f, "folder"), "is a folder");
    const char *pipe = path_of(f, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    write_fails(f, pipe, "not a regular file");
    assert_int_equal(lstat(pipe, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    const char *link = path_of(f, "link");
    const char *file = write_text(f, "file", "");
    assert_int_equal(symlink(file, link), 0);
    write_fails(f, link, "a symbolic link");
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    write_fails(f, path_of(f, "file/a.txt"), "Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(text_file__writes_and_replaces),
        FILE_TEST(text_file__has_the_permissions_of_the_umask),
        FILE_TEST(text_file__fails_without_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
