/// How a version came about, as somebody signs it: the run, what went into it, and what it was told.
///
/// Written as SLSA provenance v1; format: docs/formats/attestations.md.
package struct Provenance: Sendable, Hashable {
    /// Who ran the training, as a URI.
    package var builderID: String
    /// What the version is said to be. It is carried along so that another registry knows it too.
    package var metadata: VersionMetadata
    package var sources: [LineageSource]
    package var run: TrainingRun

    package init(
        builderID: String, metadata: VersionMetadata, sources: [LineageSource], run: TrainingRun = TrainingRun()
    ) {
        self.builderID = builderID
        self.metadata = metadata
        self.sources = sources
        self.run = run
    }

    /// The relations that it tells.
    package var relations: Set<LineageRelation> {
        Set(sources.map(\.relation) + (metadata.runId == nil ? [] : [.producedBy]))
    }

    /// Who trains where nobody says so: whoever ran the push.
    package static let pushBuilderID = "urn:assay:push"
    /// Where the registry signs what a pusher said without a key.
    package static let registryBuilderID = "urn:assay:registry"
}

/// What a tracking server recorded of a run besides metadata; all of it is told and none of it decides anything.
package struct TrainingRun: Sendable, Hashable {
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp?
    /// Data that is known by name and place only, so that nobody can tell whether it is still the same.
    package var inputs: [Input]

    package struct Input: Sendable, Hashable {
        package let name: String
        package let uri: String?
        package let notes: [String: String]

        package init(name: String, uri: String?, notes: [String: String]) {
            self.name = name
            self.uri = uri
            self.notes = notes
        }
    }

    package init(startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, inputs: [Input] = []) {
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.inputs = inputs
    }
}
