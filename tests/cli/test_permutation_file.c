/* Permutation files: their text, round trips, and everything that may be wrong with them. */
#include "small_layout.h"
#include "support.h"

#include "plugin/cli/axis_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char GOOD[] = "{\"format\": \"onnx-align-permutation\", \"version\": 1, \"groups\": [\n"
                           "  {\"id\": 0, \"size\": 3, \"axes\": [\"w1:0\", \"b1:0\", \"w2:1\"], "
                           "\"permutation\": [2, 0, 1]},\n"
                           "  {\"id\": 1, \"size\": 4, \"axes\": [\"w2:0\", \"w3:1\", \"w3:1\"], "
                           "\"permutation\": [3, 2, 1, 0]},\n"
                           "  {\"id\": 2, \"size\": 2, \"axes\": [\"w3:0\", \"q:0\"], \"permutation\": [1, 0]},\n"
                           "  {\"id\": 3, \"size\": 2, \"axes\": [\"w3:0\", \"q:0\"], \"permutation\": [0, 1]}\n"
                           "]}\n";

static const size_t FIRST[] = {2, 0, 1};
static const size_t SECOND[] = {3, 2, 1, 0};
static const size_t THIRD[] = {1, 0};
static const size_t FOURTH[] = {0, 1};

static void check_permutation(const oa_permutations *p, size_t group, const size_t *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p->of[group][i], expected[i]);
    }
}

static void permutation_file__has_the_documented_text(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init(&s);
    oa_permutations p = {0};
    assert_int_equal(oa_permutations_init(&p, &s.layout, NULL), OA_OK);
    memcpy(p.of[0], FIRST, sizeof FIRST);
    memcpy(p.of[1], SECOND, sizeof SECOND);
    memcpy(p.of[2], THIRD, sizeof THIRD);
    const char *path = path_of(f, "p.json");
    assert_int_equal(oa_permutation_file_save(path, &s.layout, &s.graph, NULL, &p, &f->error), OA_OK);
    assert_string_equal(read_file(f, path, NULL), GOOD);
    oa_permutations_free(&p);
}

/* Loads into fresh permutations; the caller frees them. */
static oa_status load_text(fixture *f, oa_permutations *p, const small_layout *s, const char *text, size_t size)
{
    assert_int_equal(oa_permutations_init(p, &s->layout, NULL), OA_OK);
    f->error = (oa_error){0};
    return oa_permutation_file_load(p, write_file(f, "p.json", text, size), &s->layout, &s->graph, &f->error);
}

static void loads(fixture *f, oa_permutations *p, const small_layout *s, const char *text)
{
    if (load_text(f, p, s, text, strlen(text)) != OA_OK) {
        fail_msg("%s", f->error.message);
    }
}

/* The file must be refused with a message that has the text, and the permutations stay identities. */
static void refused(fixture *f, const small_layout *s, const char *file, const char *text)
{
    oa_permutations p = {0};
    oa_status status = load_text(f, &p, s, file, strlen(file));
    if (status != OA_ERROR_INPUT) {
        fail_msg("status %d instead of '%s' for %s", (int)status, text, file);
    }
    message_has(f, "p.json");
    message_has(f, text);
    for (size_t g = 0; g < s->layout.group_count; g++) {
        assert_int_equal(oa_permutations_moved(&p, &s->layout, g), 0);
    }
    oa_permutations_free(&p);
}

/* A text with the first occurrence of a piece replaced. */
static const char *replaced(fixture *f, const char *text, const char *piece, const char *replacement)
{
    const char *at = strstr(text, piece);
    assert_non_null(at);
    bytes b = new_bytes(f);
    add(&b, text, (size_t)(at - text));
    add(&b, replacement, strlen(replacement));
    add(&b, at + strlen(piece), strlen(at + strlen(piece)) + 1);
    return (const char *)b.data;
}

static const char *with(fixture *f, const char *piece, const char *replacement)
{
    return replaced(f, GOOD, piece, replacement);
}

