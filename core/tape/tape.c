#include "core/tape/tape_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 22, ALIGNMENT = 64 };

typedef struct block {
    unsigned char *memory; /* as allocated */
    size_t first;          /* offset of the first aligned byte */
    size_t size;           /* usable bytes from there */
    size_t used;
} block;

typedef struct workspace {
    oa_sinkhorn *sinkhorn;
    size_t n;
    size_t iterations;
    bool is_used; /* since reset */
} workspace;

struct oa_tape {
    workspace *workspaces;
    size_t workspace_count, workspace_capacity;
    oa_tape_entry *entries;
    size_t count, capacity;
    block *blocks;
    size_t block_count, block_capacity;
    size_t current; /* the block that is being filled */
    bool records;
    oa_error error;
    oa_status status;
};

oa_status oa_tape_create(oa_tape **result, oa_error *error)
{
    oa_tape *tape = oa_calloc(1, sizeof *tape);
    if (!tape) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a tape");
    }
    tape->records = true;
    *result = tape;
    return OA_OK;
}

void oa_tape_destroy(oa_tape *tape)
{
    if (tape) {
        for (size_t i = 0; i < tape->block_count; i++) {
            oa_free(tape->blocks[i].memory);
        }
        for (size_t i = 0; i < tape->workspace_count; i++) {
            oa_sinkhorn_destroy(tape->workspaces[i].sinkhorn);
        }
        oa_free(tape->workspaces);
        oa_free(tape->blocks);
        oa_free(tape->entries);
        oa_free(tape);
    }
}

void oa_tape_reset(oa_tape *tape)
{
    for (size_t i = 0; i < tape->block_count; i++) {
        tape->blocks[i].used = 0;
    }
    for (size_t i = 0; i < tape->workspace_count; i++) {
        tape->workspaces[i].is_used = false;
    }
    tape->current = 0;
    tape->count = 0;
    tape->status = OA_OK;
    tape->records = true;
}

oa_status oa_tape_status(const oa_tape *tape, oa_error *error)
{
    if (tape->status != OA_OK && error) {
        *error = tape->error;
    }
    return tape->status;
}

void oa_tape_fail(oa_tape *tape, const oa_error *error)
{
    if (tape->status == OA_OK) {
        tape->error = *error;
        tape->status = error->status;
    }
}

void oa_tape_record(oa_tape *tape, bool records)
{
    tape->records = records;
}

bool oa_tape_is_recording(const oa_tape *tape)
{
    return tape->records;
}

oa_tape_mark oa_tape_here(const oa_tape *tape)
{
    bool is_in_block = tape->current < tape->block_count;
    return (oa_tape_mark){
        .entries = tape->count, .block = tape->current, .used = is_in_block ? tape->blocks[tape->current].used : 0};
}

void oa_tape_back_to(oa_tape *tape, const oa_tape_mark *mark)
{
    if (tape->records) {
        return;
    }
    for (size_t i = mark->block; i < tape->block_count; i++) {
        tape->blocks[i].used = i == mark->block ? mark->used : 0;
    }
    tape->current = mark->block;
    tape->count = mark->entries;
}

oa_var oa_tape_keep(oa_tape *tape, float *room, const oa_tape_mark *mark, oa_var made)
{
    const float *data = oa_tape_data(tape, made);
    size_t rows = oa_tape_rows(tape, made), columns = oa_tape_columns(tape, made);
    if (tape->records || tape->error.status != OA_OK || !room || !data) {
        return made;
    }
    memcpy(room, data, rows * columns * sizeof *data);
    oa_tape_back_to(tape, mark);
    return oa_tape_constant(tape, room, rows, columns);
}

static void fail(oa_tape *tape, oa_status status, const char *message)
{
    oa_error error = {.status = OA_OK};
    (void)oa_fail(&error, status, "%s", message);
    oa_tape_fail(tape, &error);
}

oa_var oa_tape_misfit(oa_tape *tape, const char *operation)
{
    oa_error error = {.status = OA_OK};
    (void)oa_fail(&error, OA_ERROR_INTERNAL, "matrices that do not fit in operation %s of a tape", operation);
    oa_tape_fail(tape, &error);
    return 0;
}

/* ---- Memory ---- */

static bool add_block(oa_tape *tape, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (!oa_grow(&tape->blocks, &tape->block_capacity, tape->block_count + 1, sizeof *tape->blocks)) {
        return false;
    }
    block added = {.size = size};
    added.memory = size > SIZE_MAX - ALIGNMENT ? NULL : oa_malloc(size + ALIGNMENT, 1);
    if (!added.memory) {
        return false;
    }
    added.first = (ALIGNMENT - (uintptr_t)added.memory % ALIGNMENT) % ALIGNMENT;
    tape->blocks[tape->block_count++] = added;
    return true;
}

