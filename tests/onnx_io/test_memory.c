/* How much memory loading two models and saving a third takes: at most 3.5 times the weights of one, and 50 MB. Alone
 * in its program, because the system only reports the peak of a whole process. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

enum { TENSORS = 10, COUNT = 3 << 20 }; /* 120 MiB of float32 */

static size_t peak_bytes(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (size_t)usage.ru_maxrss * 1024;
}

/* Writes field `number` with its length. */
static void write_prefix(FILE *file, unsigned number, size_t length)
{
    fputc((int)(number << 3 | 2), file);
    while (length > 0x7f) {
        fputc((int)(length & 0x7f) | 0x80, file);
        length >>= 7;
    }
    fputc((int)length, file);
}

/* A model with TENSORS raw initializers, written piece by piece so that writing it takes no memory. */
static char *write_large_model(fixture *f, const char *name)
{
    static float chunk[4096];
    const int64_t dims[] = {COUNT};
    size_t size = COUNT * sizeof(float);
    for (size_t i = 0; i < 4096; i++) {
        chunk[i] = (float)i;
    }
    size_t small_size;
    f->message->graph = NULL;
    unsigned char *small = pack_message(f, &f->message->base, &small_size);
    f->message->graph = f->graph;
    size_t graph_size;
    unsigned char *graph = pack_message(f, &f->graph->base, &graph_size);
    unsigned char *headers[TENSORS];
    size_t header_sizes[TENSORS];
    size_t total = graph_size;
    for (size_t t = 0; t < TENSORS; t++) {
        char label[16];
        snprintf(label, sizeof label, "w%zu", t);
        headers[t] = pack_message(f, &new_tensor(f, label, OA_DTYPE_FLOAT, 1, dims)->base, &header_sizes[t]);
        total += header_sizes[t] + 5 + size + 5; /* both lengths take four bytes */
    }
    char *path = path_of(f, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(small, 1, small_size, file);
    write_prefix(file, 7, total);
    fwrite(graph, 1, graph_size, file);
    for (size_t t = 0; t < TENSORS; t++) {
        write_prefix(file, 5, header_sizes[t] + 5 + size);
        fwrite(headers[t], 1, header_sizes[t], file);
        write_prefix(file, 9, size);
        for (size_t i = 0; i < COUNT; i += 4096) {
            fwrite(chunk, sizeof *chunk, 4096, file);
        }
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

static void peak__of_loading_two_models_and_saving_one(void **state)
{
    fixture *f = *state;
    if (IS_SANITIZED) {
        skip();
    }
    add_sum(f);
    char *a = write_large_model(f, "a.onnx");
    char *b = write_large_model(f, "b.onnx");
    size_t start = peak_bytes();
    load(f, a);
    oa_model *other = NULL;
    assert_int_equal(oa_model_load(&other, b, &f->error), OA_OK);
    size_t weights = oa_model_payload_bytes(f->model);
    size_t loaded = peak_bytes() - start;

    /* A merge: every tensor is replaced. */
    oa_payloads payloads = {0};
    assert_int_equal(oa_payloads_init(&payloads, oa_model_graph(f->model), NULL), OA_OK);
    for (size_t t = 0; t < payloads.count; t++) {
        const oa_tensor *tensor = &oa_model_graph(f->model)->tensors[t];
        payloads.data[t] = oa_malloc(tensor->count, sizeof(float));
        assert_non_null(payloads.data[t]);
        memcpy(payloads.data[t], tensor->data, tensor->count * sizeof(float));
    }
    assert_int_equal(oa_model_save(path_of(f, "o.onnx"), f->model, &payloads, &f->error), OA_OK);
    oa_payloads_free(&payloads);
    oa_model_destroy(other);
    size_t peak = peak_bytes() - start;
    printf("weights %zu MiB, peak after loading %zu MiB, after saving %zu MiB\n", weights >> 20, loaded >> 20,
           peak >> 20);
    assert_true(weights >= (size_t)TENSORS * COUNT * 4);
    assert_true(2 * peak < 7 * weights + 2 * 50000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(peak__of_loading_two_models_and_saving_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
