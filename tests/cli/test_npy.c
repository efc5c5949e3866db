/* .npy files put together byte by byte, as numpy.lib.format describes them. */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A type of the format, with the bits of some numbers in it. */
typedef struct type_case {
    const char *kind; /* as behind the byte order in descr */
    size_t size;
    uint64_t bits[3];
    double values[3];
} type_case;

static const type_case TYPES[] = {
    {"f2", 2, {0x3C00, 0xC000, 0x5640}, {1.0, -2.0, 100.0}},
    {"f4", 4, {0x3F800000, 0xC0000000, 0x42C80000}, {1.0, -2.0, 100.0}},
    {"f8", 8, {0x3FF0000000000000, 0xC000000000000000, 0x4059000000000000}, {1.0, -2.0, 100.0}},
    {"i1", 1, {1, 0xFE, 0x80}, {1.0, -2.0, -128.0}},
    {"i2", 2, {0x0102, 0xFFFE, 0x8000}, {258.0, -2.0, -32768.0}},
    {"i4", 4, {0x01020304, 0xFFFFFFFE, 0x80000000}, {16909060.0, -2.0, -2147483648.0}},
    {"i8", 8, {0x0102030405, 0xFFFFFFFFFFFFFFFE, 0x8000000000000000}, {4328719365.0, -2.0, -0x1p63}},
    {"u1", 1, {1, 0xFE, 0x80}, {1.0, 254.0, 128.0}},
    {"u2", 2, {0x0102, 0xFFFE, 0x8000}, {258.0, 65534.0, 32768.0}},
    {"u4", 4, {0x01020304, 0xFFFFFFFE, 0x80000000}, {16909060.0, 4294967294.0, 2147483648.0}},
    {"u8", 8, {0x0102030405, 0x8000000000000000, 7}, {4328719365.0, 0x1p63, 7.0}},
    {"b1", 1, {0, 1, 1}, {0.0, 1.0, 1.0}},
};

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static void add_bits(bytes *b, uint64_t bits, size_t size, char order)
{
    bool is_big = order == '>' || (order == '=' && !is_little_endian());
    if (is_big) {
        add_big(b, bits, size);
    } else {
        add_little(b, bits, size);
    }
}

static void npy__reads_every_type_in_every_byte_order(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_DOUBLE, DIMS(-1));
    for (size_t t = 0; t < COUNT_OF(TYPES); t++) {
        for (const char *order = TYPES[t].size == 1 ? "<>=|" : "<>="; *order; order++) {
            bytes data = new_bytes(f);
            for (size_t i = 0; i < 3; i++) {
                add_bits(&data, TYPES[t].bits[i], TYPES[t].size, *order);
            }
            char descr[8];
            snprintf(descr, sizeof descr, "%c%s", *order, TYPES[t].kind);
            bytes file = npy(f, descr, "False", "(3,)", data.data, data.size);
            const char *path = write_bytes(f, "x.npy", &file);
            assert_int_equal(read_samples(&f->samples, path, &declared, 1.0, &f->error), OA_OK);
            check_shape(f, SIZES(3));
            check_values(f, 3, TYPES[t].values);
        }
    }
}

static void npy__reads_a_file_that_numpy_wrote(void **state)
{
    fixture *f = *state;
    /* numpy.save of numpy.array([[1, 2, 3], [4, 5, 6.5]], dtype=numpy.float32) */
    bytes file = new_bytes(f);
    add(&file, "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 69);
    while (file.size < 127) {
        add_byte(&file, ' ');
    }
    add_byte(&file, '\n');
    const uint64_t bits[] = {0x3f800000, 0x40000000, 0x40400000, 0x40800000, 0x40a00000, 0x40d00000};
    for (size_t i = 0; i < 6; i++) {
        add_little(&file, bits[i], 4);
    }
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 3));
    load(f, write_bytes(f, "any name", &file), &declared);
    check_shape(f, SIZES(2, 3));
    check_values(f, NUMBERS(1, 2, 3, 4, 5, 6.5));
}

