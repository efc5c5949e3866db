/* Forms of operators that mean the same, and forms that do not: attributes at their default or left out, attributes
 * that newer operator sets take as inputs, other domains. */
#include "pair_check.h"

#include "tests/support/cmocka_all.h"
#include "text_graph.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

/* Lines between the inputs x, c and weights and the output y. `differing` is the attribute that the message must name,
 * or NULL when the forms mean the same. */
typedef struct form_case {
    const char *a, *b;
    const char *differing;
} form_case;

static void check(const form_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        static const char form[] = "input x\ninput c\nweight w float32 4 4\n%s\noutput y";
        char a[500];
        char b[500];
        char text[100];
        snprintf(a, sizeof a, form, cases[i].a);
        snprintf(b, sizeof b, form, cases[i].b);
        if (cases[i].differing) {
            snprintf(text, sizeof text, "attribute '%s' differs", cases[i].differing);
            differs(a, b, text, "node 'y'", "");
        } else {
            pairs(a, b, NULL);
        }
    }
}

static void forms__defaults_may_be_left_out(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {"node y Gemm x w : alpha=1.0 beta=1.0 transA=0 transB=0", "node y Gemm x w", NULL},
        {"node y Gemm x w : alpha=2.0", "node y Gemm x w", "alpha"},
        {"node y Gemm x w : transB=1", "node y Gemm x w", "transB"},
        {"node y Gemm x w : transB=1", "node y Gemm x w : transB=0", "transB"},
        {"node y Conv x w : kernel_shape=[4] strides=[1,1] dilations=[1,1] pads=[0,0,0,0] group=1 auto_pad='NOTSET'",
         "node y Conv x w", NULL},
        {"node y Conv x w : kernel_shape=[4] strides=[1,1]", "node y Conv x w : kernel_shape=[4]", NULL},
        {"node y Conv x w : strides=[2,1]", "node y Conv x w", "strides"},
        {"node y Conv x w : pads=[1,0]", "node y Conv x w : pads=[0,1]", "pads"},
        {"node y Conv x w : group=4", "node y Conv x w", "group"},
        {"node y Conv x w : auto_pad='SAME_UPPER'", "node y Conv x w", "auto_pad"},
        {"node y ConvTranspose x w : output_padding=[0,0] kernel_shape=[4]", "node y ConvTranspose x w", NULL},
        {"node y MaxPool x : kernel_shape=[2,2] ceil_mode=0 storage_order=0", "node y MaxPool x : kernel_shape=[2,2]",
         NULL},
        {"node y MaxPool x : kernel_shape=[2,2]", "node y MaxPool x : kernel_shape=[3,3]", "kernel_shape"},
        {"node y AveragePool x : kernel_shape=[2] count_include_pad=1", "node y AveragePool x : kernel_shape=[2]",
         "count_include_pad"},
        {"node y BatchNormalization x w w w w : epsilon=1e-5 momentum=0.9 training_mode=0",
         "node y BatchNormalization x w w w w : momentum=0.99 spatial=1", NULL},
        {"node y BatchNormalization x w w w w : epsilon=0.001", "node y BatchNormalization x w w w w", "epsilon"},
        {"node y LayerNormalization x w : axis=-1 stash_type=1", "node y LayerNormalization x w", NULL},
        {"node y LayerNormalization x w : axis=0", "node y LayerNormalization x w", "axis"},
        {"node y LeakyRelu x : alpha=0.01", "node y LeakyRelu x", NULL},
        {"node y LeakyRelu x : alpha=1.0", "node y LeakyRelu x", "alpha"},
        {"node y Elu x : alpha=1.0", "node y Elu x", NULL},
        {"node y Selu x : alpha=1.6732632 gamma=1.050701", "node y Selu x", NULL},
        {"node y HardSigmoid x : alpha=0.2 beta=0.5", "node y HardSigmoid x", NULL},
        {"node y HardSigmoid x : alpha=1.0", "node y HardSigmoid x", "alpha"},
        {"node y LRN x : size=3 alpha=1e-4 beta=0.75 bias=1.0", "node y LRN x : size=3", NULL},
        {"node y LRN x : size=3 alpha=1.0", "node y LRN x : size=3", "alpha"},
        {"node y LRN x : size=3 bias=0.0", "node y LRN x : size=3", "bias"},
        {"node y Flatten x : axis=1", "node y Flatten x", NULL},
        {"node y Flatten x : axis=0", "node y Flatten x", "axis"},
        {"node y Gather x c : axis=0", "node y Gather x c", NULL},
        {"node y Gather x c : axis=1", "node y Gather x c", "axis"},
        {"node y Concat x c : axis=1", "node y Concat x c : axis=-1", "axis"},
        {"node y Transpose x : perm=[2,1,0]", "node y Transpose x", NULL},
        {"node y Transpose x : perm=[0,2,1]", "node y Transpose x", "perm"},
        {"node y ReduceMean x : keepdims=1 axes=[1]", "node y ReduceMean x : axes=[1]", NULL},
        {"node y ReduceMean x : keepdims=0 axes=[1]", "node y ReduceMean x : axes=[1]", "keepdims"},
        {"node y ArgMax x : axis=0 select_last_index=0", "node y ArgMax x", NULL},
        {"node y TopK x c : axis=-1 largest=1 sorted=1", "node y TopK x c", NULL},
        {"node y TopK x c : axis=0", "node y TopK x c", "axis"},
        {"node y Compress x c : axis=0", "node y Compress x c", "axis"},
        {"node y Gelu x : approximate='none'", "node y Gelu x", NULL},
        {"node y Gelu x : approximate='tanh'", "node y Gelu x", "approximate"},
        {"node y Resize x - w : mode='nearest' nearest_mode='round_prefer_floor'", "node y Resize x - w", NULL},
        {"node y Resize x - w : mode='linear'", "node y Resize x - w", "mode"},
        {"node y DepthToSpace x : blocksize=2 mode='DCR'", "node y DepthToSpace x : blocksize=2", NULL},
        {"node y LSTM x w w : hidden_size=4 direction='forward' layout=0", "node y LSTM x w w : hidden_size=4", NULL},
        {"node y LSTM x w w : direction='reverse'", "node y LSTM x w w", "direction"},
        {"node y Cast x : to=1", "node y Cast x : to=10", NULL},
        {"node y Cast x : to=1", "node y Cast x : to=7", "to"},
        {"node y Cast x : to=6", "node y Cast x : to=7", "to"},
        {"node y Dropout x - c : seed=1 ratio=0.2", "node y Dropout x - c : seed=2", NULL},
        {"node y Shape x : start=0", "node y Shape x", NULL},
        {"node y Shape x : start=1", "node y Shape x", "start"},
        {"node y Relu x : doc_string='a'", "node y Relu x : doc_string='b'", NULL},
    };
    check(cases, COUNT_OF(cases));
}

