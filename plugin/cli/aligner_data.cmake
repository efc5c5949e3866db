# Writes a file as the C source of aligner_data.h.
#   cmake -DFROM=aligner.onnx -DTO=aligner_data.c -P aligner_data.cmake       (FROM empty: no aligner)
# A string literal compiles at once where a list of a million numbers takes long. It has one byte more than the file:
# its closing zero.
set(hex "")
if(NOT "${FROM}" STREQUAL "")
  file(READ "${FROM}" hex HEX)
endif()
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REPEAT "." 128 line)
string(REGEX REPLACE "(${line})" "\\1\n" lines "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${lines}")
string(REPLACE "\n" "\"\n    \"" bytes "${bytes}")
file(WRITE "${TO}" "#include \"plugin/cli/aligner_data.h\"

const size_t oa_aligner_data_size = ${size};
const unsigned char oa_aligner_data[${size} + 1] =
    \"${bytes}\";
")