static void npy__puts_fortran_order_right(void **state)
{
    fixture *f = *state;
    bytes data = new_bytes(f);
    for (size_t k = 0; k < 4; k++) {
        for (size_t j = 0; j < 3; j++) {
            for (size_t i = 0; i < 2; i++) {
                add_big(&data, 100 * i + 10 * j + k, 2);
            }
        }
    }
    bytes file = npy(f, ">i2", "True", "(2, 3, 4)", data.data, data.size);
    const oa_value declared = declare(OA_DTYPE_INT32, DIMS(-1, 3, 4));
    load(f, write_bytes(f, "x.npy", &file), &declared);
    const int32_t *values = f->samples.data.data;
    for (size_t i = 0; i < 24; i++) {
        assert_int_equal(values[i], 100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
    }
}

static void npy__takes_all_forms_of_the_header(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_INT16, DIMS(-1, 2));
    static const char *const headers[] = {
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }\n",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2)}",
        "{\"shape\": (2, 2), \"descr\": \"<i2\", \"fortran_order\": False}   \n",
        "{'shape':(2L,2L),'fortran_order':False,'descr':'<i2',}  \n",
        "  {  'shape' : ( 2 , 2 , ) , 'fortran_order' : False , 'descr' : '<i2' }\n\n",
    };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        for (unsigned version = 1; version <= 3; version++) {
            bytes file = npy_raw(f, version, headers[i], "\1\0\2\0\3\0\4\0", 8);
            load(f, write_bytes(f, "x.npy", &file), &declared);
            check_shape(f, SIZES(2, 2));
            check_values(f, NUMBERS(1, 2, 3, 4));
        }
    }
}

static void npy__refuses_bad_headers(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_INT16, DIMS(-1, 2));
    static const struct {
        const char *header, *message;
    } cases[] = {
        {"", "not a dictionary"},
        {"{}", "not a dictionary"},
        {"{'descr': '<i2', 'shape': (2, 2)}", "not a dictionary"},
        {"{'descr': '<i2', 'fortran_order': False}", "not a dictionary"},
        {"{'descr': '<i2', 'descr': '<i2', 'fortran_order': False, 'shape': (2, 2)}", "not a dictionary"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), 'more': 1}", "not a dictionary"},
        {"{'descr': '<i2' 'fortran_order': False, 'shape': (2, 2)}", "not a dictionary"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2)} x", "not a dictionary"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2)", "not a dictionary"},
        {"'descr': '<i2', 'fortran_order': False, 'shape': (2, 2)}", "not a dictionary"},
        {"{'descr: '<i2', 'fortran_order': False, 'shape': (2, 2)}", "not a dictionary"},
        {"{'descr': '<i2', 'fortran_order': 0, 'shape': (2, 2)}", "fortran_order"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (4)}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': [2, 2]}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2 2)}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (,)}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (-2, 2)}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2.0, 2)}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999999999999999, 2)}", "no readable shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}", "more than 16"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "overflows"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (4611686018427387904, 2)}", "more elements"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (9223372036854775807, 1)}", "more elements"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (1000000000, 1000)}", "asks for"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (0, 2)}", "goes on behind"},
        {"{'descr': '<i3', 'fortran_order': False, 'shape': (2, 2)}", "'<i3'"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2)}", "'<c8'"},
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (2, 2)}", "'<U1'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}", "'|O'"},
        {"{'descr': '|i2', 'fortran_order': False, 'shape': (2, 2)}", "'|i2'"},
        {"{'descr': 'i2', 'fortran_order': False, 'shape': (2, 2)}", "'i2'"},
        {"{'descr': '*i2', 'fortran_order': False, 'shape': (2, 2)}", "'*i2'"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (2, 2)}", "'<f16'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2, 2)}", "''"},
        {"{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (2, 2)}", "records"},
        {"{'descr': '<i2\\'', 'fortran_order': False, 'shape': (2, 2)}", "records"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bytes file = npy_raw(f, 1, cases[i].header, "\1\0\2\0\3\0\4\0", 8);
        load_fails(f, write_bytes(f, "x.npy", &file), &declared, cases[i].message, "");
    }
}

static void npy__refuses_other_versions(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_INT16, DIMS(-1));
    bytes file = npy_raw(f, 4, "{'descr': '<i2', 'fortran_order': False, 'shape': (1,)}\n", "\1\0", 2);
    load_fails(f, write_bytes(f, "x.npy", &file), &declared, "version 4.0", "");
    file.data[6] = 0;
    load_fails(f, write_bytes(f, "x.npy", &file), &declared, "version 0.0", "");
    file.data[6] = 2;
    file.data[7] = 1;
    load_fails(f, write_bytes(f, "x.npy", &file), &declared, "version 2.1", "");
}