/* Bytes of the arena, aligned, not initialised; NULL with a sticky failure. */
static void *take(oa_tape *tape, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGNMENT) {
        fail(tape, OA_ERROR_MEMORY, "a matrix of a tape is too large");
        return NULL;
    }
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    /* A block that is too full for this request stays behind: requests repeat in the same order after a reset. */
    while (tape->current < tape->block_count &&
           tape->blocks[tape->current].size - tape->blocks[tape->current].used < bytes) {
        tape->current++;
    }
    if (tape->current == tape->block_count && !add_block(tape, bytes)) {
        fail(tape, OA_ERROR_MEMORY, "out of memory for the matrices of a tape");
        return NULL;
    }
    block *b = &tape->blocks[tape->current];
    void *memory = b->memory + b->first + b->used;
    b->used += bytes;
    return memory;
}

static float *take_floats(oa_tape *tape, size_t rows, size_t columns)
{
    size_t count, bytes;
    if (oa_mul_overflows(&count, rows, columns) || oa_mul_overflows(&bytes, count, sizeof(float))) {
        fail(tape, OA_ERROR_MEMORY, "a matrix of a tape is too large");
        return NULL;
    }
    return take(tape, bytes);
}

float *oa_tape_buffer(oa_tape *tape, size_t count)
{
    return tape->status == OA_OK ? take_floats(tape, count, 1) : NULL;
}

void *oa_tape_state(oa_tape *tape, size_t bytes)
{
    void *memory = tape->status == OA_OK ? take(tape, bytes) : NULL;
    if (memory) {
        memset(memory, 0, bytes);
    }
    return memory;
}

oa_sinkhorn *oa_tape_sinkhorn(oa_tape *tape, size_t n, size_t iterations)
{
    if (tape->status != OA_OK) {
        return NULL;
    }
    for (size_t i = 0; i < tape->workspace_count; i++) {
        workspace *w = &tape->workspaces[i];
        if (!w->is_used && w->n == n && w->iterations == iterations) {
            w->is_used = tape->records;
            return w->sinkhorn;
        }
    }
    workspace made = {.n = n, .iterations = iterations, .is_used = tape->records};
    oa_error error = {.status = OA_OK};
    if (!oa_grow(&tape->workspaces, &tape->workspace_capacity, tape->workspace_count + 1, sizeof made)) {
        fail(tape, OA_ERROR_MEMORY, "out of memory for the operations of a tape");
        return NULL;
    }
    if (oa_sinkhorn_create(&made.sinkhorn, n, iterations, &error) != OA_OK) {
        oa_tape_fail(tape, &error);
        return NULL;
    }
    tape->workspaces[tape->workspace_count++] = made;
    return made.sinkhorn;
}

/* ---- Entries ---- */

static oa_tape_entry *append(oa_tape *tape, size_t rows, size_t columns)
{
    if (tape->status != OA_OK) {
        return NULL;
    }
    if (!oa_grow(&tape->entries, &tape->capacity, tape->count + 1, sizeof *tape->entries)) {
        fail(tape, OA_ERROR_MEMORY, "out of memory for the operations of a tape");
        return NULL;
    }
    oa_tape_entry *entry = &tape->entries[tape->count];
    *entry = (oa_tape_entry){.rows = rows, .columns = columns};
    return entry;
}

/* An entry whose data are [rows, columns] at `data`, or its own memory when that is NULL. */
static oa_tape_entry *make(oa_tape *tape, float *data, size_t rows, size_t columns, const oa_var *inputs,
                           size_t input_count, oa_tape_backward_fn backward)
{
    oa_tape_entry *entry = append(tape, rows, columns);
    if (!entry) {
        return NULL;
    }
    entry->data = data ? data : take_floats(tape, rows, columns);
    entry->inputs = entry->data ? take(tape, input_count * sizeof *inputs) : NULL;
    if (!entry->inputs) {
        return NULL;
    }
    entry->input_count = input_count;
    for (size_t i = 0; i < input_count; i++) {
        if (inputs[i] >= tape->count) {
            (void)oa_tape_misfit(tape, "with an input of another tape");
            return NULL;
        }
        entry->inputs[i] = inputs[i];
        entry->needs_gradient = entry->needs_gradient || tape->entries[inputs[i]].needs_gradient;
    }
    entry->needs_gradient = entry->needs_gradient && tape->records;
    entry->backward = backward;
    tape->count++;
    return entry;
}

oa_tape_entry *oa_tape_make(oa_tape *tape, size_t rows, size_t columns, const oa_var *inputs, size_t input_count,
                            oa_tape_backward_fn backward)
{
    return make(tape, NULL, rows, columns, inputs, input_count, backward);
}

