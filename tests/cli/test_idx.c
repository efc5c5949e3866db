/* IDX files, plain and packed by gzip. */
#include "support.h"

#include "plugin/cli/gunzip.h"

#include <inttypes.h>
#include <string.h>

static void idx__reads_every_type(void **state)
{
    fixture *f = *state;
    static const struct {
        unsigned code;
        size_t size;
        uint64_t bits[2];
        double values[2];
    } cases[] = {
        {0x08, 1, {0x80, 1}, {128.0, 1.0}},
        {0x09, 1, {0x80, 1}, {-128.0, 1.0}},
        {0x0B, 2, {0xFF00, 0x0102}, {-256.0, 258.0}},
        {0x0C, 4, {0xFFFFFF00, 0x01020304}, {-256.0, 16909060.0}},
        {0x0D, 4, {0xC0000000, 0x42C80000}, {-2.0, 100.0}},
        {0x0E, 8, {0xC000000000000000, 0x4059000000000000}, {-2.0, 100.0}},
    };
    const oa_value declared = declare(OA_DTYPE_DOUBLE, DIMS(-1));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bytes data = new_bytes(f);
        add_big(&data, cases[i].bits[0], cases[i].size);
        add_big(&data, cases[i].bits[1], cases[i].size);
        bytes file = idx(f, cases[i].code, SIZES(2), data.data, data.size);
        const char *path = write_bytes(f, "x", &file);
        assert_int_equal(read_samples(&f->samples, path, &declared, 1.0, &f->error), OA_OK);
        check_values(f, 2, cases[i].values);
    }
}

static void idx__scales_bytes_to_one(void **state)
{
    fixture *f = *state;
    unsigned char data[256];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)i;
    }
    bytes file = idx(f, 0x08, SIZES(1, 16, 16), data, sizeof data);
    const char *path = write_bytes(f, "images", &file);
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 1, 16, 16));
    load(f, path, &declared);
    check_shape(f, SIZES(1, 1, 16, 16));
    for (size_t i = 0; i < sizeof data; i++) {
        assert_true(((float *)f->samples.data.data)[i] == (float)i / 255.0f);
    }
    const oa_value takes_doubles = declare(OA_DTYPE_DOUBLE, DIMS(-1, 16, 16));
    load(f, path, &takes_doubles);
    for (size_t i = 0; i < sizeof data; i++) {
        assert_true(((double *)f->samples.data.data)[i] == (double)i / 255.0);
    }
    /* A model that takes bytes gets bytes. */
    const oa_value takes_bytes = declare(OA_DTYPE_UINT8, DIMS(-1, 16, 16));
    load(f, path, &takes_bytes);
    assert_memory_equal(f->samples.data.data, data, sizeof data);
}

static void idx__refuses_bad_headers(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1));
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
        {"\0\0\x08\1\0\0\0", 7, "inside its header"},
        {"\0\0\x08\1\0\0\0\2a", 9, "ends after 9 of the 10 bytes"},
        {"\0\0\x08\1\0\0\0\1ab", 10, "goes on behind the 9 bytes"},
        {"\0\0\x07\1\0\0\0\1a", 9, "0x07"},
        {"\0\0\x0A\1\0\0\0\1a", 9, "0x0A"},
        {"\0\0\x0F\1\0\0\0\1a", 9, "0x0F"},
        {"\0\0\x08\0a", 5, "0 dimensions"},
        {"\0\0\x08\x11", 4, "17 dimensions"},
        {"\0\0\x08\1\0\0\0\0", 8, "no samples"},
        {"\0\0\x0E\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16, "overflows"},
        {"\0\0\x0E\2\xff\xff\xff\xff\xff\xff\xff\xff", 12, "more elements"},
        {"\0\0", 2, "no file of samples"},
        {"PK\3\4", 4, "zip archive"},
        {"hello", 5, "no file of samples"},
        {"", 0, "is empty"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        load_fails(f, write_file(f, "x", cases[i].bytes, cases[i].size), &declared, cases[i].message, "");
    }
    load_fails(f, path_of(f, "absent"), &declared, "No such file", "");
}

