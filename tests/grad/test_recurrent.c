/* LSTM, GRU and RNN. The tests have more units than a vector has lanes. */
#include "tests/grad/differences.h"

/* Biases are part of all of these. */
GRADIENT_TEST(lstm, return NODE(g, "LSTM", "hidden_size=9", WEIGHT(g, "x", 4, 3, 5), WEIGHT(g, "w", 1, 36, 5),
                                WEIGHT(g, "w2", 1, 36, 9), WEIGHT(g, "b", 1, 72));)
GRADIENT_TEST(lstm_in_reverse_without_bias, return NODE(g, "LSTM", "direction=reverse", WEIGHT(g, "x", 3, 2, 4),
                                                        WEIGHT(g, "w", 1, 20, 4), WEIGHT(g, "w2", 1, 20, 5));)

static size_t lengths_of(test_graph *g, int32_t a, int32_t b, int32_t c)
{
    return test_graph_constant(g, NULL, OA_DTYPE_INT32, 1, TEST_DIMS(3), (const int32_t[]){a, b, c});
}

/* All inputs, and all outputs read. */
static size_t all_outputs(test_graph *g, const char *attributes, bool is_batch_first, bool has_lengths)
{
    size_t outputs[3];
    size_t x = is_batch_first ? WEIGHT(g, "x", 3, 4, 2) : WEIGHT(g, "x", 4, 3, 2);
    size_t h = is_batch_first ? WEIGHT(g, "x_h", 3, 2, 3) : WEIGHT(g, "x_h", 2, 3, 3);
    size_t c = is_batch_first ? WEIGHT(g, "x_c", 3, 2, 3) : WEIGHT(g, "x_c", 2, 3, 3);
    NODES(outputs, g, "LSTM", attributes, x, WEIGHT(g, "w", 2, 12, 2), WEIGHT(g, "w2", 2, 12, 3), WEIGHT(g, "b", 2, 24),
          has_lengths ? lengths_of(g, 2, 4, 0) : OA_NONE, h, c, WEIGHT(g, "w_p", 2, 9));
    return NODE(g, "Sum", "", NODE(g, "ReduceSum", "keepdims=0", NODE(g, "Sin", "", outputs[0])),
                NODE(g, "Mul", "", outputs[1], NODE(g, "Sin", "", outputs[2])));
}

GRADIENT_TEST(lstm_in_both_directions_with_all_inputs, return all_outputs(g, "direction=bidirectional", false, false);)
GRADIENT_TEST(lstm_of_sequences_of_several_lengths, return all_outputs(g, "direction=bidirectional", false, true);)
GRADIENT_TEST(lstm_with_the_batch_first, return all_outputs(g, "direction=bidirectional layout=1", true, true);)

static size_t build_lstm_of_last_states(test_graph *g)
{
    size_t outputs[2], state = WEIGHT(g, "x_s", 1, 3, 4); /* one constant for both states */
    NODES(outputs, g, "LSTM", "", WEIGHT(g, "x", 3, 3, 4), WEIGHT(g, "w", 1, 16, 4), WEIGHT(g, "w2", 1, 16, 4),
          WEIGHT(g, "b", 1, 32), OA_NONE, state, state);
    return outputs[1];
}

static void lstm__has_a_gradient_when_only_the_last_state_is_read(void **state)
{
    (void)state;
    check_gradient(build_lstm_of_last_states, 1, false, rounding);
}

/* All inputs of a GRU or an RNN, and both outputs read. */
static size_t both_outputs(test_graph *g, const char *type, int64_t gates, const char *attributes, bool is_batch_first)
{
    size_t outputs[2];
    size_t x = is_batch_first ? WEIGHT(g, "x", 3, 4, 2) : WEIGHT(g, "x", 4, 3, 2);
    size_t h = is_batch_first ? WEIGHT(g, "x_h", 3, 2, 3) : WEIGHT(g, "x_h", 2, 3, 3);
    NODES(outputs, g, type, attributes, x, WEIGHT(g, "w", 2, gates * 3, 2), WEIGHT(g, "w2", 2, gates * 3, 3),
          WEIGHT(g, "b", 2, gates * 6), lengths_of(g, 3, 4, 0), h);
    return NODE(g, "Add", "", NODE(g, "ReduceSum", "keepdims=0", NODE(g, "Sin", "", outputs[0])), outputs[1]);
}

GRADIENT_TEST(gru, return NODE(g, "GRU", "", WEIGHT(g, "x", 4, 3, 5), WEIGHT(g, "w", 1, 27, 5),
                               WEIGHT(g, "w2", 1, 27, 9), WEIGHT(g, "b", 1, 54));)
GRADIENT_TEST(gru_with_a_linear_state,
              return NODE(g, "GRU", "linear_before_reset=1", WEIGHT(g, "x", 4, 3, 5), WEIGHT(g, "w", 1, 27, 5),
                          WEIGHT(g, "w2", 1, 27, 9), WEIGHT(g, "b", 1, 54));)
GRADIENT_TEST(gru_with_all_inputs, return both_outputs(g, "GRU", 3, "direction=bidirectional", false);)
GRADIENT_TEST(gru_with_all_inputs_and_the_batch_first,
              return both_outputs(g, "GRU", 3, "direction=bidirectional layout=1 linear_before_reset=1", true);)
GRADIENT_TEST(rnn, return NODE(g, "RNN", "", WEIGHT(g, "x", 4, 3, 5), WEIGHT(g, "w", 1, 9, 5), WEIGHT(g, "w2", 1, 9, 9),
                               WEIGHT(g, "b", 1, 18));)
GRADIENT_TEST(rnn_with_all_inputs, return both_outputs(g, "RNN", 1, "direction=bidirectional", false);)
GRADIENT_TEST(rnn_with_the_batch_first, return both_outputs(g, "RNN", 1, "direction=bidirectional layout=1", true);)
GRADIENT_TEST(rnn_of_rectifiers, return NODE(g, "RNN", "activations=[Relu]", WEIGHT(g, "x", 4, 3, 5),
                                             WEIGHT(g, "w", 1, 4, 5), WEIGHT(g, "w2", 1, 4, 4), WEIGHT(g, "b", 1, 8));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(lstm),
        GRADIENT_ROW(lstm_in_reverse_without_bias),
        GRADIENT_ROW(lstm_in_both_directions_with_all_inputs),
        GRADIENT_ROW(lstm_of_sequences_of_several_lengths),
        GRADIENT_ROW(lstm_with_the_batch_first),
        GRADIENT_ROW(gru),
        GRADIENT_ROW(gru_with_a_linear_state),
        GRADIENT_ROW(gru_with_all_inputs),
        GRADIENT_ROW(gru_with_all_inputs_and_the_batch_first),
        GRADIENT_ROW(rnn),
        GRADIENT_ROW(rnn_with_all_inputs),
        GRADIENT_ROW(rnn_with_the_batch_first),
        GRADIENT_ROW(rnn_of_rectifiers),
        cmocka_unit_test(lstm__has_a_gradient_when_only_the_last_state_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