static void permutation_file__is_read_as_written(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init(&s);
    oa_permutations p = {0};
    loads(f, &p, &s, GOOD);
    check_permutation(&p, 0, FIRST, 3);
    check_permutation(&p, 1, SECOND, 4);
    check_permutation(&p, 2, THIRD, 2);
    check_permutation(&p, 3, FOURTH, 2);
    oa_permutations_free(&p);
}

static void permutation_file__round_trips(void **state)
{
    fixture *f = *state;
    const uint64_t seed = 3;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    small_layout s;
    small_layout_init(&s);
    s.groups[0].size = 5000;
    const char *path = path_of(f, "p.json");
    for (size_t round = 0; round < 20; round++) {
        oa_permutations p = {0};
        oa_permutations q = {0};
        assert_int_equal(oa_permutations_init(&p, &s.layout, NULL), OA_OK);
        assert_int_equal(oa_permutations_init(&q, &s.layout, NULL), OA_OK);
        oa_permutations_random(&p, &s.layout, &random);
        assert_int_equal(oa_permutation_file_save(path, &s.layout, &s.graph, NULL, &p, &f->error), OA_OK);
        assert_int_equal(oa_permutation_file_load(&q, path, &s.layout, &s.graph, &f->error), OA_OK);
        for (size_t g = 0; g < SMALL_GROUPS; g++) {
            check_permutation(&q, g, p.of[g], s.groups[g].size);
        }
        oa_permutations_free(&p);
        oa_permutations_free(&q);
    }
}

static void permutation_file__takes_any_order_and_more_keys(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init(&s);
    oa_permutations p = {0};
    loads(f, &p, &s,
          "{\"groups\": ["
          "{\"permutation\": [0, 1], \"axes\": [\"q:0\", \"w3:0\"], \"size\": 2, \"id\": 3, \"note\": [1.5, null]},"
          "{\"permutation\": [1, 0], \"axes\": [\"w3:0\", \"q:0\"], \"size\": 2, \"id\": 2},"
          "{\"permutation\": [3, 2, 1, 0], \"axes\": [\"w3:1\", \"w2:0\", \"w3:1\"], \"size\": 4, \"id\": 1},"
          "{\"permutation\": [2, 0, 1], \"axes\": [\"w2:1\", \"w1:0\", \"b1:0\"], \"size\": 3, \"id\": 0}],"
          "\"tool\": \"another\", \"version\": 1, \"format\": \"onnx-align-permutation\"}");
    check_permutation(&p, 0, FIRST, 3);
    check_permutation(&p, 1, SECOND, 4);
    check_permutation(&p, 2, THIRD, 2);
    check_permutation(&p, 3, FOURTH, 2);
    oa_permutations_free(&p);
}

/* The same model, written by another exporter: its groups are numbered otherwise. */
static void permutation_file__finds_groups_by_their_axes(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init_reordered(&s);
    oa_permutations p = {0};
    loads(f, &p, &s, GOOD);
    check_permutation(&p, 1, FIRST, 3);
    check_permutation(&p, 0, SECOND, 4);
    check_permutation(&p, 2, THIRD, 2);
    check_permutation(&p, 3, FOURTH, 2);
    oa_permutations_free(&p);
    /* Where the axes fit two groups, the id decides, and has to. */
    const char *exchanged = replaced(f, with(f, "\"id\": 2", "\"id\": 9"), "\"id\": 1", "\"id\": 2");
    refused(f, &s, replaced(f, exchanged, "\"id\": 9", "\"id\": 1"), "fits 2 groups of the model");
}

