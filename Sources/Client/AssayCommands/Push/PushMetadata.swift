import AssayClient
import AssayDomain

/// What a push says of a version: read from a YAML file, then overridden by options.
struct PushMetadata {

    var metadata = VersionMetadata()
    var lineage: [LineageDeclaration] = []

    init() {}

    /// Takes what a file says: text as it is written, quotes or not, and numbers where a field takes numbers.
    ///
    /// Throws `metadata-invalid` for unknown keys and for what is not of a field's type.
    mutating func read(file path: String) throws {
        let bytes = try InputFile.read(path, bytesMax: YAMLNode.bytesMax)
        try YAMLNode.parse(bytes, name: path, code: .metadataInvalid) { try take($0) }
    }

    private mutating func take(_ document: YAMLNode) throws {
        var derivation: String?
        var parents: [Reference] = []
        for (name, value) in try MetadataField(name: MetadataField.document, node: document).fields() {
            switch name {
            case "description": metadata.description = try value.text()
            case "framework": metadata.framework = try value.text()
            case "license": metadata.license = try value.text()
            case "run_id": metadata.runId = try value.text()
            case "git_commit": metadata.gitCommit = try value.text()
            case "metrics": add(metrics: try value.fields().mapValues { try $0.number() })
            case "hyperparameters": add(hyperparameters: try value.fields().mapValues { try $0.texts() })
            case "trained_on":
                lineage += try value.references().map { LineageDeclaration(relation: .trainedOn, source: $0) }
            case "derived_from": parents = try value.references()
            case "as": derivation = try value.text()
            default: throw YAMLNode.Fault("there is no field \(Printable.quote(name))", line: value.node.line)
            }
        }
        guard derivation == nil || !parents.isEmpty else {
            throw YAMLNode.Fault("'as' says how, but no 'derived_from' says from what")
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
}