static void npy__refuses_every_truncation_and_trailing_bytes(void **state)
{
    fixture *f = *state;
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 3));
    const unsigned char zeros[24] = {0};
    bytes file = npy(f, "<f4", "False", "(2, 3)", zeros, sizeof zeros);
    for (size_t size = 0; size < file.size; size++) {
        const char *path = write_file(f, "cut.npy", file.data, size);
        load_fails(f, path, &declared, size ? "" : "is empty", "");
    }
    add_byte(&file, 0);
    load_fails(f, write_bytes(f, "long.npy", &file), &declared, "goes on behind", "");
}

static void npy__survives_flipped_bits(void **state)
{
    fixture *f = *state;
    enum { FLIPS = 3000 };
    const uint64_t seed = 20240611;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    const oa_value declared = declare(OA_DTYPE_FLOAT, DIMS(-1, 3));
    const unsigned char zeros[24] = {0};
    bytes file = npy(f, "<f4", "False", "(2, 3)", zeros, sizeof zeros);
    size_t refused = 0;
    for (size_t i = 0; i < FLIPS; i++) {
        unsigned char copy[256];
        assert_true(file.size <= sizeof copy);
        memcpy(copy, file.data, file.size);
        size_t flips = 1 + oa_random_below(&random, 3);
        for (size_t k = 0; k < flips; k++) {
            copy[oa_random_below(&random, file.size)] ^= (unsigned char)(1u << oa_random_below(&random, 8));
        }
        const char *path = write_file(f, "flipped.npy", copy, file.size);
        oa_error error = {0};
        oa_status status = read_samples(&f->samples, path, &declared, -1.0, &error);
        assert_true(status == OA_OK || status == OA_ERROR_INPUT);
        assert_true((status == OA_OK) == (error.message[0] == '\0'));
        refused += status != OA_OK;
    }
    /* Only flips in padding, data and the sign of a zero leave a readable file. */
    assert_true(refused > FLIPS / 4 && refused < FLIPS);
}

/* Any shape, type, byte order and axis order, written by loops over the index. */
static void npy__round_trips_random_arrays(void **state)
{
    fixture *f = *state;
    enum { ROUNDS = 300 };
    const uint64_t seed = 7;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t rank = 1 + oa_random_below(&random, 4);
        size_t dims[4];
        int64_t declared_dims[4];
        char shape[64] = "(";
        size_t count = 1;
        for (size_t k = 0; k < rank; k++) {
            dims[k] = 1 + oa_random_below(&random, k ? 6 : 40);
            declared_dims[k] = oa_random_below(&random, 2) ? (int64_t)dims[k] : -1;
            count *= dims[k];
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%zu,", dims[k]);
        }
        strcat(shape, ")");
        const type_case *type = &TYPES[3 + oa_random_below(&random, COUNT_OF(TYPES) - 4)];
        char order = "<>="[oa_random_below(&random, 3)];
        bool is_fortran = oa_random_below(&random, 2);
        bytes data = new_bytes(f);
        for (size_t i = 0; i < count; i++) {
            size_t linear = i; /* the row-major index of the i-th element of the file */
            if (is_fortran) {
                size_t stride = count;
                size_t rest = i;
                linear = 0;
                for (size_t k = 0; k < rank; k++) {
                    stride /= dims[k];
                    linear += rest % dims[k] * stride;
                    rest /= dims[k];
                }
            }
            add_bits(&data, linear % 113, type->size, order);
        }
        char descr[8];
        snprintf(descr, sizeof descr, "%c%s", order, type->kind);
        bytes file = npy(f, descr, is_fortran ? "True" : "False", shape, data.data, data.size);
        const oa_value declared = declare(OA_DTYPE_DOUBLE, rank, declared_dims);
        assert_int_equal(read_samples(&f->samples, write_bytes(f, "x.npy", &file), &declared, 1.0, &f->error), OA_OK);
        check_shape(f, rank, dims);
        const double *values = f->samples.data.data;
        for (size_t i = 0; i < count; i++) {
            assert_true(values[i] == (double)(i % 113));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(npy__reads_every_type_in_every_byte_order),
        FILE_TEST(npy__reads_a_file_that_numpy_wrote),
        FILE_TEST(npy__puts_fortran_order_right),
        FILE_TEST(npy__takes_all_forms_of_the_header),
        FILE_TEST(npy__refuses_bad_headers),
        FILE_TEST(npy__refuses_other_versions),
        FILE_TEST(npy__refuses_every_truncation_and_trailing_bytes),
        FILE_TEST(npy__survives_flipped_bits),
        FILE_TEST(npy__round_trips_random_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