static void permutation_file__names_the_tensors_of_the_other_model(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout other;
    small_layout_init(&s);
    small_layout_init(&other);
    /* The other model has the tensors in another order and under other names, one of them no text. */
    static const char *const names[] = {"un\"quoted\\\n", "t1", "t2", "100%\xff\xc3\xa9", "t4"};
    const size_t tensor_of[] = {3, 2, 1, 0, 4};
    for (size_t t = 0; t < SMALL_TENSORS; t++) {
        other.tensors[t].name = names[t];
    }
    oa_permutations p = {0};
    oa_permutations q = {0};
    const char *path = path_of(f, "p.json");
    assert_int_equal(oa_permutations_init(&p, &s.layout, NULL), OA_OK);
    memcpy(p.of[0], FIRST, sizeof FIRST);
    assert_int_equal(oa_permutation_file_save(path, &s.layout, &other.graph, tensor_of, &p, &f->error), OA_OK);
    const char *text = read_file(f, path, NULL);
    assert_non_null(strstr(text, "\"axes\": [\"100%25%FF\xc3\xa9:0\", \"t2:0\", \"t1:1\"]"));
    assert_non_null(strstr(text, "\"axes\": [\"t1:0\", \"un\\\"quoted\\\\\\n:1\", \"un\\\"quoted\\\\\\n:1\"]"));
    /* The other model's own layout has its own tensor numbers. */
    for (size_t i = 0; i < SMALL_OCCURRENCES; i++) {
        other.occurrences[i].tensor = tensor_of[other.occurrences[i].tensor];
    }
    assert_int_equal(oa_permutations_init(&q, &other.layout, NULL), OA_OK);
    assert_int_equal(oa_permutation_file_load(&q, path, &other.layout, &other.graph, &f->error), OA_OK);
    check_permutation(&q, 0, FIRST, 3);
    /* A tensor without a counterpart cannot be named. */
    const size_t hole[] = {3, OA_NONE, 1, 0, 4};
    assert_int_equal(oa_permutation_file_save(path, &s.layout, &other.graph, hole, &p, &f->error), OA_ERROR_INTERNAL);
    oa_permutations_free(&p);
    oa_permutations_free(&q);
}

static void permutation_file__of_a_model_without_groups(void **state)
{
    fixture *f = *state;
    const oa_layout layout = {0};
    const oa_graph graph = {0};
    oa_permutations p = {0};
    const char *path = path_of(f, "p.json");
    assert_int_equal(oa_permutations_init(&p, &layout, NULL), OA_OK);
    assert_int_equal(oa_permutation_file_save(path, &layout, &graph, NULL, &p, &f->error), OA_OK);
    assert_int_equal(oa_permutation_file_load(&p, path, &layout, &graph, &f->error), OA_OK);
    small_layout s;
    small_layout_init(&s);
    /* Groups that a file leaves out stay in place. */
    oa_permutations left_out = {0};
    assert_int_equal(oa_permutations_init(&left_out, &s.layout, NULL), OA_OK);
    assert_int_equal(oa_permutation_file_load(&left_out, path, &s.layout, &s.graph, &f->error), OA_OK);
    for (size_t g = 0; g < s.layout.group_count; g++) {
        assert_int_equal(oa_permutations_moved(&left_out, &s.layout, g), 0);
    }
    oa_permutations_free(&left_out);
    oa_permutations_free(&p);
}

static void permutation_file__refuses_other_models(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init(&s);
    refused(f, &s, with(f, "\"b1:0\"", "\"bias:0\""), "reorders b1:0, w1:0, w2:1");
    refused(f, &s, with(f, "\"b1:0\"", "\"bias:0\""), "reorders bias:0, w1:0, w2:1");
    refused(f, &s, with(f, "\"b1:0\"", "\"b1:1\""), "belongs to another model");
    refused(f, &s, with(f, "\"b1:0\", ", ""), "belongs to another model");
    refused(f, &s, with(f, "[\"w2:0\", \"w3:1\", \"w3:1\"]", "[\"w2:0\", \"w3:1\"]"), "belongs to another model");
    refused(f, &s, with(f, "\"b1:0\"", "\"b1:0\", \"b2:0\""), "belongs to another model");
    refused(f, &s, with(f, "\"size\": 3", "\"size\": 4"), "has 4 units");
    s.layout.group_count = 3;
    refused(f, &s, GOOD, "has 4 groups, but the model 3");
}