/* Enough bytes to need more than what is unpacked to see the header. */
static bytes many_bytes(fixture *f, size_t count)
{
    bytes data = new_bytes(f);
    for (size_t i = 0; i < count; i++) {
        add_byte(&data, (unsigned)(i * i >> 3 & 0xff));
    }
    return data;
}

static void idx__unpacks_gzip(void **state)
{
    fixture *f = *state;
    const size_t counts[] = {1, 1000, 128 * 1024 - 8, 128 * 1024 - 7, 300000};
    const oa_value declared = declare(OA_DTYPE_UINT8, DIMS(-1));
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        bytes data = many_bytes(f, counts[i]);
        bytes plain = idx(f, 0x08, SIZES(counts[i]), data.data, data.size);
        bytes packed = gzip(f, &plain);
        load(f, write_bytes(f, "x.gz", &packed), &declared);
        check_shape(f, SIZES(counts[i]));
        assert_memory_equal(f->samples.data.data, data.data, data.size);
        /* One byte more than the header tells of, and one less. */
        add_byte(&plain, 0);
        packed = gzip(f, &plain);
        load_fails(f, write_bytes(f, "x.gz", &packed), &declared, "goes on behind", "");
        plain.size -= 2;
        packed = gzip(f, &plain);
        load_fails(f, write_bytes(f, "x.gz", &packed), &declared, "ends after", "");
    }
}

static void idx__reads_packed_npy_and_several_members(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_UINT8, DIMS(-1));
    bytes plain = npy(f, "|u1", "False", "(3,)", "abc", 3);
    bytes packed = gzip(f, &plain);
    load(f, write_bytes(f, "x", &packed), &declared);
    check_values(f, NUMBERS('a', 'b', 'c'));

    bytes whole = idx(f, 0x08, SIZES(6), "abcdef", 6);
    bytes front = {.f = f, .data = whole.data, .size = 10, .capacity = 10};
    bytes back = {.f = f, .data = whole.data + 10, .size = 4, .capacity = 4};
    bytes packed_front = gzip(f, &front);
    bytes packed_back = gzip(f, &back);
    bytes both = new_bytes(f);
    add(&both, packed_front.data, packed_front.size);
    add(&both, packed_back.data, packed_back.size);
    load(f, write_bytes(f, "two members", &both), &declared);
    check_values(f, NUMBERS('a', 'b', 'c', 'd', 'e', 'f'));
}

static void idx__refuses_damaged_gzip(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_UINT8, DIMS(-1));
    bytes plain = idx(f, 0x08, SIZES(40), "0123456789012345678901234567890123456789", 40);
    bytes packed = gzip(f, &plain);
    for (size_t size = 1; size < packed.size; size++) {
        load_fails(f, write_file(f, "cut.gz", packed.data, size), &declared, size < 2 ? "" : "gzip file", "");
    }
    bytes longer = gzip(f, &plain);
    longer.capacity = longer.size; /* so that adding copies */
    add_byte(&longer, 'x');
    load_fails(f, write_bytes(f, "long.gz", &longer), &declared, "1 other bytes behind its end", "");
    packed.data[packed.size - 8] ^= 1; /* the checksum */
    load_fails(f, write_bytes(f, "sum.gz", &packed), &declared, "damaged gzip file", "");
    /* Inside gzip, too, nothing but samples is taken. */
    bytes text = new_bytes(f);
    add(&text, "hello", 5);
    packed = gzip(f, &text);
    load_fails(f, write_bytes(f, "text.gz", &packed), &declared, "no file of samples", "");
    text.size = 0;
    packed = gzip(f, &text);
    load_fails(f, write_bytes(f, "empty.gz", &packed), &declared, "is empty", "");
}

