#include "tests/grad/differences.h"
int main(void)
{
    return 0;
}