static void permutation_file__refuses_what_is_malformed(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *piece, *replacement, *message;
    } cases[] = {
        {"\"onnx-align-permutation\"", "\"onnx-align-aligner\"", "\"format\""},
        {"\"onnx-align-permutation\"", "1", "\"format\""},
        {"\"format\"", "\"Format\"", "\"format\""},
        {"\"version\": 1", "\"version\": 2", "another version"},
        {"\"version\": 1", "\"version\": \"1\"", "another version"},
        {"\"version\": 1", "\"version\": 1.0", "another version"},
        {"\"version\": 1, ", "", "another version"},
        {"\"groups\"", "\"group\"", "no list \"groups\""},
        {"\"groups\": [", "\"groups\": {}, \"x\": [", "no list \"groups\""},
        {"{\"id\": 0", "0, {\"id\": 0", "has 5 groups"},
        {"\"id\": 0", "\"id\": 1", "\"id\" 1 is there twice"},
        {"[\"w2:0\", \"w3:1\", \"w3:1\"]", "[\"w1:0\", \"b1:0\", \"w2:1\"]", "has 4 units"},
        {"4, \"axes\": [\"w2:0\", \"w3:1\", \"w3:1\"]", "3, \"axes\": [\"w1:0\", \"b1:0\", \"w2:1\"]", "same group"},
        {"\"id\": 1", "\"id\": 4", "\"id\" is 4, but the model has 4 groups"},
        {"\"id\": 1", "\"id\": -1", "\"id\" is not a whole number"},
        {"\"id\": 1", "\"id\": 1.5", "\"id\" is not a whole number"},
        {"\"id\": 1", "\"id\": true", "\"id\" is not a whole number"},
        {"\"id\": 1", "\"id\": 18446744073709551616", "is not JSON"},
        {"\"id\": 1", "\"id\": 9223372036854775807", "\"id\" is 9223372036854775807"},
        {"\"id\": 1, ", "", "\"id\" is not a whole number"},
        {"\"id\": 3", "\"id\": 2", "\"id\" 2 is there twice"},
        {"\"id\": 1", "\"id\": 1, \"id\": 1", "is not JSON"},
        {"\"size\": 4, ", "", "\"size\" is not a whole number"},
        {"\"axes\": [\"w1:0\", \"b1:0\", \"w2:1\"], ", "", "\"axes\" is not a list of texts"},
        {"\"axes\": [\"w1:0\", \"b1:0\", \"w2:1\"]", "\"axes\": \"w1:0\"", "\"axes\" is not a list of texts"},
        {"\"b1:0\"", "null", "\"axes\" is not a list of texts"},
        {"\"b1:0\"", "\"b1\\u0000:0\"", "is not JSON"},
        {"\"b1:0\"", "\"b1\xff:0\"", "is not JSON"},
        {", \"permutation\": [2, 0, 1]", "", "\"permutation\" is not a list of 3 numbers"},
        {"[2, 0, 1]", "[2, 0]", "\"permutation\" is not a list of 3 numbers"},
        {"[2, 0, 1]", "[2, 0, 1, 1]", "\"permutation\" is not a list of 3 numbers"},
        {"[2, 0, 1]", "{\"2\": 1}", "\"permutation\" is not a list of 3 numbers"},
        {"[2, 0, 1]", "[2, 0, 3]", "entry 2 of \"permutation\""},
        {"[2, 0, 1]", "[2, -1, 1]", "entry 1 of \"permutation\""},
        {"[2, 0, 1]", "[2, 0, 1.0]", "entry 2 of \"permutation\""},
        {"[2, 0, 1]", "[2, 0, \"1\"]", "entry 2 of \"permutation\""},
        {"[2, 0, 1]", "[2, 0, 1e99]", "entry 2 of \"permutation\""},
        {"[2, 0, 1]", "[2, 0, 9223372036854775807]", "entry 2 of \"permutation\""},
        {"[2, 0, 1]", "[2, 0, 99999999999999999999]", "is not JSON"},
        {"[2, 0, 1]", "[2, 0, 0]", "has 0 twice"},
        {"]}\n", "]} x", "is not JSON"},
        {"]}\n", "]", "is not JSON"},
        {"\"format\"", "\"groups\": [], \"format\"", "is not JSON"},
    };
    small_layout s;
    small_layout_init(&s);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        refused(f, &s, with(f, cases[i].piece, cases[i].replacement), cases[i].message);
    }
    refused(f, &s, "", "is not JSON");
    refused(f, &s, "[]", "\"format\"");
    refused(f, &s, "null", "is not JSON");
    refused(f, &s, "\"onnx-align-permutation\"", "is not JSON");
    /* Groups that are no objects. */
    refused(f, &s, "{\"format\": \"onnx-align-permutation\", \"version\": 1, \"groups\": [1, 2, 3, 4]}",
            "entry 0 of \"groups\": is not an object");
    oa_permutations p = {0};
    assert_int_equal(oa_permutations_init(&p, &s.layout, NULL), OA_OK);
    assert_int_equal(oa_permutation_file_load(&p, path_of(f, "absent"), &s.layout, &s.graph, &f->error),
                     OA_ERROR_INPUT);
    message_has(f, "absent: cannot be read: No such file");
    oa_permutations_free(&p);
}