oa_tape_entry *oa_tape_view(oa_tape *tape, oa_var of, size_t first, size_t rows, size_t columns,
                            oa_tape_backward_fn backward)
{
    float *data = oa_tape_entry_at(tape, of)->data;
    return make(tape, data ? data + first : NULL, rows, columns, &of, 1, backward);
}

oa_var oa_tape_last(const oa_tape *tape)
{
    return tape->count - 1;
}

const oa_tape_entry *oa_tape_entry_at(const oa_tape *tape, oa_var var)
{
    static const oa_tape_entry none = {0};
    return tape->status == OA_OK && var < tape->count ? &tape->entries[var] : &none;
}

static oa_var add_leaf(oa_tape *tape, const float *data, float *gradient, size_t rows, size_t columns)
{
    oa_tape_entry *entry = append(tape, rows, columns);
    if (!entry) {
        return 0;
    }
    memcpy(&entry->data, &data, sizeof data); /* leaves are not written to */
    entry->gradient = gradient;
    entry->needs_gradient = gradient != NULL;
    return tape->count++;
}

oa_var oa_tape_constant(oa_tape *tape, const float *data, size_t rows, size_t columns)
{
    return add_leaf(tape, data, NULL, rows, columns);
}

oa_var oa_tape_parameter(oa_tape *tape, const float *data, float *gradient, size_t rows, size_t columns)
{
    return add_leaf(tape, data, gradient, rows, columns);
}

size_t oa_tape_rows(const oa_tape *tape, oa_var var)
{
    return oa_tape_entry_at(tape, var)->rows;
}

size_t oa_tape_columns(const oa_tape *tape, oa_var var)
{
    return oa_tape_entry_at(tape, var)->columns;
}

const float *oa_tape_data(const oa_tape *tape, oa_var var)
{
    return oa_tape_entry_at(tape, var)->data;
}

const float *oa_tape_gradient(const oa_tape *tape, oa_var var)
{
    return oa_tape_entry_at(tape, var)->gradient;
}

/* ---- Backward ---- */

float *oa_tape_input_gradient(float *beta, oa_tape *tape, const oa_tape_entry *entry, size_t slot)
{
    oa_tape_entry *input = &tape->entries[entry->inputs[slot]];
    if (!input->needs_gradient || tape->status != OA_OK) {
        return NULL;
    }
    *beta = input->gradient ? 1.0f : 0.0f;
    if (!input->gradient) {
        input->gradient = take_floats(tape, input->rows, input->columns);
    }
    return input->gradient;
}

float *oa_tape_add_gradient(oa_tape *tape, const oa_tape_entry *entry, size_t slot)
{
    float beta = 1.0f;
    float *gradient = oa_tape_input_gradient(&beta, tape, entry, slot);
    const oa_tape_entry *input = &tape->entries[entry->inputs[slot]];
    if (gradient && beta == 0.0f) {
        memset(gradient, 0, input->rows * input->columns * sizeof *gradient);
    }
    return gradient;
}

void oa_tape_pass_on(oa_tape *tape, const oa_tape_entry *entry, size_t slot, const float *gradient, size_t count)
{
    float beta = 0.0f;
    float *to = oa_tape_input_gradient(&beta, tape, entry, slot);
    if (to && beta == 0.0f) {
        memcpy(to, gradient, count * sizeof *to);
    } else if (to) {
        oa_add_to(to, gradient, count);
    }
}

oa_status oa_tape_backward(oa_tape *tape, oa_var loss, float seed, oa_error *error)
{
    oa_status status = oa_tape_status(tape, error);
    if (status != OA_OK) {
        return status;
    }
    if (loss >= tape->count || tape->entries[loss].rows != 1 || tape->entries[loss].columns != 1) {
        return oa_fail(error, OA_ERROR_INTERNAL, "a backward pass starts from a single number");
    }
    if (!tape->entries[loss].needs_gradient) {
        return OA_OK;
    }
    if (!tape->entries[loss].gradient) {
        tape->entries[loss].gradient = take_floats(tape, 1, 1);
        if (!tape->entries[loss].gradient) {
            return oa_tape_status(tape, error);
        }
        tape->entries[loss].gradient[0] = 0.0f;
    }
    tape->entries[loss].gradient[0] += seed;
    for (size_t i = loss + 1; i-- > 0 && status == OA_OK;) {
        const oa_tape_entry *entry = &tape->entries[i];
        if (entry->backward && entry->needs_gradient && entry->gradient) {
            status = entry->backward(tape, entry, error);
            if (status == OA_OK && tape->status != OA_OK) {
                status = oa_tape_status(tape, error);
            }
        }
    }
    return status;
}
