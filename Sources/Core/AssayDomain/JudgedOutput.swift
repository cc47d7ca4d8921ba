/// What the scores of a classifier are.
package enum ScoreKind: String, Sendable, Hashable, Codable, CaseIterable {
    case probabilities
    /// Any numbers of which the largest is the best; their softmax are probabilities.
    case logits
}

/// The rule for the name of an output, whoever gives it.
package enum OutputName {
    package static let bytesMax = 200

    /// Throws `request-invalid` with what is wrong.
    package static func check(_ name: String) throws(AssayError) {
        guard 1...bytesMax ~= name.utf8.count, Printable.isPlain(name) else {
            throw AssayError(
                .requestInvalid, "\(Printable.quote(name, limit: bytesMax)) as an output",
                reason: "a name has 1 to \(bytesMax) bytes that can be printed")
        }
    }
}

extension VerificationReport.Failure {
    /// What to do about it: what the evaluator says, or else what helps against its kind.
    package var nextStep: String { remedy ?? Self.remedies[kind] ?? "look at the server's log, then measure anew" }

    private static let remedies = [
        "invalid-model": "export the model anew, and try it with onnx.checker and onnxruntime",
        "unsupported-operator": "export the model for an operator set that the runtime has",
        "unsupported-type": "save or export with numbers, bools or strings, in the type that the model takes",
        "invalid-dataset": "save the data with numpy.savez as docs/formats/evaluation.md says, and push it anew",
        "shape-mismatch": "save an array for each input with its name, type and shape (assay show tells them)",
        "non-finite-output": "look at the samples whose answers are NaN or infinite",
        "nondeterministic": "export the model for inference, without operators of random",
        "resource-limit": "use a smaller model or less data; docs/formats/evaluation.md has the limits",
        "time-limit": "ask for fewer runs, or for more time with --deadline (policy: deadline_seconds)",
        "runtime-missing": "install ONNX Runtime where it is measured, then measure anew",
        "worker-crashed": "try the model with onnxruntime elsewhere: one that ends its process cannot be measured",
        "forbidden-call": "measure a model that computes alone: it has no files, network or processes",
    ]
}

extension VerificationReport.Measurements {
    /// Why the metric of a requirement is not among those that were measured; nil if nobody said it.
    package func reason(against requirement: String) -> String? {
        leftOut?[requirement.hasSuffix(".drop") ? String(requirement.dropLast(5)) : requirement].map {
            Printable.escape($0, limit: 400)
        }
    }
}

/// Which file of a version is the model that is measured.
package enum ONNXFileName {
    package static let ending = ".onnx"
    package static let bytesMax = 1_000

    /// Whether a path ends as that of an ONNX model, in small letters or capitals.
    package static func isModel(_ path: String) -> Bool {
        path.utf8.count > ending.utf8.count
            && zip(path.utf8.suffix(ending.utf8.count), ending.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }

    /// Throws `request-invalid` with what is wrong.
    package static func check(_ path: String) throws(AssayError) {
        guard 1...bytesMax ~= path.utf8.count, Printable.isPlain(path), isModel(path) else {
            throw AssayError(
                .requestInvalid, "\(Printable.quote(path)) as a model's file",
                remedy: "use the path of a file of the version that ends in \(ending)")
        }
    }

    /// The one model of a version: the file that is named, or the only one there is. Throws `FailureError`.
    package static func find(
        _ named: String?, among files: [VersionFile], of version: String
    ) throws(VerificationReport.FailureError) -> VersionFile {
        let models = files.filter { isModel($0.path) }
        let list = models.prefix(10).map { Printable.quote($0.path) }.joined(separator: ", ")
        if let named {
            if let file = models.first(where: { $0.path.isExactly(named) }) { return file }
            throw VerificationReport.FailureError(
                "invalid-model",
                "\(version) has no file \(Printable.quote(named))" + (list.isEmpty ? "" : "; its models are \(list)"),
                remedy: "name one of them with --file PATH (policy: file)")
        }
        guard let file = models.first, models.count == 1 else {
            throw VerificationReport.FailureError(
                "invalid-model",
                "\(version) has \(models.count) \(ending) files, one is needed" + (list.isEmpty ? "" : ": \(list)"),
                remedy: models.isEmpty
                    ? "push a model in the ONNX format, its name ending in \(ending)"
                    : "name one of them with --file PATH (policy: file)")
        }
        return file
    }
}