static void forms__attributes_may_have_become_inputs(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {"version 11\nnode y Squeeze x : axes=[1,2]", "version 13\nconst s int64 2 = 1 2\nnode y Squeeze x s", NULL},
        {"version 11\nnode y Squeeze x : axes=[1,2]", "version 13\nconst s int64 2 = 1 3\nnode y Squeeze x s", "axes"},
        {"version 11\nnode y Squeeze x : axes=[1]", "version 13\nconst s int64 2 = 1 2\nnode y Squeeze x s", "axes"},
        {"version 13\nnode y Squeeze x", "version 13\nconst s int64 1 = 1\nnode y Squeeze x s", "axes"},
        {"version 11\nnode y Unsqueeze x : axes=[0]", "version 13\nconst s int64 1 = 0\nnode y Unsqueeze x s", NULL},
        {"version 11\nnode y ReduceSum x : axes=[1]", "version 13\nconst s int64 1 = 1\nnode y ReduceSum x s", NULL},
        {"version 13\nnode y ReduceSum x", "version 13\nconst s int64 1 = 1\nnode y ReduceSum x s", "axes"},
        {"version 13\nnode y ReduceSum x", "version 13\nconst s int64 0 =\nnode y ReduceSum x s", NULL},
        {"version 17\nnode y ReduceMean x : axes=[-1]", "version 18\nconst s int64 1 = -1\nnode y ReduceMean x s",
         NULL},
        {"version 6\nnode y Clip x : min=0.0 max=6.0",
         "version 13\nconst lo float32 = 0\nconst hi float32 = 6\nnode y Clip x lo hi", NULL},
        {"version 6\nnode y Clip x : min=0.0 max=6.0",
         "version 13\nconst lo float32 = 0\nconst hi float32 = 5\nnode y Clip x lo hi", "max"},
        {"version 6\nnode y Clip x : max=6.0", "version 13\nconst hi float32 = 6\nnode y Clip x - hi", NULL},
        {"version 6\nnode y Clip x : min=-3.4028235e38 max=6.0", "version 13\nconst hi float32 = 6\nnode y Clip x - hi",
         NULL},
        {"version 13\nnode y Clip x", "version 13\nconst lo float32 = 0\nnode y Clip x lo", "min"},
        {"version 13\nconst lo float32 = 0\nnode y Clip x lo", "version 13\nconst lo float32 = 1\nnode y Clip x lo",
         "min"},
        {"version 13\nconst lo float32 = 0\nnode y Clip x lo", "version 13\nconst lo float16 = 0\nnode y Clip x lo",
         NULL},
        {"version 1\nnode y Slice x : starts=[0] ends=[4] axes=[1]",
         "version 10\nconst s int64 1 = 0\nconst e int64 1 = 4\nconst a int64 1 = 1\nconst t int64 1 = 1\n"
         "node y Slice x s e a t",
         NULL},
        {"version 1\nnode y Slice x : starts=[0] ends=[9223372036854775807] axes=[1]",
         "version 10\nconst s int64 1 = 0\nconst e int64 1 = 9223372036854775807\nconst a int64 1 = 1\n"
         "node y Slice x s e a",
         NULL},
        {"version 1\nnode y Slice x : starts=[0] ends=[9223372036854775807] axes=[1]",
         "version 10\nconst s int64 1 = 0\nconst e int64 1 = 9223372036854775806\nconst a int64 1 = 1\n"
         "node y Slice x s e a",
         "ends"},
        {"version 1\nnode y Slice x : starts=[0,1] ends=[4,4]",
         "version 10\nconst s int64 2 = 0 1\nconst e int64 2 = 4 4\nconst a int64 2 = 0 1\nnode y Slice x s e a", NULL},
        {"version 1\nnode y Slice x : starts=[0] ends=[4]",
         "version 10\nconst s int64 1 = 0\nconst e int64 1 = 4\nconst a int64 1 = 1\nnode y Slice x s e a", "axes"},
        {"version 10\nconst s int64 1 = 0\nconst e int64 1 = 4\nnode y Slice x s e",
         "version 10\nconst s int64 1 = 0\nconst e int64 1 = 4\nconst t int64 1 = 2\nnode y Slice x s e - t", "steps"},
        {"version 2\nnode y Pad x : pads=[0,1,0,1]",
         "version 11\nconst p int64 4 = 0 1 0 1\nconst v float32 = 0\nnode y Pad x p v : mode='constant'", NULL},
        {"version 2\nnode y Pad x : pads=[0,1,0,1] value=2.0", "version 11\nconst p int64 4 = 0 1 0 1\nnode y Pad x p",
         "value"},
        {"version 2\nnode y Pad x : pads=[0,1,0,1]", "version 11\nconst p int64 4 = 0 0 0 0\nnode y Pad x p", "pads"},
        {"version 1\nnode y Reshape x : shape=[0,-1]", "version 5\nconst s int64 2 = 0 -1\nnode y Reshape x s", NULL},
        {"version 5\nconst s int64 2 = 0 -1\nnode y Reshape x s",
         "version 5\nconst s int64 2 = 0 4\nnode y Reshape x s", "shape"},
        {"version 11\nnode s Split x -> y z : split=[2,2]",
         "version 13\nconst p int64 2 = 2 2\nnode s Split x p -> y z", NULL},
        {"version 11\nnode s Split x -> y z", "version 18\nnode s Split x -> y z : num_outputs=2", NULL},
        {"version 11\nnode s Split x -> y z : split=[2,2]", "version 11\nnode s Split x -> y z", NULL},
        {"version 9\nnode y TopK x : k=3", "version 10\nconst k int64 1 = 3\nnode y TopK x k", NULL},
        {"version 7\nnode y Upsample x : scales=(1.0,2.0)", "version 9\nconst s float32 2 = 1 2\nnode y Upsample x s",
         NULL},
        {"version 7\nnode y Upsample x : scales=(1.0,2.0)", "version 9\nconst s float32 2 = 1 3\nnode y Upsample x s",
         "scales"},
    };
    check(cases, COUNT_OF(cases));
}

