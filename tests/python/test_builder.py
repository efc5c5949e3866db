"""New models made by the library, judged by ONNX's checker and run by ONNX Runtime."""
import os
import subprocess
import unittest

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from common import TOOL, ToolTest, session, weights

DRIVER = os.path.join(os.path.dirname(TOOL), "tests", "onnx_io", "made_models_driver")


class Builder(ToolTest):
    def setUp(self):
        super().setUp()
        self.network, self.tensors = self.path("network.onnx"), self.path("tensors.onnx")
        subprocess.run([DRIVER, self.network, self.tensors], check=True)

    def test_checker_accepts_them_strictly(self):
        for path in [self.network, self.tensors]:
            onnx.checker.check_model(path, full_check=True)
            model = onnx.load(path)
            self.assertEqual((model.ir_version, model.producer_name), (8, "onnx-align"))
            self.assertEqual([(entry.domain, entry.version) for entry in model.opset_import], [("", 13)])
            shape_inference.infer_shapes(model, strict_mode=True)

    def test_runtime_computes_what_numpy_does(self):
        found = weights(self.network)
        x = np.random.default_rng(1).standard_normal((3, 1, 4, 4)).astype(np.float32)
        padded = np.pad(x[:, 0].astype(float), ((0, 0), (1, 1), (1, 1)))
        h = np.zeros((3, 2, 4, 4))
        for i in range(3):
            for j in range(3):
                h += found["kernel"][None, :, 0, i, j, None, None] * padded[:, None, i:i + 4, j:j + 4]
        h += found["shift"][None, :, None, None]
        h = np.where(h < 0, 0.25 * h, h)
        expected = h.reshape(3, -1) @ found["dense"].T.astype(float)
        y, = session(self.network).run(None, {"x": x})
        # Sums of at most 9 and 32 float products of magnitude about 1.
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)

    def test_tensors_are_the_outputs_of_a_model_without_inputs(self):
        matrix, scalar = session(self.tensors).run(None, {})
        np.testing.assert_array_equal(matrix, np.float32([[1, -2, 3.5], [0, 1e-30, 1e30]]))
        self.assertEqual((scalar.shape, scalar.dtype, int(scalar)), ((), np.int64, -7))
        model = onnx.load(self.tensors)
        self.assertEqual({entry.key: entry.value for entry in model.metadata_props}, {"kind": "numbers"})
        self.assertEqual([tensor.name for tensor in model.graph.initializer], ["matrix", "scalar"])
        np.testing.assert_array_equal(numpy_helper.to_array(model.graph.initializer[0]), matrix)


if __name__ == "__main__":
    unittest.main(verbosity=2)
