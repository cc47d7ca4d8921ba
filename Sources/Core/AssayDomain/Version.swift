/// An immutable version of a repository: a number and the digest of the manifest that lists its files.
package struct Version: Sendable, Hashable, Codable {
    package let repository: RepositoryName
    package let kind: Repository.Kind
    package let number: VersionNumber
    package let manifestDigest: Digest
    package let createdAt: Timestamp
    /// The sum of its files' sizes, in bytes.
    package let contentBytes: Int64
    /// Every alias that points to it now, in byte order.
    package let aliases: [AliasName]
    package let metadata: VersionMetadata
    /// What the model file says about itself; nil where there is no ONNX file.
    package let model: ModelSummary?
    /// Notes added after the push; unlike metadata they may change.
    package let annotations: [String: String]
    /// Those of its aliases that a policy protects which did not promote it; nil if there are none.
    package var notPromoted: [AliasName]?
    /// That it must not be used any more; nil if it may.
    package var withdrawn: Withdrawn?

    package init(
        repository: RepositoryName, kind: Repository.Kind, number: VersionNumber, manifestDigest: Digest,
        createdAt: Timestamp, contentBytes: Int64, aliases: [AliasName], metadata: VersionMetadata,
        model: ModelSummary?, annotations: [String: String]
    ) {
        self.repository = repository
        self.kind = kind
        self.number = number
        self.manifestDigest = manifestDigest
        self.createdAt = createdAt
        self.contentBytes = contentBytes
        self.aliases = aliases
        self.metadata = metadata
        self.model = model
        self.annotations = annotations
    }

    /// `NAME:3`
    package var reference: Reference { Reference(repository, number) }
}

/// What the one who pushed a version says of it; fixed at the first push of its content.
package struct VersionMetadata: Sendable, Hashable, Codable {
    package var description: String?
    package var framework: String?
    /// An SPDX expression, such as `Apache-2.0`.
    package var license: String?
    /// What training claims it measured, by name. Claims decide nothing; measurements do.
    package var metrics: [String: Double]?
    package var hyperparameters: [String: String]?
    /// The id of the training run.
    package var runId: String?
    package var gitCommit: String?

    package static let textBytesMax = 64 << 10
    package static let entriesMax = 256
    package static let keyBytesMax = 256

    package init(
        description: String? = nil, framework: String? = nil, license: String? = nil,
        metrics: [String: Double]? = nil, hyperparameters: [String: String]? = nil, runId: String? = nil,
        gitCommit: String? = nil
    ) {
        self.description = description
        self.framework = framework
        self.license = license
        self.metrics = metrics
        self.hyperparameters = hyperparameters
        self.runId = runId
        self.gitCommit = gitCommit
    }

    /// What the standard annotations of an OCI manifest say; text that breaks the rules says nothing.
    package init(annotations: [String: String]) {
        func plain(_ key: String) -> String? {
            guard let text = annotations[key], (try? Self.check(text, as: key)) != nil else { return nil }
            return text
        }
        self.init(
            description: plain(Annotation.description), license: plain(Annotation.licenses),
            gitCommit: plain(Annotation.revision))
    }

    /// Throws `metadata-invalid` for control characters and `body-too-large` for what exceeds the limits.
    package func check() throws(AssayError) {
        for (name, text) in [
            ("description", description), ("framework", framework), ("license", license), ("run_id", runId),
            ("git_commit", gitCommit),
        ] {
            if let text { try Self.check(text, as: name) }
        }
        try Self.check(hyperparameters ?? [:], as: "hyperparameters")
        for (key, value) in metrics ?? [:] {
            try Self.check(key: key, of: "metrics")
            guard value.isFinite else {
                throw AssayError(.metadataInvalid, "metric \(Printable.quote(key)) is not a finite number")
            }
        }
        guard (metrics?.count ?? 0) <= Self.entriesMax else { throw Self.tooMany("metrics") }
    }

    /// The rule for labels of any kind: bounded, and without control characters.
    package static func check(_ labels: [String: String], as name: String) throws(AssayError) {
        guard labels.count <= entriesMax else { throw tooMany(name) }
        for (key, value) in labels {
            try check(key: key, of: name)
            try check(value, as: "\(name).\(Printable.escape(key))")
        }
    }

    private static func check(key: String, of name: String) throws(AssayError) {
        guard 1...keyBytesMax ~= key.utf8.count else {
            throw AssayError(.metadataInvalid, "a key of \(name) is empty or over \(keyBytesMax) bytes")
        }
        try check(key, as: name)
    }

    private static func check(_ text: String, as name: String) throws(AssayError) {
        guard text.utf8.count <= textBytesMax else {
            throw AssayError(.bodyTooLarge, "\(name) has over \(textBytesMax) bytes")
        }
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
        }
        guard isPlain else { throw AssayError(.metadataInvalid, "\(name) has control characters") }
    }

    private static func tooMany(_ name: String) -> AssayError {
        AssayError(.bodyTooLarge, "\(name) has over \(entriesMax) entries")
    }
}

/// What an ONNX file says about itself, read from its graph without its weights.
package struct ModelSummary: Sendable, Hashable, Codable {
    package struct Tensor: Sendable, Hashable, Codable {
        package let name: String
        /// As NumPy names it: `float32`, `int64` …
        package let elementType: String
        /// A number or the name of a dynamic dimension each.
        package let shape: [String]

        package init(name: String, elementType: String, shape: [String]) {
            self.name = name
            self.elementType = elementType
            self.shape = shape
        }

        /// `float32[batch, 64]`
        package var typeText: String { "\(elementType)[\(shape.joined(separator: ", "))]" }
    }

    /// The path of the file within the version.
    package let path: String
    package let producer: String?
    /// Operator set version by domain; the default domain is `ai.onnx`.
    package let opsets: [String: Int64]
    package let inputs: [Tensor]
    package let outputs: [Tensor]
    /// How often each operator stands in the graph.
    package let operators: [String: Int]
    package let parameterCount: Int64
    /// Element types of the weights, sorted.
    package let precision: [String]

    package init(
        path: String, producer: String?, opsets: [String: Int64], inputs: [Tensor], outputs: [Tensor],
        operators: [String: Int], parameterCount: Int64, precision: [String]
    ) {
        self.path = path
        self.producer = producer
        self.opsets = opsets
        self.inputs = inputs
        self.outputs = outputs
        self.operators = operators
        self.parameterCount = parameterCount
        self.precision = precision
    }
}