/* An attribute against a constant of each integer type. */
static void forms__numbers_may_be_of_any_type(void **state)
{
    (void)state;
    static const char *const types[] = {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char same[200];
        char other[200];
        snprintf(same, sizeof same, "const k %s 1 = 3\nnode y TopK x k", types[i]);
        snprintf(other, sizeof other, "const k %s 1 = 4\nnode y TopK x k", types[i]);
        const form_case cases[] = {{"version 9\nnode y TopK x : k=3", same, NULL},
                                   {"version 9\nnode y TopK x : k=3", other, "k"}};
        check(cases, COUNT_OF(cases));
    }
    static const form_case others[] = {
        {"version 9\nnode y TopK x : k=3", "const k float32 1 = 3\nnode y TopK x k", "k"},
        {"version 9\nnode y TopK x : k=3", "const k string 1 = 3\nnode y TopK x k", "k"},
        {"version 9\nnode y TopK x : k=-1", "const k int8 1 = -1\nnode y TopK x k", NULL},
    };
    check(others, COUNT_OF(others));
}

/* What is computed while running cannot be an attribute. */
static void forms__computed_inputs_are_no_attributes(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {"version 5\nnode s Shape x\nnode y Reshape x s", "version 5\nnode s Shape x\nnode y Reshape x s", NULL},
        {"version 13\nnode y ReduceSum x c", "version 13\nnode y ReduceSum x", "axes"},
        {"version 13\nnode y ReduceSum x c", "version 13\nnode y ReduceSum x c", NULL},
    };
    check(cases, COUNT_OF(cases));
    differs("input x\nnode s Shape x\nnode y Reshape x s\noutput y", "input x\nnode y Reshape x : shape=[2]\noutput y",
            "node 's' (Shape) of the first", "node 'y' (Reshape) of the second", "");
    differs("input x\nnode y Clip x : max=6.0\noutput y", "input x\nconst s float32 = 6\nnode y Clip x s\noutput y",
            "attribute 'm", "node 'y' (Clip) of the first", "");
    differs("input x\nnode s Shape x\nnode y Reshape x s\noutput y",
            "input x\nconst s int64 2 = 0 4\nnode y Reshape x s\noutput y", "node 's' (Shape) of the first", "", "");
}

