/* Which graphs pair: structure, weights, inputs. Forms of operators are in test_pair_forms.c. */
#include "pair_check.h"

#include "tests/support/cmocka_all.h"
#include "text_graph.h"

#include "core/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

static const char MLP[] = "input x float32 ? 4\n"
                          "weight w1 float32 8 4\nweight b1 float32 8\n"
                          "weight w2 float32 3 8\nweight b2 float32 3\n"
                          "node fc1 Gemm x w1 b1 : transB=1\n"
                          "node act Relu fc1\n"
                          "node fc2 Gemm act w2 b2 : transB=1\n"
                          "output fc2 float32 ? 3\n";

static void pair__matches_by_structure_not_by_name(void **state)
{
    (void)state;
    pairs(MLP, MLP, "w1=w1 b1=b1 w2=w2 b2=b2");
    /* The same with the names exchanged where they can mislead. */
    pairs(MLP,
          "input in float32 ? 4\n"
          "weight w2 float32 8 4\nweight b2 float32 8\n"
          "weight b1 float32 3\nweight w1 float32 3 8\n"
          "weight unused float32 9\n"
          "node b Gemm a w1 b1 : transB=1\n"
          "node a Relu c\n"
          "node c Gemm in w2 b2 : transB=1\n"
          "output b\n",
          "w1=w2 b1=b2 w2=w1 b2=b1");
}

static void pair__leaves_unused_constants_and_inputs_out(void **state)
{
    (void)state;
    static const char a[] = "input unused\ninput x float32 2\nweight w float32 2\nweight v float32 3\n"
                            "node y Add x w\nnode dead Mul x v\noutput y\n";
    pairs(a, "input x float32 2\nweight w float32 2\nnode y Add x w\noutput y", "w=w v=-");
    text_graph graph_a = text_graph_make(a, 0);
    text_graph graph_b =
        text_graph_make("input p\ninput q\ninput x float32 2\nweight w float32 2\nnode y Add x w\noutput y", 0);
    oa_pairing pairing = {0};
    assert_int_equal(oa_pair_graphs(&pairing, graph_a.graph, graph_b.graph, NULL), OA_OK);
    assert_int_equal(pairing.input_b[0], OA_NONE);
    assert_int_equal(pairing.input_b[1], 2);
    oa_pairing_free(&pairing);
    oa_pairing_free(&pairing);
    oa_pairing_free(NULL);
    text_graph_free(&graph_a);
    text_graph_free(&graph_b);
}

static void pair__swaps_the_operands_of_commutative_operators(void **state)
{
    (void)state;
    static const char *const operators[] = {"Add", "Mul", "Sum", "Max", "Min"};
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        char a[300];
        char b[300];
        snprintf(a, sizeof a,
                 "input x\nweight w float32 2 2\nweight s float32 2\nnode m MatMul x w\nnode y %s m s\noutput y",
                 operators[i]);
        snprintf(b, sizeof b,
                 "input x\nweight s float32 2\nweight w float32 2 2\nnode m MatMul x w\nnode y %s s m\noutput y",
                 operators[i]);
        pairs(a, b, "w=w s=s");
    }
    differs("input x\nweight s float32 2\nnode y Sub x s\noutput y",
            "input x\nweight s float32 2\nnode y Sub s x\noutput y", "'y' (Sub) of the first",
            "'y' (Sub) of the second", "");
}

/* Operands that differ only deep inside, by an attribute, or by how often a weight is used. */
static void pair__swaps_operands_that_look_alike(void **state)
{
    (void)state;
    static const char head[] = "input x\nweight u float32 4 4\nweight v float32 4 4\n";
    char a[600];
    char b[600];
    snprintf(a, sizeof a,
             "%snode p Gemm x u\nnode q Gemm x v\nnode r LeakyRelu p : alpha=0.1\n"
             "node s LeakyRelu q : alpha=0.2\nnode y Add r s\noutput y",
             head);
    snprintf(b, sizeof b,
             "%snode p Gemm x u\nnode q Gemm x v\nnode r LeakyRelu p : alpha=0.1\n"
             "node s LeakyRelu q : alpha=0.2\nnode y Add s r\noutput y",
             head);
    pairs(a, b, "u=u v=v");
    snprintf(a, sizeof a, "%snode p Gemm x u\nnode q Gemm p v\nnode r Gemm p u\nnode y Add q r\noutput y", head);
    snprintf(b, sizeof b, "%snode p Gemm x u\nnode q Gemm p v\nnode r Gemm p u\nnode y Add r q\noutput y", head);
    pairs(a, b, "u=u v=v");
    /* Two inputs of the graph: by their place, as nothing else tells them apart. */
    pairs("input p\ninput q\nnode a Add p q\nnode y Sub a q\noutput y",
          "input p\ninput q\nnode a Add q p\nnode y Sub a q\noutput y", "");
    /* Fully symmetric operands pair either way. */
    snprintf(a, sizeof a, "%snode p Gemm x u\nnode q Gemm x v\nnode y Add p q\noutput y", head);
    snprintf(b, sizeof b, "%snode p Gemm x u\nnode q Gemm x v\nnode y Add q p\noutput y", head);
    pairs(a, b, NULL);
}