static void permutation_file__refuses_deep_nesting(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init(&s);
    bytes b = new_bytes(f);
    for (size_t i = 0; i < 1000000; i++) {
        add_byte(&b, '[');
    }
    add_byte(&b, 0);
    refused(f, &s, (const char *)b.data, "is not JSON");
}

static void permutation_file__refuses_every_truncation(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init(&s);
    for (size_t size = 0; size + 1 < strlen(GOOD); size++) { /* the last byte is only the end of the line */
        oa_permutations p = {0};
        assert_int_equal(load_text(f, &p, &s, GOOD, size), OA_ERROR_INPUT);
        oa_permutations_free(&p);
    }
}

/* Whatever is flipped or exchanged, what loads is a permutation for every group. */
static void permutation_file__survives_changed_bytes(void **state)
{
    fixture *f = *state;
    enum { CHANGES = 4000 };
    const uint64_t seed = 5;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    small_layout s;
    small_layout_init(&s);
    size_t good = 0;
    for (size_t i = 0; i < CHANGES; i++) {
        char text[sizeof GOOD];
        memcpy(text, GOOD, sizeof GOOD);
        size_t at = oa_random_below(&random, sizeof GOOD - 1);
        size_t other = at / 2 + oa_random_below(&random, (sizeof GOOD - 1) / 2);
        if (i % 2) {
            text[at] ^= (char)(1u << oa_random_below(&random, 7));
        } else {
            text[at] = GOOD[other];
            text[other] = GOOD[at];
        }
        oa_permutations p = {0};
        oa_status status = load_text(f, &p, &s, text, sizeof GOOD - 1);
        assert_true(status == OA_OK || status == OA_ERROR_INPUT);
        good += status == OA_OK;
        for (size_t g = 0; g < SMALL_GROUPS; g++) {
            size_t seen = 0;
            for (size_t k = 0; k < s.groups[g].size; k++) {
                assert_true(p.of[g][k] < s.groups[g].size);
                seen |= (size_t)1 << p.of[g][k];
            }
            assert_int_equal(seen, ((size_t)1 << s.groups[g].size) - 1);
        }
        oa_permutations_free(&p);
    }
    assert_true(good > 0 && good < CHANGES / 4);
}