static void forms__softmax_has_changed_its_axis(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {"version 11\nnode y Softmax x", "version 13\nnode y Softmax x", NULL},
        {"version 11\nnode y Softmax x : axis=1", "version 13\nnode y Softmax x : axis=-1", NULL},
        {"version 11\nnode y Softmax x", "version 11\nnode y Softmax x : axis=1", NULL},
        {"version 13\nnode y Softmax x", "version 13\nnode y Softmax x : axis=-1", NULL},
        {"version 13\nnode y Softmax x", "version 13\nnode y Softmax x : axis=1", "axis"},
        {"version 11\nnode y LogSoftmax x : axis=2", "version 13\nnode y LogSoftmax x", "axis"},
        {"version 13\nnode y Hardmax x : axis=0", "version 13\nnode y Hardmax x", "axis"},
    };
    check(cases, COUNT_OF(cases));
}

/* Nothing is known of defaults elsewhere. */
static void forms__other_domains_have_no_defaults(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {"node y com.x/Gemm x w : alpha=1.0", "node y com.x/Gemm x w", "alpha"},
        {"node y com.x/Gemm x w : alpha=1.0", "node y com.x/Gemm x w : alpha=1.0", NULL},
        {"node y com.x/Norm x w : epsilon=1e-5", "node y com.x/Norm x w", "epsilon"},
        {"node y com.x/Op x : mode='constant'", "node y com.x/Op x", "mode"},
        {"node y com.x/Dropout x : ratio=0.5", "node y com.x/Dropout x : ratio=0.6", "ratio"},
        {"node y com.x/Softmax x : axis=1", "node y com.x/Softmax x", "axis"},
    };
    check(cases, COUNT_OF(cases));
}

