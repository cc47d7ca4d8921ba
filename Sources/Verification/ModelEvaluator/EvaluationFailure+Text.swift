import EvaluationProtocol
import ONNXRuntime

/// Text from models, datasets and libraries made fit for a message: one line of bounded length.
enum MessageText {
    /// Characters of a name that a message shows.
    static let nameLengthMax = 80
    /// Characters of a library's explanation that a message shows.
    static let explanationLengthMax = 400

    /// The text without control and invisible characters, cut to a length.
    static func plain(_ text: String, limit: Int) -> String {
        var result = String.UnicodeScalarView()
        for (position, scalar) in text.unicodeScalars.enumerated() {
            if position >= limit { return String(result) + "…" }
            result.append(isVisible(scalar) ? scalar : " ")
        }
        return String(result)
    }

    /// Whether a text can be shown as it stands.
    static func isName(_ text: String, lengthMax: Int) -> Bool {
        !text.isEmpty && text.unicodeScalars.count <= lengthMax && text.unicodeScalars.allSatisfy(isVisible)
    }

    /// The text with control and invisible characters in figures, as `\u{200c}`; an empty one is `''`.
    static func escaped(_ text: String) -> String {
        guard !text.isEmpty else { return "''" }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            if isVisible(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
    }

    /// A name in single quotes.
    static func quote(_ name: String) -> String {
        "'\(plain(name, limit: nameLengthMax))'"
    }

    /// The first names of a list, each in quotes.
    static func list(_ names: some Collection<String>) -> String {
        guard !names.isEmpty else { return "none" }
        let shown = names.prefix(10).map(quote).joined(separator: ", ")
        return names.count > 10 ? "\(shown) and \(names.count - 10) more" : shown
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}

extension EvaluationFailure {
    /// The failure of making a session of the model at a path, which `what` names to a person.
    static func loading(_ error: OnnxError, _ what: String, path: String) -> EvaluationFailure {
        let text = explanation(error, without: path)
        if let common = common(error, text) { return common }
        if error.message.contains(missingLocaleSign) {
            return EvaluationFailure(
                .runtimeMissing, "this machine lacks a locale that the \(what) needs: \(text)",
                remedy:
                    "make the locale where it is measured (localedef -i en_US -f UTF-8 en_US.UTF-8; Debian's package "
                    + "locales), then measure anew")
        }
        if error.code == .notImplemented || signs(unknownOperatorSigns, in: error) {
            return EvaluationFailure(
                .unsupportedOperator, "the \(what) uses what the runtime does not have: \(text)")
        }
        return EvaluationFailure(.invalidModel, "the \(what) cannot be loaded: \(text)")
    }

    /// What `body` answers; what running the model throws becomes a failure.
    static func ofRunning<Value>(_ body: () throws(OnnxError) -> Value) throws(EvaluationFailure) -> Value {
        do {
            return try body()
        } catch {
            throw running(error)
        }
    }

    /// What running a batch answers; where it fails the batch is told, since many models run with one sample alone.
    static func ofBatch<Value>(
        _ samples: Int, _ body: () throws(OnnxError) -> Value
    ) throws(EvaluationFailure) -> Value {
        do {
            return try body()
        } catch {
            let failure = running(error)
            guard samples > 1, failure.kind == .invalidModel || failure.kind == .shapeMismatch else { throw failure }
            throw EvaluationFailure(
                failure.kind, "with \(samples) samples at a time \(failure.message)",
                remedy: "measure one sample at a time with --batch 1 (policy: latency.batch: 1)")
        }
    }

    /// What fails because of the other model of a comparison says so.
    static func ofBaseline<Value>(
        _ which: String = "baseline", _ body: () throws(EvaluationFailure) -> Value
    ) throws(EvaluationFailure) -> Value {
        do {
            return try body()
        } catch {
            throw EvaluationFailure(error.kind, "the \(which) model: \(error.message)", remedy: error.remedy)
        }
    }

    /// The failure of a run.
    static func running(_ error: OnnxError) -> EvaluationFailure {
        let text = explanation(error, without: nil)
        if let common = common(error, text) { return common }
        if signs(sizeOverflowSigns, in: error) {
            return EvaluationFailure(.resourceLimit, "a size cannot be computed: \(text)")
        }
        return switch error.code {
        // The library refuses the arrays before any part of the model runs. What a part refuses, the model gave it.
        case .invalidArgument where !signs([nodeSign], in: error):
            EvaluationFailure(.shapeMismatch, "the model does not accept the dataset's arrays: \(text)")
        case .notImplemented:
            EvaluationFailure(.unsupportedOperator, "the runtime cannot execute the model: \(text)")
        default:
            EvaluationFailure(.invalidModel, "the model fails while it runs: \(text)")
        }
    }

    /// How the library words a locale that it cannot make; models of text name one.
    private static let missingLocaleSign = "Failed to construct locale"

    /// How the library words an operator, a domain, an operator set or a version of the format that it does not know,
    /// or an operator set that a model does not name; it has no code for them.
    private static let unknownOperatorSigns = [
        "is not a registered function/op", "No Op registered for", "No opset import for domain",
        "No opset registered for", "Missing opset in the model", "Unsupported model IR version",
        "is under development and support for this is limited", "Could not find an implementation",
    ]

    /// How the library words an allocation that failed, or that it would not try.
    private static let outOfMemorySigns = [
        "bad_alloc", "bad allocation", "ailed to allocate", "exceeds the supported maximum",
        "exceeds the supported range", "shape may be too large",
    ]

    /// How the library words a size of what it would compute that no number of it can hold.
    private static let sizeOverflowSigns = ["Integer overflow", "SafeIntOnOverflow"]

    /// With what the library begins when a node of the model fails while it runs.
    private static let nodeSign = "while running "

    private static func signs(_ signs: [String], in error: OnnxError) -> Bool {
        signs.contains(where: error.message.contains)
    }

    private static func common(_ error: OnnxError, _ text: String) -> EvaluationFailure? {
        if error.code == .outOfMemory || signs(outOfMemorySigns, in: error) {
            return EvaluationFailure(.resourceLimit, "the memory limit is reached: \(text)")
        }
        return switch error.code {
        case .limitExceeded: EvaluationFailure(.resourceLimit, text)
        case .unsupportedValue: EvaluationFailure(.unsupportedType, text)
        case .libraryUnusable:
            EvaluationFailure(
                .runtimeMissing,
                "ONNX Runtime cannot be loaded (\(text)); install the library or give the path of libonnxruntime.so")
        default: nil
        }
    }

    /// The library's text without the folder that the model is in: where a host keeps its files is not told.
    private static func explanation(_ error: OnnxError, without path: String?) -> String {
        var text = error.message
        if let path {
            text = text.replacing(path, with: "the file")
            if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
                text = text.replacing(path[..<slash], with: "its folder")
            }
        }
        return MessageText.plain(text, limit: MessageText.explanationLengthMax)
    }
}