static void idx__refuses_gzip_that_claims_too_much(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1));
    /* 2^62 bytes wanted, a few there: refused without asking for the memory. */
    bytes data = many_bytes(f, 200000);
    bytes plain = idx(f, 0x0E, SIZES(1u << 31, 1u << 28), data.data, data.size);
    bytes packed = gzip(f, &plain);
    const oa_value rows = declare(OA_DTYPE_FLOAT, DIMS(-1, -1));
    load_fails(f, write_bytes(f, "claim.gz", &packed), &rows, "ends after", "");
    /* A megabyte of zeros behind a header that asks for one byte is not unpacked to its end. */
    bytes zeros = new_bytes(f);
    unsigned char zero[1024] = {0};
    for (size_t i = 0; i < 1024; i++) {
        add(&zeros, zero, sizeof zero);
    }
    plain = idx(f, 0x08, SIZES(1), zeros.data, zeros.size);
    packed = gzip(f, &plain);
    load_fails(f, write_bytes(f, "bomb.gz", &packed), &declared, "goes on behind the 9 bytes", "");
}

static void gunzip__stops_at_the_limit(void **state)
{
    fixture *f = *state;
    bytes data = many_bytes(f, 100000);
    bytes packed = gzip(f, &data);
    const size_t limits[] = {1, 2, 16384, 20000, 65536, 99999, 100000, 100001, SIZE_MAX / 2};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        unsigned char *unpacked = NULL;
        size_t size = 0;
        assert_int_equal(oa_gunzip(&unpacked, &size, packed.data, packed.size, limits[i], &f->error), OA_OK);
        assert_int_equal(size, limits[i] < data.size ? limits[i] : data.size);
        assert_memory_equal(unpacked, data.data, size);
        oa_free(unpacked);
    }
}

/* Whatever bit flips, gzip's checksum finds it: the file is refused, or its content is the same. */
static void idx__finds_flipped_bits_in_gzip(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_UINT8, DIMS(-1));
    bytes data = many_bytes(f, 60);
    bytes plain = idx(f, 0x08, SIZES(60), data.data, data.size);
    bytes packed = gzip(f, &plain);
    size_t refused = 0;
    for (size_t bit = 0; bit < 8 * packed.size; bit++) {
        packed.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        oa_status status = read_samples(&f->samples, write_bytes(f, "x.gz", &packed), &declared, -1.0, &f->error);
        packed.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_true(status == OA_OK || status == OA_ERROR_INPUT);
        refused += status != OA_OK;
        if (status == OA_OK) {
            assert_int_equal(f->samples.data.count, 60);
            assert_memory_equal(f->samples.data.data, data.data, data.size);
        }
    }
    /* Only the time, the flags and the system in gzip's own header do not matter. */
    assert_true(refused >= 8 * (packed.size - 8));
}

static void idx__survives_flipped_bits(void **state)
{
    fixture *f = *state;
    const uint64_t seed = 11;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 2, 3));
    unsigned char data[2 * 2 * 3 * 4] = {0};
    bytes file = idx(f, 0x0D, SIZES(2, 2, 3), data, sizeof data);
    for (size_t i = 0; i < 2000; i++) {
        unsigned char copy[128];
        memcpy(copy, file.data, file.size);
        copy[oa_random_below(&random, i % 2 ? 16 : file.size)] ^= (unsigned char)(1u << oa_random_below(&random, 8));
        copy[oa_random_below(&random, file.size)] ^= (unsigned char)(1u << oa_random_below(&random, 8));
        oa_status status = read_samples(&f->samples, write_file(f, "x", copy, file.size), &declared, -1.0, &f->error);
        assert_true(status == OA_OK || status == OA_ERROR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(idx__reads_every_type),
        FILE_TEST(idx__scales_bytes_to_one),
        FILE_TEST(idx__refuses_bad_headers),
        FILE_TEST(idx__unpacks_gzip),
        FILE_TEST(idx__reads_packed_npy_and_several_members),
        FILE_TEST(idx__refuses_damaged_gzip),
        FILE_TEST(idx__refuses_gzip_that_claims_too_much),
        FILE_TEST(gunzip__stops_at_the_limit),
        FILE_TEST(idx__finds_flipped_bits_in_gzip),
        FILE_TEST(idx__survives_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
