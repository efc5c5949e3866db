/* Resize and Upsample as they were read: for every axis, where each output reads the input. */
#ifndef OA_EXEC_RESIZE_H
#define OA_EXEC_RESIZE_H

#include "core/exec/call.h"

typedef enum oa_resize_mode { OA_RESIZE_NEAREST, OA_RESIZE_LINEAR, OA_RESIZE_CUBIC } oa_resize_mode;
typedef enum oa_resize_place {
    OA_PLACE_HALF_PIXEL,
    OA_PLACE_HALF_PIXEL_SYMMETRIC,
    OA_PLACE_PYTORCH_HALF_PIXEL,
    OA_PLACE_ALIGN_CORNERS,
    OA_PLACE_ASYMMETRIC,
    OA_PLACE_CROP,
    OA_PLACE_HALF_PIXEL_FOR_NEAREST
} oa_resize_place;
typedef enum oa_resize_rounding {
    OA_ROUND_PREFER_FLOOR,
    OA_ROUND_PREFER_CEIL,
    OA_ROUND_FLOOR,
    OA_ROUND_CEIL,
    OA_ROUND_BY_SCALE /* before operator set 11: up when the axis shrinks, else down */
} oa_resize_rounding;

typedef struct oa_resize_axis {
    size_t in;
    size_t out;
    double scale;
    double wanted;     /* in * scale, not rounded */
    double start, end; /* of the crop */
    bool is_same;      /* nothing changes along this axis */
} oa_resize_axis;

typedef struct oa_resize {
    oa_resize_mode mode;
    oa_resize_place place;
    oa_resize_rounding rounding;
    double coefficient; /* of the cubic */
    bool excludes_outside;
    double extrapolation;
    oa_resize_axis axes[OA_MAX_RANK];
} oa_resize;

/* OA_ERROR_INPUT, OA_ERROR_UNSUPPORTED. */
oa_status oa_resize_read(oa_resize *resize, oa_call *call, oa_error *error);
oa_status oa_upsample_read(oa_resize *resize, oa_call *call, oa_error *error);

/* Where output `i` lies in the input, in elements. */
double oa_resize_coordinate(const oa_resize *resize, const oa_resize_axis *axis, size_t i);

#endif