static void pair__looks_through_identity_and_dropout(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "node d Identity fc1\nnode e Identity d\n",
        "node d Dropout fc1\nnode e Identity d\n",
        "node d Dropout fc1 -> d mask\nnode e Dropout d : ratio=0.3\n",
        "const r float32 = 0.5\nnode e Dropout fc1 r\n",
        "const r float32 = 0.5\nconst t bool = 0\nnode e Dropout fc1 r t\n",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        char b[700];
        snprintf(b, sizeof b,
                 "input x float32 ? 4\nweight w0 float32 8 4\nnode w1 Identity w0\n"
                 "weight b1 float32 8\nweight w2 float32 3 8\nweight b2 float32 3\n"
                 "node fc1 Gemm x w1 b1 : transB=1\n%snode act Relu e\n"
                 "node fc2 Gemm act w2 b2 : transB=1\nnode y Identity fc2\noutput y",
                 forms[i]);
        pairs(MLP, b, "w1=w0 b1=b1 w2=w2 b2=b2");
    }
    /* Training is no identity, and neither is the mask. */
    differs("input x\nnode a Relu x\noutput a",
            "input x\nconst t bool = 1\nnode d Dropout x - t\nnode a Relu d\noutput a", "(Dropout) of the second", "",
            "");
    differs("input x\nnode a Relu x\noutput a", "input x\nnode d Dropout x -> o m\nnode a Relu m\noutput a",
            "(Dropout) of the second", "", "");
}

/* A chain of Identity nodes must not take quadratic time. */
static void pair__takes_long_chains_in_stride(void **state)
{
    (void)state;
    enum { DEPTH = 60000 };
    for (size_t round = 0; round < 2; round++) {
        oa_graph *graphs[2];
        for (size_t k = 0; k < 2; k++) {
            graphs[k] = oa_graph_create();
            assert_non_null(graphs[k]);
            assert_int_equal(oa_graph_add_input(graphs[k], "v0", NULL, NULL), OA_OK);
            for (size_t i = 0; i < DEPTH; i++) {
                char name[32];
                size_t from;
                size_t to;
                snprintf(name, sizeof name, "v%zu", i);
                assert_int_equal(oa_graph_value(&from, graphs[k], name, NULL), OA_OK);
                snprintf(name, sizeof name, "v%zu", i + 1);
                assert_int_equal(oa_graph_value(&to, graphs[k], name, NULL), OA_OK);
                const oa_node node = {.op_type = round && i % 2 ? "Tanh" : "Identity",
                                      .domain = "",
                                      .inputs = &from,
                                      .input_count = 1,
                                      .outputs = &to,
                                      .output_count = 1};
                assert_int_equal(oa_graph_add_node(graphs[k], &node, NULL), OA_OK);
            }
            char last[32];
            snprintf(last, sizeof last, "v%d", DEPTH);
            assert_int_equal(oa_graph_add_output(graphs[k], last, NULL, NULL), OA_OK);
            assert_int_equal(oa_graph_finish(graphs[k], NULL), OA_OK);
        }
        oa_pairing pairing = {0};
        assert_int_equal(oa_pair_graphs(&pairing, graphs[0], graphs[1], NULL), OA_OK);
        assert_int_equal(pairing.input_b[0], 0);
        oa_pairing_free(&pairing);
        oa_graph_destroy(graphs[0]);
        oa_graph_destroy(graphs[1]);
    }
}

