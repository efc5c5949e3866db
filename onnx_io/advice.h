/* What to tell a user whose file breaks the format. */
#ifndef OA_ONNX_IO_ADVICE_H
#define OA_ONNX_IO_ADVICE_H

#define OA_ADVICE_EXPORT "; the file was written wrongly or is damaged, export it again"

#endif
