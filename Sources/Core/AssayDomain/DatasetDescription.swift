/// What the maker of a dataset says of its arrays: a small file beside them. Format: docs/formats/evaluation.md.
package struct DatasetDescription: Sendable, Hashable {
    package static let fileName = "dataset.json"
    package static let formatVersion = 1
    package static let bytesMax = 64 << 10

    /// The arrays that may go into a model; at least one.
    package let inputs: [String]
    /// Which axis has the samples, counted from 0, by the name of an input, or of an output of a model; the first one
    /// where nothing is said.
    package let batchAxes: [String: Int]

    private struct Document: Codable {
        let version: Int
        let inputs: [String]
        let batchAxes: [String: Int]?

        enum CodingKeys: String, CodingKey {
            case version, inputs
            case batchAxes = "batch_axes"
        }
    }

    private static let shape = KeyShape.object([
        "version": .value, "inputs": .list(.value), "batch_axes": .map(.value),
    ])
    /// An array has no more axes.
    private static let axisMax = 31

    /// Throws `invalid-dataset` as the failure of a measurement: nothing in the file is passed over.
    package static func parse(_ json: [UInt8]) throws(VerificationReport.FailureError) -> DatasetDescription {
        guard json.count <= bytesMax else { throw failure("has over \(bytesMax) bytes") }
        let document: Document
        do {
            if let fault = shape.fault(in: try JSONValue(parsing: json)) {
                throw AssayError(.jsonInvalid, fault.message, reason: fault.message)
            }
            document = try JSON.decodeVerbatim(Document.self, from: json)
        } catch {
            throw failure("cannot be read: \((error as? AssayError).map { $0.reason ?? $0.message } ?? "no JSON")")
        }
        guard document.version == formatVersion else {
            throw failure("has version \(document.version); \(formatVersion) is known")
        }
        do {
            try InputNames.check(document.inputs)
            if let axes = document.batchAxes, !axes.isEmpty { try InputNames.check(Array(axes.keys)) }
        } catch {
            throw failure("names \(error.reason.map { "\(error.message): \($0)" } ?? error.message)")
        }
        if let (name, axis) = document.batchAxes?.first(where: { !(0...axisMax ~= $0.value) }) {
            throw failure("has \(axis) as the batch axis of \(Printable.quote(name)); axes are 0 to \(axisMax)")
        }
        return DatasetDescription(inputs: document.inputs, batchAxes: document.batchAxes ?? [:])
    }

    private static func failure(_ text: String) -> VerificationReport.FailureError {
        VerificationReport.FailureError(
            "invalid-dataset", Printable.escape("the dataset's \(fileName) \(text)", limit: 500))
    }
}

/// The rule for lists of arrays that are inputs, whoever gives them.
package enum InputNames {
    package static let countMax = 1_000
    package static let bytesMax = 200
    /// Arrays that never go into a model; the evaluator holds the same list, and `group_`.
    package static let reserved: Set<String> = [
        "label", "labels", "classes", "weight", "weights", "sample_weight", "sample_weights",
    ]

    /// In the order of their bytes, so that equal demands are equal settings.
    package static func sorted(_ names: [String]?) -> [String]? {
        names?.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Throws `request-invalid` with what is wrong.
    package static func check(_ names: [String]) throws(AssayError) {
        guard 1...countMax ~= names.count else {
            throw AssayError(.requestInvalid, "\(names.count) inputs", remedy: "name 1 to \(countMax) arrays")
        }
        guard Set(names.map { Array($0.utf8) }).count == names.count else {
            throw AssayError(.requestInvalid, "an input twice", remedy: "name each array once")
        }
        for name in names {
            guard !reserved.contains(name), !name.utf8.starts(with: "group_".utf8) else {
                throw AssayError(
                    .requestInvalid, "\(Printable.quote(name)) as an input",
                    reason: "labels, lists of classes, groups and weights are never fed to a model")
            }
            guard 1...bytesMax ~= name.utf8.count, Printable.isPlain(name) else {
                throw AssayError(
                    .requestInvalid, "\(Printable.quote(name, limit: bytesMax)) as an input",
                    reason: "a name has 1 to \(bytesMax) bytes that can be printed")
            }
        }
    }
}
