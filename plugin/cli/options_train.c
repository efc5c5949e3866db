/* The options of `train`. */
#include "plugin/cli/options_private.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

oa_status oa_option_encoder(oa_option_parse *p, const char *name, const char *value)
{
    oa_train_options *train = &p->options->train;
    bool is_dws = strcmp(value, "dws") == 0;
    if (!is_dws && strcmp(value, "messages") != 0) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s is 'messages' or 'dws', not '%s'", name, value);
    }
    train->encoder = is_dws ? OA_ENCODER_DWS : OA_ENCODER_MESSAGES;
    train->has_encoder = true;
    return OA_OK;
}

/* The whole numbers that `train` takes. */
oa_status oa_option_train_count(oa_option_parse *p, const char *name, const char *value)
{
    static const struct {
        const char *name;
        size_t field;
        uint64_t least, most;
    } counts[] = {{"--steps", offsetof(oa_options, train.steps), 1, 100000000},
                  {"--batch", offsetof(oa_options, train.batch), 1, 4096},
                  {"--channels", offsetof(oa_options, train.channels), 1, 4096},
                  {"--rounds", offsetof(oa_options, train.rounds), 1, 64},
                  {"--refinements", offsetof(oa_options, train.refinements), 0, 64},
                  {"--patience", offsetof(oa_options, train.patience), 0, 1000000}};
    size_t i = 0;
    while (strcmp(counts[i].name, name) != 0) {
        i++;
    }
    uint64_t number = 0;
    oa_status status = oa_option_count(&number, p, name, value, counts[i].least, counts[i].most);
    if (status == OA_OK) {
        *(size_t *)(void *)((char *)p->options + counts[i].field) = (size_t)number;
    }
    return status;
}

/* Three numbers, not all zero. */
oa_status oa_option_factors(oa_option_parse *p, const char *name, const char *value)
{
    oa_train_options *train = &p->options->train;
    const char *at = value;
    double sum = 0.0;
    for (size_t i = 0; i < 3; i++) {
        char *end = NULL;
        double number = strtod(at, &end);
        if (end == at || *end != (i < 2 ? ',' : '\0') || !(number >= 0.0 && number <= 1e6)) {
            return oa_fail(p->error, OA_ERROR_USAGE,
                           "%s takes three numbers from 0 to 1e6 with commas between, not '%s'", name, value);
        }
        train->factors[i] = number;
        sum += number;
        at = end + 1;
    }
    if (!(sum > 0.0)) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s '%s' leaves nothing to learn from", name, value);
    }
    train->has_factors = true;
    return OA_OK;
}

oa_status oa_option_rate(oa_option_parse *p, const char *name, const char *value)
{
    return oa_option_real(&p->options->train.rate, p, name, value, 1e-12, 10.0);
}

oa_status oa_option_validation(oa_option_parse *p, const char *name, const char *value)
{
    return oa_option_real(&p->options->train.held_out, p, name, value, 0.0, 0.9);
}

oa_status oa_option_checkpoint_every(oa_option_parse *p, const char *name, const char *value)
{
    return oa_option_real(&p->options->train.checkpoint_seconds, p, name, value, 0.0, 1e9);
}

oa_status oa_options_check_train(const oa_option_parse *p)
{
    const oa_options *options = p->options;
    const oa_train_options *train = &options->train;
    if (!options->model_count == !train->families) {
        return oa_fail(p->error, OA_ERROR_USAGE,
                       "train needs either models (files or folders of .onnx) or --families FILE; see --help");
    }
    if (!options->output) {
        return oa_fail(p->error, OA_ERROR_USAGE, "where should the aligner go? Give -o ALIGNER.onnx");
    }
    if (train->families && (options->data || options->labels)) {
        return oa_fail(p->error, OA_ERROR_USAGE, "with --families, data and labels are named in its file");
    }
    if (options->data_count > 1) {
        return oa_fail(p->error, OA_ERROR_USAGE, "train feeds models with one input: give --data once");
    }
    if (options->labels && !options->data) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--labels needs the samples they belong to: give --data, too");
    }
    if (options->aligner && (train->channels || train->rounds || train->refinements != OA_NONE || train->has_encoder)) {
        return oa_fail(p->error, OA_ERROR_USAGE,
                       "--aligner brings its own --encoder, --channels, --rounds and --refinements; leave them out");
    }
    return OA_OK;
}