static void pair__needs_the_same_operators(void **state)
{
    (void)state;
    differs("input x\nnode a Relu x\nnode b Exp a\noutput b", "input x\nnode c Tanh x\nnode d Exp c\noutput d",
            "node 'a' (Relu) of the first meets node 'c' (Tanh) of the second", "", "");
    differs("input x\nnode a Relu x\noutput a", "input x\nnode a com.x/Relu x\noutput a", "'a' (Relu) of the first",
            "'a' (com.x.Relu) of the second", "");
    differs("input x\nnode a Relu x\noutput a", "input x\nnode a Relu x\noutput a\noutput a", "output", "the first",
            "the second");
    differs("input x\nnode a Relu x\noutput a", "input x\noutput x", "'a' (Relu) of the first", "", "");
    differs("input x\nnode a Relu x\noutput a", "weight w float32 2\noutput w", "'a' (Relu) of the first", "", "");
    differs("input x\noutput x", "weight w float32 2\noutput w", "graph input 'x' of the first",
            "initializer 'w' [2] float32 of the second", "");
}

/* Where several things differ, the first in the order of execution is named. */
static void pair__names_the_first_difference(void **state)
{
    (void)state;
    static const char form[] = "input x\nweight u float32 4 4\nweight v float32 4 4\nweight w float32 4 4\n"
                               "node f1 Gemm x u\nnode a1 %s f1 %s\nnode f2 Gemm a1 v\nnode a2 %s f2 %s\n"
                               "node f3 Gemm a2 w\nnode a3 %s f3 %s\noutput a3";
    static const struct {
        const char *words[6];
        const char *text, *other;
    } cases[] = {
        {{"Tanh", "", "Tanh", "", "Tanh", ""}, "node 'a1' (Relu) of the first meets node 'a1' (Tanh)", ""},
        {{"Relu", "", "Tanh", "", "Tanh", ""}, "node 'a2' (Relu) of the first meets node 'a2' (Tanh)", ""},
        {{"Relu", "", "Relu", "", "Tanh", ""}, "node 'a3' (Relu) of the first meets node 'a3' (Tanh)", ""},
        {{"Relu", ": alpha=0.5", "Tanh", "", "Tanh", ""}, "node 'a1' (Relu)", "'alpha' differs"},
        {{"Relu", "", "Relu", ": alpha=0.5", "Tanh", ""}, "node 'a2' (Relu)", "'alpha' differs"},
        {{"Tanh", "", "Relu", ": alpha=0.5", "Relu", ""}, "node 'a1' (Relu) of the first meets node 'a1' (Tanh)", ""},
    };
    char a[500];
    snprintf(a, sizeof a, form, "Relu", "", "Relu", "", "Relu", "");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const *w = cases[i].words;
        char b[500];
        snprintf(b, sizeof b, form, w[0], w[1], w[2], w[3], w[4], w[5]);
        differs(a, b, cases[i].text, cases[i].other, "");
    }
}

/* What is looked through is not what differs. */
static void pair__names_no_identity_as_the_difference(void **state)
{
    (void)state;
    differs("input x\nnode i Identity x\nnode d Dropout i\nnode r Relu d\noutput r", "input x\nnode t Tanh x\noutput t",
            "node 'r' (Relu) of the first meets node 't' (Tanh) of the second", "", "");
}

static void pair__needs_as_many_layers(void **state)
{
    (void)state;
    static const char two[] = "input x float32 ? 4\nweight u float32 4 8\nweight v float32 8 3\n"
                              "node f1 MatMul x u\nnode a1 Relu f1\nnode f2 MatMul a1 v\noutput f2";
    static const char three[] =
        "input x float32 ? 4\nweight u float32 4 8\nweight m float32 8 8\nweight v float32 8 3\n"
        "node f1 MatMul x u\nnode a1 Relu f1\nnode fm MatMul a1 m\nnode am Relu fm\n"
        "node f2 MatMul am v\noutput f2";
    differs(two, three, "node 'f2' (MatMul) of the first meets node 'fm' (MatMul) of the second", "'v' [8, 3]",
            "'m' [8, 8]");
    static const char longer[] =
        "input x float32 ? 4\nweight u float32 4 8\nweight v float32 8 3\n"
        "node f1 MatMul x u\nnode a1 Relu f1\nnode f2 MatMul a1 v\nnode p Softmax f2\noutput p";
    differs(two, longer, "node 'p' (Softmax) of the second", "has nothing like it", "");
    static const char equal_widths[] = "input x\nweight u float32 4 4\nnode f1 MatMul x u\nnode a1 Relu f1\noutput a1";
    static const char one_more[] =
        "input x\nweight u float32 4 4\nweight v float32 4 4\nnode f1 MatMul x u\nnode a1 Relu f1\n"
        "node f2 MatMul a1 v\nnode a2 Relu f2\noutput a2";
    differs(equal_widths, one_more, "node 'f2' (MatMul) of the second", "has nothing like it", "");
}

