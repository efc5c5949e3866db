#include "core/exec/loss.h"

size_t oa_loss_classes(const oa_array *output, size_t labels)
{
    size_t last = output->rank;
    while (last > 2 && output->dims[last - 1] == 1) {
        last--;
    }
    size_t classes = last >= 2 ? output->dims[last - 1] : 0;
    return classes && output->count % classes == 0 && output->count / classes == labels ? classes : 0;
}
