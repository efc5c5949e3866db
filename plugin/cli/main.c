/* onnx-align: the command line. */
#include "core/linalg/blas.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/report.h"

#include <signal.h>
#include <stdio.h>

static oa_status run(const oa_options *options, oa_error *error)
{
    static oa_status (*const commands[])(const oa_options *, oa_error *) = {
        [OA_COMMAND_ALIGN] = oa_command_align,     [OA_COMMAND_INSPECT] = oa_command_inspect,
        [OA_COMMAND_PERMUTE] = oa_command_permute, [OA_COMMAND_VERIFY] = oa_command_verify,
        [OA_COMMAND_CURVE] = oa_command_curve,     [OA_COMMAND_TRAIN] = oa_command_train,
    };
    if (options->wants_help) {
        fputs(oa_options_help(), stdout);
        return oa_finish_output(error);
    }
    if (options->wants_version) {
        printf("onnx-align %s\n", OA_VERSION);
        return oa_finish_output(error);
    }
    oa_blas_set_threads(options->threads);
    return commands[options->command](options, error);
}

int main(int argc, char **argv)
{
    oa_options options = {0};
    oa_error error = {0};
    oa_blas_fit_processor();
    signal(SIGXFSZ, SIG_IGN); /* a write past the size limit then fails with a message instead of ending the process */
    oa_status status = oa_options_read(&options, argc, argv, &error);
    if (status == OA_OK) {
        status = run(&options, &error);
    }
    if (status != OA_OK) {
        fprintf(stderr, "onnx-align: %s\n", error.message[0] ? error.message : oa_status_text(status));
    }
    oa_options_free(&options);
    return oa_status_exit(status);
}
