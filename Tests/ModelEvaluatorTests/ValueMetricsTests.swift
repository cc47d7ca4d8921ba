import ONNXRuntime
import Testing

@testable import ModelEvaluator

@Suite struct `Regression metrics` {
    @Test func `one column is measured by hand`() throws {
        // Errors 1, -1, 2; mean of expected 2, squared distances 1 + 0 + 1.
        let values = RegressionScorer(expected: [1, 2, 3], predicted: [2, 1, 5], columns: 1).values()
        #expect(values["mse"] == 2)
        #expect(values["rmse"] == 2.0.squareRoot())
        #expect(abs(try #require(values["mae"]) - 4.0 / 3) < 1e-15)
        #expect(values["max_error"] == 2)
        #expect(values["r2"] == 1 - 6.0 / 2)
    }

    @Test func `several columns average their figures`() {
        // Column 0 is exact, column 1 has errors 1 and 1 around a spread of 2 * 4.
        let values = RegressionScorer(expected: [0, 0, 1, 4], predicted: [0, 1, 1, 5], columns: 2).values()
        #expect(values["r2"] == (1 + 0.75) / 2)
        #expect(values["mse"] == 0.5)
        #expect(values["rmse"] == 0.5)
    }

    @Test(arguments: [([5.0, 5.0], 1.0), ([5.0, 6.0], 0.0)])
    func `equal labels give one for exact predictions and zero otherwise`(predicted: [Double], r2: Double) {
        #expect(RegressionScorer(expected: [5, 5], predicted: predicted, columns: 1).values()["r2"] == r2)
    }

    @Test func `weights choose and repeat samples`() {
        let scorer = RegressionScorer(expected: [1, 2, 3], predicted: [2, 2, 7], columns: 1)
        #expect(scorer.values(weights: [3, 1, 0])["mae"] == 0.75)
        #expect(scorer.values(weights: [1, 1, 0])["max_error"] == 1)
        #expect(scorer.values(weights: [0, 0, 0]).isEmpty)
    }
}

@Suite struct `Comparison with recorded outputs` {
    private func tensor(_ values: [Double], _ shape: [Int]) -> OnnxOutput {
        OnnxOutput(shape: shape, elements: .floatingPoint(values))
    }

    @Test func `errors, angle and best columns are taken over all tensors`() throws {
        var comparison = GoldenComparison()
        #expect(comparison.add(tensor([3, 4, 1, 2], [2, 2]), expected: tensor([4, 3, 1, 2], [2, 2])) == nil)
        #expect(comparison.add(tensor([10], [1]), expected: tensor([12.5], [1])) == nil)
        let values = comparison.values
        #expect(values["max_absolute_error"] == 2.5)
        #expect(abs(try #require(values["max_relative_error"]) - 1.0 / 3) < 1e-15)
        #expect(abs(try #require(values["cosine"]) - 29.0 / 30) < 1e-15)
        #expect(values["argmax_agreement"] == 0.5)
    }

    @Test func `whole numbers and strings count as errors, and have no angle`() {
        var comparison = GoldenComparison()
        _ = comparison.add(
            OnnxOutput(shape: [2], elements: .integers([.max, 4])),
            expected: OnnxOutput(shape: [2], elements: .integers([.max, 2])))
        #expect(comparison.values == ["max_absolute_error": 2, "max_relative_error": 1])
        _ = comparison.add(
            OnnxOutput(shape: [1], elements: .strings(["a"])),
            expected: OnnxOutput(shape: [1], elements: .strings(["b"])))
        #expect(comparison.values == ["max_absolute_error": 2, "max_relative_error": 1])
    }

    @Test(
        arguments: [
            ([Double.infinity], [Double.infinity], nil), ([.nan], [.nan], nil), ([1, .nan], [1, 2], 1),
            ([.infinity], [-.infinity], 0), ([1], [.nan], 0),
        ] as [([Double], [Double], Int?)])
    func `what is no finite number must be the same`(answer: [Double], expected: [Double], place: Int?) {
        var comparison = GoldenComparison()
        #expect(comparison.add(tensor(answer, [answer.count]), expected: tensor(expected, [answer.count])) == place)
    }

    @Test func `zeros agree with zeros alone`() {
        var comparison = GoldenComparison()
        _ = comparison.add(tensor([0, 0], [2]), expected: tensor([0, 0], [2]))
        #expect(comparison.values["cosine"] == 1)
        _ = comparison.add(tensor([0, 1], [2]), expected: tensor([0, 0], [2]))
        #expect(comparison.values["cosine"] == 0)
    }
}