static void forms__attributes_of_every_kind_are_compared(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {"node y Op x : a=1", "node y Op x : a=2", "a"},
        {"node y Op x : a=1", "node y Op x : a=1.0", "a"},
        {"node y Op x : a=1.5", "node y Op x : a=1.25", "a"},
        {"node y Op x : a='s'", "node y Op x : a='t'", "a"},
        {"node y Op x : a='s'", "node y Op x : a='st'", "a"},
        {"node y Op x : a=[1,2]", "node y Op x : a=[1,3]", "a"},
        {"node y Op x : a=[1,2]", "node y Op x : a=[1]", "a"},
        {"node y Op x : a=(1.0,2.0)", "node y Op x : a=(1.0,3.0)", "a"},
        {"node y Op x : a=<p,q>", "node y Op x : a=<p,r>", "a"},
        {"node y Op x : a=<p,q>", "node y Op x : a=<p>", "a"},
        {"node y Op x : a=%1.0", "node y Op x : a=%2.0", "a"},
        {"node y Op x : a=#7", "node y Op x : a=#8", "a"},
        {"node y Op x : a=#7", "node y Op x", "a"},
        {"node y Op x : a=1 b='s' c=[1] d=(2.0) e=<p> f=%1.0 g=#7",
         "node y Op x : g=#7 f=%1.0 e=<p> d=(2.0) c=[1] b='s' a=1", NULL},
    };
    check(cases, COUNT_OF(cases));
}

static void forms__agreement_names_the_attribute(void **state)
{
    (void)state;
    text_graph t = text_graph_make("input x\nnode a Op x : p=1 q=2\nnode b Op a : p=1\noutput b", 0);
    const char *name = NULL;
    assert_true(oa_nodes_agree(&name, t.graph, &t.graph->nodes[0], t.graph, &t.graph->nodes[0]));
    assert_false(oa_nodes_agree(&name, t.graph, &t.graph->nodes[0], t.graph, &t.graph->nodes[1]));
    assert_string_equal(name, "q");
    assert_false(oa_nodes_agree(&name, t.graph, &t.graph->nodes[1], t.graph, &t.graph->nodes[0]));
    assert_string_equal(name, "q");
    text_graph_free(&t);
}

static void forms__slots_stand_for_attributes(void **state)
{
    (void)state;
    const oa_node clip = {.op_type = "Clip", .domain = ""};
    const oa_node foreign = {.op_type = "Clip", .domain = "com.x"};
    const oa_node sum = {.op_type = "ReduceSum", .domain = ""};
    assert_string_equal(oa_slot_attribute(&clip, 1), "min");
    assert_string_equal(oa_slot_attribute(&clip, 2), "max");
    assert_null(oa_slot_attribute(&clip, 0));
    assert_null(oa_slot_attribute(&clip, 3));
    assert_null(oa_slot_attribute(&foreign, 1));
    assert_string_equal(oa_slot_attribute(&sum, 1), "axes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms__defaults_may_be_left_out),
        cmocka_unit_test(forms__attributes_may_have_become_inputs),
        cmocka_unit_test(forms__numbers_may_be_of_any_type),
        cmocka_unit_test(forms__computed_inputs_are_no_attributes),
        cmocka_unit_test(forms__softmax_has_changed_its_axis),
        cmocka_unit_test(forms__other_domains_have_no_defaults),
        cmocka_unit_test(forms__attributes_of_every_kind_are_compared),
        cmocka_unit_test(forms__agreement_names_the_attribute),
        cmocka_unit_test(forms__slots_stand_for_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
