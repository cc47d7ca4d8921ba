import EvaluationProtocol
import ONNXRuntime

/// Answers beside recorded ones, tensor by tensor.
///
/// Bools count as 0 and 1; a string that differs is an error of 1, absolute and relative.
struct GoldenComparison {
    /// The smallest divisor of a relative error, as in scikit-learn's mean absolute percentage error.
    private static let divisorMin = Double.ulpOfOne

    private var maxAbsolute = 0.0
    private var maxRelative = 0.0
    /// The smallest cosine of any pair of tensors of floating point.
    private var cosine: Double?
    private var rows = 0
    private var agreeingRows = 0

    /// Adds one tensor; both have the same shape. Nil, or where exactly one of the two is no finite number.
    mutating func add(_ answer: OnnxOutput, expected: OnnxOutput) -> Int? {
        switch (answer.elements, expected.elements) {
        case (.strings(let answers), .strings(let expected)):
            for (answer, expected) in zip(answers, expected) where answer != expected { add(absolute: 1, relative: 1) }
        case (.integers(let answers), .integers(let expected)):
            for (answer, expected) in zip(answers, expected) where answer != expected {
                let (difference, isOverflow) = answer.subtractingReportingOverflow(expected)
                let error = isOverflow ? abs(Double(answer) - Double(expected)) : Double(difference.magnitude)
                add(absolute: error, relative: error / max(Double(expected.magnitude), Self.divisorMin))
            }
        case (.floatingPoint(let answers), .floatingPoint(let expected)):
            return add(answers, expected: expected, rowLength: answer.shape.count > 1 ? answer.shape.last ?? 0 : 0)
        default: break
        }
        return nil
    }

    private mutating func add(absolute: Double, relative: Double) {
        maxAbsolute = max(maxAbsolute, absolute)
        maxRelative = max(maxRelative, relative)
    }

    private mutating func add(_ answers: [Double], expected: [Double], rowLength: Int) -> Int? {
        var products = 0.0
        var answerSquares = 0.0
        var expectedSquares = 0.0
        for index in answers.indices {
            let (answer, wanted) = (answers[index], expected[index])
            guard answer.isFinite, wanted.isFinite else {
                // The same infinity, or no number both times, is what was recorded.
                if answer == wanted || (answer.isNaN && wanted.isNaN) { continue }
                return index
            }
            let error = abs(answer - wanted)
            add(absolute: error, relative: error / max(abs(wanted), Self.divisorMin))
            products += answer * wanted
            answerSquares += answer * answer
            expectedSquares += wanted * wanted
        }
        addCosine(products, answerSquares, expectedSquares)
        guard rowLength > 1 else { return nil }
        for start in stride(from: 0, to: answers.count, by: rowLength) {
            let row = start..<start + rowLength
            rows += 1
            if Self.largest(answers[row]) == Self.largest(expected[row]) { agreeingRows += 1 }
        }
        return nil
    }

    /// Two tensors of zeros point the same way; a tensor of zeros and another one do not.
    private mutating func addCosine(_ products: Double, _ answerSquares: Double, _ expectedSquares: Double) {
        let isZero = (answerSquares == 0, expectedSquares == 0)
        let value =
            isZero == (true, true)
            ? 1 : isZero == (false, false) ? products / (answerSquares.squareRoot() * expectedSquares.squareRoot()) : 0
        cosine = min(cosine ?? value, value)
    }

    /// The place of the largest element, and of equal ones the first; a NaN is never larger.
    private static func largest(_ row: ArraySlice<Double>) -> Int {
        var best = row.startIndex
        for index in row.indices where row[index] > row[best] || row[best].isNaN { best = index }
        return best - row.startIndex
    }

    /// The metrics by wire name.
    var values: [String: Double] {
        var values = ["max_absolute_error": maxAbsolute, "max_relative_error": maxRelative]
        values["cosine"] = cosine
        if rows > 0 { values["argmax_agreement"] = Double(agreeingRows) / Double(rows) }
        return values
    }
}
