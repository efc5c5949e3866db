#include "core/exec/broadcast.h"

oa_status oa_broadcast_shape(size_t *dims, size_t *rank, const oa_array *const *arrays, size_t count, oa_error *error)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = arrays[i]->rank > most ? arrays[i]->rank : most;
    }
    for (size_t d = 0; d < most; d++) {
        size_t size = 1;
        for (size_t i = 0; i < count; i++) {
            const oa_array *array = arrays[i];
            size_t missing = most - array->rank;
            size_t own = d < missing ? 1 : array->dims[d - missing];
            if (own != 1 && size != 1 && own != size) {
                char first[OA_SHAPE_TEXT_SIZE], second[OA_SHAPE_TEXT_SIZE];
                return oa_fail(error, OA_ERROR_INPUT, "shapes %s and %s cannot be broadcast together",
                               oa_shape_text(first, arrays[0]->dims, arrays[0]->rank),
                               oa_shape_text(second, array->dims, array->rank));
            }
            size = own != 1 ? own : size;
        }
        dims[d] = size;
    }
    *rank = most;
    return OA_OK;
}

/* Can axis `outer` of the walk and the axis with these steps and size, just inside of it, be walked as one? */
static bool joins(const oa_broadcast *walk, const size_t *steps, size_t size)
{
    if (walk->rank == 0) {
        return false;
    }
    for (size_t i = 0; i < walk->operand_count; i++) {
        if (walk->steps[i][walk->rank - 1] != steps[i] * size) {
            return false;
        }
    }
    return true;
}

void oa_broadcast_start(oa_broadcast *walk, const size_t *dims, size_t rank, const oa_array *const *arrays,
                        size_t count)
{
    *walk = (oa_broadcast){.operand_count = count};
    size_t packed[OA_BROADCAST_OPERANDS]; /* elements inside one step of the axis */
    for (size_t i = 0; i < count; i++) {
        packed[i] = arrays[i]->count;
    }
    for (size_t d = 0; d < rank; d++) {
        size_t steps[OA_BROADCAST_OPERANDS];
        for (size_t i = 0; i < count; i++) {
            size_t missing = rank - arrays[i]->rank;
            size_t own = d < missing ? 1 : arrays[i]->dims[d - missing];
            packed[i] /= own;
            steps[i] = own == 1 ? 0 : packed[i];
        }
        if (dims[d] == 1) {
            continue;
        }
        size_t at = walk->rank;
        if (joins(walk, steps, dims[d])) {
            at--;
            walk->dims[at] *= dims[d];
        } else {
            walk->dims[at] = dims[d];
            walk->rank++;
        }
        for (size_t i = 0; i < count; i++) {
            walk->steps[i][at] = steps[i];
        }
    }
    if (walk->rank == 0) {
        walk->rank = 1;
        walk->dims[0] = 1;
    }
    walk->run = walk->dims[walk->rank - 1];
    for (size_t i = 0; i < count; i++) {
        walk->run_step[i] = walk->steps[i][walk->rank - 1];
    }
}

bool oa_broadcast_next(oa_broadcast *walk)
{
    for (size_t d = walk->rank - 1; d-- > 0;) {
        walk->index[d]++;
        for (size_t i = 0; i < walk->operand_count; i++) {
            walk->offsets[i] += walk->steps[i][d];
        }
        if (walk->index[d] < walk->dims[d]) {
            return true;
        }
        for (size_t i = 0; i < walk->operand_count; i++) {
            walk->offsets[i] -= walk->steps[i][d] * walk->dims[d];
        }
        walk->index[d] = 0;
    }
    return false;
}

void oa_broadcast_seek(oa_broadcast *walk, size_t index)
{
    for (size_t i = 0; i < walk->operand_count; i++) {
        walk->offsets[i] = 0;
    }
    for (size_t d = walk->rank - 1; d-- > 0; index /= walk->dims[d]) {
        walk->index[d] = index % walk->dims[d];
        for (size_t i = 0; i < walk->operand_count; i++) {
            walk->offsets[i] += walk->index[d] * walk->steps[i][d];
        }
    }
}