static void pair__compares_constants(void **state)
{
    (void)state;
    static const char form[] = "input x\n%s\nnode y Op x c\noutput y";
    static const struct {
        const char *a, *b, *message;
    } bad[] = {
        {"weight c float32 4 3", "weight c float32 3 4", "'c' [4, 3] float32"},
        {"weight c float32 4", "weight c float32 4 1", "shapes differ"},
        {"weight c float32 4", "weight c float32 5", "'c' [5] float32"},
        {"const c int64 2 = 1 2", "const c int64 2 = 1 3", "constants that are no weights differ"},
        {"const c int64 2 = 1 2", "const c int32 2 = 1 2", "types differ"},
        {"const c int64 1 = 1", "const c float32 1 = 1", "types differ"},
        {"const c bool 1 = 1", "const c bool 1 = 0", "constants that are no weights differ"},
        {"const c string 1 = ab", "const c string 1 = ac", "constants that are no weights differ"},
        {"const c string 1 = ab", "const c string 1 = abc", "constants that are no weights differ"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char a[200];
        char b[200];
        snprintf(a, sizeof a, form, bad[i].a);
        snprintf(b, sizeof b, form, bad[i].b);
        differs(a, b, bad[i].message, "node 'y' (Op) of the first", "node 'y' (Op) of the second");
    }
    static const char *const good[][2] = {
        {"const c float32 2 = 1 2", "const c float32 2 = 3 4"},
        {"weight c float32 4", "weight c float16 4"},
        {"weight c float64 4", "weight c bfloat16 4"},
        {"weight c float32 0", "weight c float32 0"},
        {"const c int64 0 =", "const c int64 0 ="},
        {"const c int8 2 = 1 -2", "const c int8 2 = 1 -2"},
        {"const c string 2 = a bc", "const c string 2 = a bc"},
        {"const c float32 = 1", "const c float32 = 2"},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char a[200];
        char b[200];
        snprintf(a, sizeof a, form, good[i][0]);
        snprintf(b, sizeof b, form, good[i][1]);
        pairs(a, b, "c=c");
    }
}

static void pair__needs_the_same_sharing(void **state)
{
    (void)state;
    static const char tied[] = "input x\nweight w float32 4 4\nnode p MatMul x w\nnode y MatMul p w\noutput y";
    static const char untied[] =
        "input x\nweight w float32 4 4\nweight v float32 4 4\nnode p MatMul x w\nnode y MatMul p v\noutput y";
    pairs(tied, tied, "w=w");
    differs(tied, untied, "(MatMul) of the first", "(MatMul) of the second", "shared in one model only");
    /* Shared by way of Identity, as exporters write it. */
    pairs(tied, "input x\nweight w float32 4 4\nnode v Identity w\nnode p MatMul x w\nnode y MatMul p v\noutput y",
          "w=w");
    /* A value that is computed once or twice. */
    differs("input x\nnode r Relu x\nnode y Mul r r\noutput y",
            "input x\nnode r Relu x\nnode s Relu x\nnode y Mul r s\noutput y", "shared in one model only", "", "");
}

/* Shapes, axes and indices: tools fold equal ones together or leave them apart. */
static void pair__lets_constants_that_are_no_weights_be_shared(void **state)
{
    (void)state;
    static const char shared[] = "input x\nconst s int64 2 = 0 -1\nconst t int64 2 = 0 -1\n"
                                 "node a Reshape x s\nnode b Expand a s\nnode c Expand b t\noutput c";
    static const char apart[] = "input x\nconst p int64 2 = 0 -1\nconst q int64 2 = 0 -1\nconst r int64 2 = 0 -1\n"
                                "node a Reshape x p\nnode b Expand a q\nnode c Expand b r\noutput c";
    static const char one[] = "input x\nconst v int64 2 = 0 -1\nnode a Reshape x v\nnode b Expand a v\n"
                              "node c Expand b v\noutput c";
    pairs(shared, apart, "s=p t=r");
    pairs(apart, one, "p=v q=v r=v");
    pairs(one, shared, "v=s");
    differs(one,
            "input x\nconst v int64 2 = 0 -1\nconst w int64 2 = 0 1\nnode a Reshape x v\nnode b Expand a v\n"
            "node c Expand b w\noutput c",
            "node 'c' (Expand) of the first", "constants that are no weights differ", "");
}

static void pair__compares_inputs(void **state)
{
    (void)state;
    static const char form[] = "input %s\nnode y Relu x\noutput y";
    static const struct {
        const char *a, *b, *message;
    } cases[] = {
        {"x float32 ? 4", "x float32 ? 5", "shapes differ"},
        {"x float32 ? 4", "x float32 ? 4 1", "ranks differ"},
        {"x float32 ? 4", "x int64 ? 4", "types differ"},
        {"x float32 ? 4", "x float32 7 ?", NULL},
        {"x float32 ? 4", "x", NULL},
        {"x float32 ? 4", "x float16 ? 4", NULL},
        {"x float32 @n 4", "x float32 ? 4", NULL},
        {"x int64 1", "x int32 1", "types differ"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char a[100];
        char b[100];
        snprintf(a, sizeof a, form, cases[i].a);
        snprintf(b, sizeof b, form, cases[i].b);
        if (cases[i].message) {
            differs(a, b, cases[i].message, "graph input 'x' of the first", "'y' (Relu) of the second");
        } else {
            pairs(a, b, "");
        }
    }
}

static void pair__needs_the_same_slots(void **state)
{
    (void)state;
    differs("input x\nweight w float32 4 4\nweight b float32 4\nnode y Gemm x w b\noutput y",
            "input x\nweight w float32 4 4\nnode y Gemm x w\noutput y", "node 'y' (Gemm) of the first",
            "missing on one side", "");
    differs("input x\nweight w float32 4 4\nnode y Op x - w\noutput y",
            "input x\nweight w float32 4 4\nnode y Op x w -\noutput y", "node 'y' (Op) of the first",
            "missing on one side", "");
    pairs("input x\nweight w float32 4 4\nnode y Op x - w\noutput y",
          "input x\nweight w float32 4 4\nnode y Op x - w -\noutput y", "w=w");
    differs("input x\nnode s Split x -> p q : axis=1\nnode y Sub p q\noutput y",
            "input x\nnode s Split x -> p q : axis=1\nnode y Sub q p\noutput y", "they read node 's' (Split)",
            "node 's' (Split), output 1", "");
    pairs("input x\nnode s Split x -> p q : axis=1\nnode y Sub q p\noutput y",
          "input x\nnode s Split x -> p q : axis=1\nnode y Sub q p\noutput y", "");
}

/* What subgraphs use from outside belongs to the node as its inputs do. */
static void pair__follows_what_subgraphs_capture(void **state)
{
    (void)state;
    static const char form[] = "input c\ninput x\nweight w float32 4 4\n%s\n"
                               "node h MatMul x w\nnode y If c + h %s : then_branch=#%s\noutput y";
    static const struct {
        const char *weight, *capture, *branch, *text, *other;
    } cases[] = {
        {"weight u float32 4", "u", "5", NULL, NULL},
        {"weight v float32 4", "v", "6", "'then_branch' differs", "node 'y' (If) of the first"},
        {"weight v float32 5", "v", "5", "'v' [5] float32", "node 'y' (If) of the first"},
        {"weight v float32 4", "", "5", "missing on one side", "node 'y' (If) of the first"},
        {"weight v float32 4", "x", "5", "(If) of the second", ""},
    };
    char a[500];
    snprintf(a, sizeof a, form, "weight v float32 4", "v", "5");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char b[500];
        snprintf(b, sizeof b, form, cases[i].weight, cases[i].capture, cases[i].branch);
        if (cases[i].text) {
            differs(a, b, cases[i].text, cases[i].other, "");
        } else {
            pairs(a, b, "w=w v=u");
        }
    }
    /* A weight that only a subgraph uses. */
    static const char only[] = "input c\nweight w float32 4\nnode y If c + w : then_branch=#5\noutput y";
    pairs(only, only, "w=w");
}

/* Random graphs pair with themselves under other names, in another order and with operands swapped; one change anywhere
 * among the live nodes and they do not. */
static void pair__tells_random_graphs_apart(void **state)
{
    (void)state;
    const uint64_t seed = 43;
    print_message("seed %" PRIu64 "\n", seed);
    oa_random random;
    oa_random_init(&random, seed);
    static const char *const operators[] = {"MatMul", "Add", "Mul", "Sub", "Concat"};
    for (size_t round = 0; round < 200; round++) {
        char a[6000] = "input x\ninput z\n";
        char b[6000] = "input x\ninput z\n";
        char c[6000] = "input x\ninput z\n";
        size_t nodes = 3 + oa_random_below(&random, 20);
        size_t changed = oa_random_below(&random, nodes);
        size_t before = 0; /* every node reads the one before it, so that all are live */
        for (size_t i = 0; i < nodes; i++) {
            char first[32];
            char second[32];
            snprintf(first, sizeof first, i ? "v%zu" : "x", before);
            size_t other = oa_random_below(&random, i + 2);
            snprintf(second, sizeof second, other < i ? "v%zu" : other == i ? "z" : "w%zu", other < i ? other : i);
            const char *op = operators[oa_random_below(&random, COUNT_OF(operators))];
            bool is_swapped = (strcmp(op, "Add") == 0 || strcmp(op, "Mul") == 0) && oa_random_below(&random, 2);
            size_t width = 2 + oa_random_below(&random, 3);
            char *const texts[] = {a, b, c};
            for (size_t k = 0; k < 3; k++) {
                bool swaps = k > 0 && is_swapped;
                size_t length = strlen(texts[k]);
                snprintf(texts[k] + length, sizeof a - length, "weight w%zu float32 %zu\nnode v%zu %s %s %s\n", i,
                         width, i, k == 2 && i == changed ? "Div" : op, swaps ? second : first, swaps ? first : second);
            }
            before = i;
        }
        char *const texts[] = {a, b, c};
        for (size_t k = 0; k < 3; k++) {
            size_t length = strlen(texts[k]);
            snprintf(texts[k] + length, sizeof a - length, "output v%zu\n", nodes - 1);
        }
        char expected[64];
        snprintf(expected, sizeof expected, "'v%zu' (Div) of the second", changed);
        pairs(a, b, NULL);
        differs(a, c, expected, "", "");
    }
}

static void pair__describes_long_shapes_without_overflow(void **state)
{
    (void)state;
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char a[2000];
    char b[2000];
    snprintf(a, sizeof a,
             "input x\nweight %s float32 1000000000 1000000000 0 1 1 1 1 1 1 1 1 1 1 1 1 1\n"
             "node y Op x %s\noutput y",
             name, name);
    snprintf(b, sizeof b, "input x\nweight %s float32 3 0\nnode y Op x %s\noutput y", name, name);
    differs(a, b, "shapes differ", "0, 1, 1", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair__matches_by_structure_not_by_name),
        cmocka_unit_test(pair__leaves_unused_constants_and_inputs_out),
        cmocka_unit_test(pair__swaps_the_operands_of_commutative_operators),
        cmocka_unit_test(pair__swaps_operands_that_look_alike),
        cmocka_unit_test(pair__looks_through_identity_and_dropout),
        cmocka_unit_test(pair__takes_long_chains_in_stride),
        cmocka_unit_test(pair__needs_the_same_operators),
        cmocka_unit_test(pair__names_the_first_difference),
        cmocka_unit_test(pair__names_no_identity_as_the_difference),
        cmocka_unit_test(pair__needs_as_many_layers),
        cmocka_unit_test(pair__compares_constants),
        cmocka_unit_test(pair__needs_the_same_sharing),
        cmocka_unit_test(pair__lets_constants_that_are_no_weights_be_shared),
        cmocka_unit_test(pair__compares_inputs),
        cmocka_unit_test(pair__needs_the_same_slots),
        cmocka_unit_test(pair__follows_what_subgraphs_capture),
        cmocka_unit_test(pair__tells_random_graphs_apart),
        cmocka_unit_test(pair__describes_long_shapes_without_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
