import AssayClient
import AssayDomain

/// What a push says of a version: read from a YAML file, then overridden by options.
struct PushMetadata {

    var metadata = VersionMetadata()
    var lineage: [LineageDeclaration] = []

    init() {}

    /// Takes what a file says; throws `metadata-invalid` for unknown keys and wrong types.
    mutating func read(file path: String) throws {
        let bytes = try LocalFile(opening: path).readAll(bytesMax: YAMLValue.bytesMax)
        guard case .map(let fields) = try YAMLValue.parse(bytes, name: path, code: .metadataInvalid) else {
            throw Self.invalid("the file is no list of fields")
        }
        var derivation: String?
        var parents: [Reference] = []
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            switch name {
            case "description": metadata.description = try Self.text(value, name)
            case "framework": metadata.framework = try Self.text(value, name)
            case "license": metadata.license = try Self.text(value, name)
            case "run_id": metadata.runId = try Self.text(value, name)
            case "git_commit": metadata.gitCommit = try Self.text(value, name)
            case "metrics": add(metrics: try Self.map(value, name).mapValues { try Self.number($0, name) })
            case "hyperparameters":
                add(hyperparameters: try Self.map(value, name).mapValues { try Self.text($0, name) })
            case "trained_on":
                lineage += try Self.references(value, name).map { LineageDeclaration(relation: .trainedOn, source: $0) }
            case "derived_from": parents = try Self.references(value, name)
            case "as": derivation = try Self.text(value, name)
            default: throw Self.invalid("there is no field \(Printable.quote(name))")
            }
        }
        guard derivation == nil || !parents.isEmpty else {
            throw Self.invalid("'as' says how, but no 'derived_from' says from what")
        }
        try add(parents: parents, as: derivation ?? "derived")
    }

    mutating func add(metrics: [String: Double]) {
        metadata.metrics = (metadata.metrics ?? [:]).merging(metrics) { $1 }
    }

    mutating func add(hyperparameters: [String: String]) {
        metadata.hyperparameters = (metadata.hyperparameters ?? [:]).merging(hyperparameters) { $1 }
    }

    /// Adds versions that this one came from; throws `usage` for an unknown word.
    mutating func add(parents: [Reference], as word: String) throws {
        guard let relation = LineageRelation(derivation: word) else {
            throw AssayError(
                .usage, "\(Printable.quote(word)) is no way to derive a model",
                remedy: "use derived, fine-tuned, quantized or distilled")
        }
        lineage += parents.map { LineageDeclaration(relation: relation, source: $0) }
    }

    private static func text(_ value: YAMLValue, _ name: String) throws -> String {
        guard let text = value.text else { throw invalid("'\(name)' is no text") }
        return text
    }

    private static func number(_ value: YAMLValue, _ name: String) throws -> Double {
        switch value {
        case .integer(let number): return Double(number)
        case .number(let number): return number
        default: throw invalid("'\(name)' holds something else than numbers")
        }
    }

    private static func map(_ value: YAMLValue, _ name: String) throws -> [String: YAMLValue] {
        guard case .map(let fields) = value else { throw invalid("'\(name)' is no list of fields") }
        return fields
    }

    private static func references(_ value: YAMLValue, _ name: String) throws -> [Reference] {
        let values: [YAMLValue] = if case .list(let items) = value { items } else { [value] }
        return try values.map { try Reference(parsing: text($0, name)) }
    }

    private static func invalid(_ reason: String) -> AssayError {
        AssayError(.metadataInvalid, "the metadata file cannot be used", reason: reason)
    }
}
