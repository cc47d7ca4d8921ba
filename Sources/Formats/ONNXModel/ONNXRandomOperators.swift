/// The operators of a model that answer otherwise each time they run.
///
/// Source: ONNX 1.23, Operators.md, and ONNX Runtime 1.32, ContribOperators.md: all operators that draw. No other one
/// of the CPU keeps anything from one run to the next.
package enum ONNXRandomOperators {
    /// Whatever domain they are written with: a model's own function of such a name has no better one.
    static let names: Set<String> = [
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
        "Sampling", "BiasDropout", "BitmaskDropout", "BitmaskBiasDropout",
    ]

    /// Their names, sorted, in graphs, subgraphs and functions; `Dropout` is one of them in training mode.
    ///
    /// Throws `ONNXModelError`, or whatever the source fails with.
    package static func names(reading source: any RandomAccessSource) throws -> [String] {
        var reader = ONNXReader(source)
        _ = try reader.read()
        return reader.randomness.operators.sorted()
    }
}

/// What is noted while a model is read, of operators that draw.
struct ONNXRandomness {
    private var found: Set<String> = []
    /// What says whether a `Dropout` of the outermost graph is in training mode.
    private var trainingModes: Set<String> = []
    private var falseNames: Set<String> = []
    private var otherNames: Set<String> = []

    var operators: Set<String> {
        let areAllOff = trainingModes.isSubset(of: falseNames.subtracting(otherNames))
        return areAllOff ? found : found.union(["Dropout"])
    }

    /// Notes an operator with its third input, which is the training mode of a `Dropout` and empty for inference.
    ///
    /// Only in the outermost graph a name is sure to mean the initializer.
    mutating func note(_ type: String, thirdInput: String, isOutermost: Bool) {
        if ONNXRandomOperators.names.contains(type) { found.insert(type) }
        guard type == "Dropout", !thirdInput.isEmpty else { return }
        if isOutermost { trainingModes.insert(thirdInput) } else { found.insert(type) }
    }

    /// Notes an initializer of the outermost graph.
    mutating func note(initializer name: String, isFalse: Bool) {
        if isFalse { falseNames.insert(name) } else { otherNames.insert(name) }
    }
}
