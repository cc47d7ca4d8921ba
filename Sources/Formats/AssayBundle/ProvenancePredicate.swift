package import AssayDomain
import Foundation

/// Provenance as a predicate: SLSA provenance v1.
///
/// Source: slsa.dev/spec/v1.0/provenance. Hyperparameters are external parameters, what went in are resolved
/// dependencies by digest, the run is the invocation, claimed metrics are a by-product. `assay_metadata` is an
/// extension that carries what the version is said to be; other readers pass over it.
package enum ProvenancePredicate {
    private static let buildType = "https://assay.dev/training/v1"
    /// The most sources that are read from one statement.
    private static let sourcesMax = 1_000

    /// Canonical bytes: the same provenance gives the same.
    package static func encode(_ provenance: Provenance) throws -> [UInt8] {
        let metadata = provenance.metadata
        var dependencies = provenance.sources
            .sorted { ($0.relation.rawValue, $0.digest.description) < ($1.relation.rawValue, $1.digest.description) }
            .map { source in
                ResourceDescriptor(
                    name: source.name, digest: [source.digest.algorithm.rawValue: source.digest.hex],
                    annotations: ["relation": source.relation.rawValue])
            }
        dependencies += provenance.run.inputs.map { input in
            ResourceDescriptor(name: input.name, uri: input.uri, digest: nil, annotations: input.notes)
        }
        if let commit = metadata.gitCommit {
            dependencies.append(ResourceDescriptor(name: "source code", digest: ["gitCommit": commit]))
        }
        let metrics = try metadata.metrics.map { metrics in
            [
                ResourceDescriptor(
                    name: "metrics", digest: nil, mediaType: MediaType.json,
                    content: Base64Text.encode(try WireJSON.encode(metrics)))
            ]
        }
        return try WireJSON.encode(
            Body(
                buildDefinition: .init(
                    buildType: buildType,
                    externalParameters: .init(framework: metadata.framework, hyperparameters: metadata.hyperparameters),
                    resolvedDependencies: dependencies),
                runDetails: .init(
                    builder: .init(id: provenance.builderID),
                    metadata: Details.Metadata(invocationId: metadata.runId, provenance.run), byproducts: metrics),
                assay_metadata: try Extension(metadata)))
    }

    /// Reads a predicate, of ours or of others; throws `signature-invalid` if it is no SLSA provenance.
    ///
    /// A dependency without a relation that we know is left to whoever looks its digest up: it counts as what the
    /// version was derived from. One without a SHA-256 or SHA-512 digest is no version.
    package static func decode(_ predicate: [UInt8]) throws(AssayError) -> Provenance {
        let body = try SignedJSON.decode(Body.self, from: predicate, what: "the provenance", shape: shape)
        let dependencies = body.buildDefinition.resolvedDependencies ?? []
        guard dependencies.count <= sourcesMax else {
            throw AssayError(.tooManyEntries, "the provenance names over \(sourcesMax) dependencies")
        }
        var sources: [LineageSource] = []
        for dependency in dependencies {
            guard let digest = dependency.versionDigest else { continue }
            let relation = dependency.annotations?["relation"].flatMap(LineageRelation.init(rawValue:)) ?? .derivedFrom
            let name = dependency.name ?? dependency.uri ?? digest.short
            sources.append(LineageSource(relation: relation, name: Printable.escape(name), digest: digest))
        }
        var metadata = body.assay_metadata?.metadata ?? VersionMetadata()
        if metadata.runId == nil { metadata.runId = body.runDetails.metadata?.invocationId }
        return Provenance(builderID: body.runDetails.builder.id, metadata: metadata, sources: sources)
    }

    /// Source: slsa.dev/spec/v1.0/provenance.
    private static let shape = JSONShape.object([
        "buildDefinition": .object([
            "buildType": .free, "externalParameters": .free, "internalParameters": .free,
            "resolvedDependencies": .list(ResourceDescriptor.shape),
        ]),
        "runDetails": .object([
            "builder": .object(["id": .free, "version": .free, "builderDependencies": .free]),
            "metadata": .object(["invocationId": .free, "startedOn": .free, "finishedOn": .free]),
            "byproducts": .list(ResourceDescriptor.shape),
        ]),
        "assay_metadata": .free,
    ])

    private struct Body: Codable {
        let buildDefinition: Definition
        let runDetails: Details
        var assay_metadata: Extension?
    }

    private struct Definition: Codable {
        let buildType: String
        let externalParameters: Parameters
        var resolvedDependencies: [ResourceDescriptor]?
    }

    /// What other builders put here is theirs.
    private struct Parameters: Codable {
        let framework: String?
        let hyperparameters: [String: String]?

        init(framework: String?, hyperparameters: [String: String]?) {
            self.framework = framework
            self.hyperparameters = hyperparameters
        }

        init(from decoder: any Decoder) throws {
            (framework, hyperparameters) = (nil, nil)
            _ = try decoder.container(keyedBy: CodingKeys.self)
        }
    }

    private struct Details: Codable {
        struct Builder: Codable { let id: String }
        struct Metadata: Codable {
            let invocationId: String?
            let startedOn: String?
            let finishedOn: String?

            /// Nil where nothing is known.
            init?(invocationId: String?, _ run: TrainingRun) {
                guard invocationId != nil || run.startedAt != nil || run.finishedAt != nil else { return nil }
                self.invocationId = invocationId
                startedOn = run.startedAt?.description
                finishedOn = run.finishedAt?.description
            }
        }

        let builder: Builder
        let metadata: Metadata?
        let byproducts: [ResourceDescriptor]?
    }

    /// The canonical JSON of the metadata, with the names that it has everywhere in Assay.
    private struct Extension: Codable {
        let metadata: VersionMetadata
        private let fields: Fields

        init(_ metadata: VersionMetadata) throws {
            self.metadata = metadata
            fields = Fields(metadata)
        }

        init(from decoder: any Decoder) throws {
            fields = try Fields(from: decoder)
            metadata = fields.metadata
        }

        func encode(to encoder: any Encoder) throws { try fields.encode(to: encoder) }

        private struct Fields: Codable {
            var description, framework, license, run_id, git_commit: String?
            var metrics: [String: Double]?
            var hyperparameters: [String: String]?

            init(_ metadata: VersionMetadata) {
                description = metadata.description
                framework = metadata.framework
                license = metadata.license
                run_id = metadata.runId
                git_commit = metadata.gitCommit
                metrics = metadata.metrics
                hyperparameters = metadata.hyperparameters
            }

            var metadata: VersionMetadata {
                VersionMetadata(
                    description: description, framework: framework, license: license, metrics: metrics,
                    hyperparameters: hyperparameters, runId: run_id, gitCommit: git_commit)
            }
        }
    }
}
