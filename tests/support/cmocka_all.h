/* cmocka wants these headers before its own. */
#ifndef OA_TESTS_SUPPORT_CMOCKA_ALL_H
#define OA_TESTS_SUPPORT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