static void permutation_file__cannot_be_saved_nowhere(void **state)
{
    fixture *f = *state;
    small_layout s;
    small_layout_init(&s);
    oa_permutations p = {0};
    assert_int_equal(oa_permutations_init(&p, &s.layout, NULL), OA_OK);
    assert_int_equal(oa_permutation_file_save(path_of(f, "no/p"), &s.layout, &s.graph, NULL, &p, &f->error),
                     OA_ERROR_OUTPUT);
    message_has(f, "no/p: cannot be written");
    oa_permutations_free(&p);
}

/* Well-formed and ill-formed sequences by Unicode's own table. */
static void axis_names__are_utf8_whatever_the_tensor_is_called(void **state)
{
    (void)state;
    static const struct {
        const char *name, *expected;
    } cases[] = {
        {"", ":0"},
        {"w", "w:0"},
        {"100%", "100%25:0"},
        {"\x7f", "\x7f:0"},
        {"\xc2\x80\xdf\xbf", "\xc2\x80\xdf\xbf:0"},
        {"\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xef\xbf\xbf", "\xe0\xa0\x80\xe1\x80\x80\xed\x9f\xbf\xef\xbf\xbf:0"},
        {"\xf0\x90\x80\x80\xf3\x80\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf3\x80\x80\x80\xf4\x8f\xbf\xbf:0"},
        {"\x80", "%80:0"},
        {"\xc1\xbf", "%C1%BF:0"},               /* overlong */
        {"\xe0\x9f\xbf", "%E0%9F%BF:0"},        /* overlong */
        {"\xed\xa0\x80", "%ED%A0%80:0"},        /* a surrogate */
        {"\xf0\x8f\xbf\xbf", "%F0%8F%BF%BF:0"}, /* overlong */
        {"\xf4\x90\x80\x80", "%F4%90%80%80:0"}, /* above the last character */
        {"\xf5\xff", "%F5%FF:0"},
        {"\xc3", "%C3:0"}, /* cut off */
        {"\xe1\x80", "%E1%80:0"},
        {"\xf1\x80\x80z", "%F1%80%80z:0"},
    };
    small_layout s;
    small_layout_init(&s);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        oa_arena arena = {0};
        oa_axis_names names;
        s.tensors[0].name = cases[i].name;
        assert_int_equal(oa_axis_names_of(&names, &arena, &s.layout, &s.graph, NULL, 0, NULL), OA_OK);
        assert_string_equal(names.texts[0], cases[i].expected);
        oa_arena_free(&arena);
    }
}

static void axis_list__is_cut_when_long(void **state)
{
    (void)state;
    const char *many[100];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        many[i] = "weight:0";
    }
    char text[OA_AXIS_LIST_SIZE + 1];
    memset(text, 'z', sizeof text);
    oa_axis_names_list(text, &(oa_axis_names){.texts = many, .count = COUNT_OF(many)});
    assert_int_equal(text[OA_AXIS_LIST_SIZE], 'z');
    assert_non_null(strstr(text, "weight:0, weight:0"));
    assert_string_equal(text + strlen(text) - 5, ", ...");
    assert_string_equal(oa_axis_names_list(text, &(oa_axis_names){0}), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(permutation_file__has_the_documented_text),
        FILE_TEST(permutation_file__is_read_as_written),
        FILE_TEST(permutation_file__round_trips),
        FILE_TEST(permutation_file__takes_any_order_and_more_keys),
        FILE_TEST(permutation_file__finds_groups_by_their_axes),
        FILE_TEST(permutation_file__names_the_tensors_of_the_other_model),
        FILE_TEST(permutation_file__of_a_model_without_groups),
        FILE_TEST(permutation_file__refuses_other_models),
        FILE_TEST(permutation_file__refuses_what_is_malformed),
        FILE_TEST(permutation_file__refuses_deep_nesting),
        FILE_TEST(permutation_file__refuses_every_truncation),
        FILE_TEST(permutation_file__survives_changed_bytes),
        FILE_TEST(permutation_file__cannot_be_saved_nowhere),
        cmocka_unit_test(axis_names__are_utf8_whatever_the_tensor_is_called),
        FILE_TEST(axis_list__is_cut_when_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
